#include "train/grad/adamw.h"

#include <algorithm>
#include <cmath>

#include "base/thread_pool.h"

namespace qnext::train {
namespace {

constexpr int64_t kPiece = 1 << 16;

}  // namespace

AdamW::AdamW(const ParameterLayout& layout, const AdamWOptions& options)
    : options_(options), size_(layout.size()) {
  m_.zeros(size_);
  v_.zeros(size_);
  // Neighbours that are treated alike are one run, since experts can be small.
  std::vector<Piece> runs;
  for (const ParameterEntry& entry : layout.entries()) {
    const bool decay = std::none_of(options_.no_decay.begin(), options_.no_decay.end(),
                                    [&](const std::string& suffix) { return entry.name.ends_with(suffix); });
    if (!runs.empty() && runs.back().decay == decay) {
      runs.back().count += entry.elements();
    } else {
      runs.push_back({entry.offset, entry.elements(), decay});
    }
  }
  for (const Piece& run : runs) {
    for (int64_t at = 0; at < run.count; at += kPiece) {
      pieces_.push_back({run.begin + at, std::min(kPiece, run.count - at), run.decay});
    }
  }
}

double AdamW::gradient_norm(ThreadPool& pool, const float* gradients) const {
  std::vector<double> sums(pieces_.size());
  pool.parallel_for(static_cast<int64_t>(pieces_.size()), 1, [&](int64_t begin, int64_t end, int) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      sums[i] = vectors<float>().sum_squares(gradients + pieces_[i].begin, pieces_[i].count);
    }
  });
  double total = 0;
  for (double sum : sums) total += sum;
  return std::sqrt(total);
}

void AdamW::apply(ThreadPool& pool, double rate, double norm, float* values, float* gradients) {
  ++step_;
  AdamWStep step{options_.beta1, options_.beta2, options_.epsilon, rate, 0, 1, 1, 1};
  step.correction1 = 1 - std::pow(options_.beta1, static_cast<double>(step_));
  step.correction2 = 1 - std::pow(options_.beta2, static_cast<double>(step_));
  if (options_.clip > 0 && norm > options_.clip) step.gradient_scale = options_.clip / norm;
  pool.parallel_for(static_cast<int64_t>(pieces_.size()), 1, [&](int64_t begin, int64_t end, int) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      const Piece& piece = pieces_[i];
      AdamWStep own = step;
      own.decay = piece.decay ? options_.weight_decay : 0;
      vectors<float>().adamw(own, values + piece.begin, gradients + piece.begin, m_.data() + piece.begin,
                             v_.data() + piece.begin, piece.count);
    }
  });
}

}  // namespace qnext::train
