#include "train/data/batches.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/random.h"

namespace qnext::train {
namespace {

// Streams of random numbers. Epochs count from 0 and have one each.
constexpr uint64_t kOrderStream = uint64_t{1} << 40;
constexpr uint64_t kShareStream = uint64_t{2} << 40;

// How often a stretch comes in an epoch: the whole part of the weight, and once more in so many epochs as the
// rest of it says, evenly.
int64_t copies(double weight, double phase, int64_t epoch) {
  const double rest = weight - std::floor(weight), e = static_cast<double>(epoch);
  const double more = std::floor((e + 1) * rest + phase) - std::floor(e * rest + phase);
  return static_cast<int64_t>(std::floor(weight) + more);
}

}  // namespace

Batches::Batches(const Corpus& corpus, Options options) : corpus_(corpus), options_(options) {
  QN_CHECK(options_.tokens > 0, "a batch has tokens");
  double weight = 0;
  for (const Corpus::Part& part : corpus.parts()) weight += part.weight;
  QN_CHECK(weight > 0, "a corpus of sources that are never read");
  start();
}

void Batches::start() {
  step_ = 0;
  next_ = 0;
  open_epoch(0);
}

void Batches::open_epoch(int64_t epoch) {
  struct Place {
    uint64_t key;
    const Stretch* stretch;
  };
  std::vector<Place> places;
  uint64_t counter = 0;  // of stretches over all parts: the same in every epoch
  for (const Corpus::Part& part : corpus_.parts()) {
    for (const Stretch& stretch : part.stretches) {
      const double phase = random_unit(options_.seed, kShareStream, counter);
      const int64_t times = copies(part.weight, phase, epoch);
      for (int64_t copy = 0; copy < times; ++copy) {
        const uint64_t place = mix64(counter) + static_cast<uint64_t>(copy);
        places.push_back(
            {random_bits(options_.seed, kOrderStream + static_cast<uint64_t>(epoch), place), &stretch});
      }
      ++counter;
    }
  }
  // Equal keys stay in the order of the corpus.
  std::stable_sort(places.begin(), places.end(),
                   [](const Place& a, const Place& b) { return a.key < b.key; });
  order_.clear();
  for (const Place& place : places) order_.push_back(place.stretch);
  epoch_ = epoch;
}

template <class Visit>
void Batches::take_batch(const Visit& visit) {
  for (int64_t total = 0;;) {
    while (next_ == order_.size()) {
      open_epoch(epoch_ + 1);
      next_ = 0;
    }
    const Stretch& stretch = *order_[next_];
    if (total > 0 && total + stretch.length > options_.tokens) break;
    total += stretch.length;
    visit(stretch);
    ++next_;
    if (total >= options_.tokens) break;
  }
  ++step_;
}

Batch Batches::at(int64_t step) {
  QN_CHECK(step >= 0, "steps count from 0");
  if (step < step_) start();
  while (step_ < step) take_batch([](const Stretch&) {});
  Batch batch;
  take_batch([&](const Stretch& stretch) { corpus_.append(stretch, batch); });
  return batch;
}

double Batches::epochs() const {
  const double part = order_.empty() ? 0 : static_cast<double>(next_) / static_cast<double>(order_.size());
  return static_cast<double>(epoch_) + part;
}

std::vector<Batch> split_batch(const Batch& batch, int64_t tokens) {
  std::vector<Batch> pieces;
  for (size_t s = 0; s < batch.sequences(); ++s) {
    const auto begin = batch.starts[s], end = batch.starts[s + 1];
    const bool fits = !pieces.empty() && static_cast<int64_t>(pieces.back().tokens()) + end - begin <= tokens;
    if (!fits) pieces.emplace_back().starts.push_back(0);
    Batch& piece = pieces.back();
    piece.ids.insert(piece.ids.end(), batch.ids.begin() + begin, batch.ids.begin() + end);
    piece.targets.insert(piece.targets.end(), batch.targets.begin() + begin, batch.targets.begin() + end);
    piece.starts.push_back(static_cast<int64_t>(piece.ids.size()));
  }
  return pieces;
}

}  // namespace qnext::train
