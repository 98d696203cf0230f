#include "engine/batch.h"

#include <algorithm>

#include "base/random.h"

namespace qnext {
namespace {
constexpr uint64_t kSeed = 1;
}  // namespace

Batch::Batch(Model& model, int64_t sequences, int64_t context, int64_t rows)
    : model_(model),
      rows_(rows),
      pool_(model.state_shape().block_bytes(), sequences * model.state_shape().blocks_for(context)) {
  QN_CHECK(sequences > 0, "a batch has at least one sequence");
  QN_CHECK(rows > 0, "a step has at least one row");
  for (int64_t i = 0; i < sequences; ++i) {
    sequences_.push_back(std::make_unique<Sequence>(model.state_shape(), pool_));
  }
}

Status Batch::step(int64_t tokens, LogitsWanted logits) {
  const auto vocab = static_cast<uint64_t>(model_.config().vocab_size);
  tokens_.clear();
  for (size_t i = 0; i < sequences_.size(); ++i) {
    for (int64_t t = 0; t < tokens; ++t) {
      const auto position = static_cast<uint64_t>(sequences_[i]->position() + t);
      tokens_.push_back(static_cast<int32_t>(random_bits(kSeed, i, position) % vocab));
    }
  }
  std::vector<StepItem> items;
  for (size_t i = 0; i < sequences_.size(); ++i) {
    const auto count = static_cast<size_t>(tokens);
    items.push_back(
        {sequences_[i].get(), std::span<const int32_t>(tokens_).subspan(i * count, count), logits});
  }
  return model_.step(items, output_);
}

int64_t Batch::piece() const {
  return std::max(std::min(rows_, kGdnChunk), rows_ / static_cast<int64_t>(sequences_.size()));
}

Status Batch::prompt(int64_t tokens) {
  while (tokens > 0) {
    const int64_t count = std::min(tokens, piece());
    tokens -= count;
    QN_RETURN_IF_ERROR(step(count, tokens == 0 ? LogitsWanted::kLast : LogitsWanted::kNone));
  }
  return {};
}

Status Batch::decode() { return step(1, LogitsWanted::kLast); }

void Batch::mark() {
  marks_.clear();
  for (const auto& sequence : sequences_) marks_.push_back(sequence->snapshot());
}

void Batch::rewind() {
  QN_CHECK(marks_.size() == sequences_.size(), "rewind() before mark()");
  for (size_t i = 0; i < sequences_.size(); ++i) sequences_[i]->restore(marks_[i].get());
}

}  // namespace qnext
