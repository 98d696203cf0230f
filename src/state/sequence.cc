#include "state/sequence.h"

#include <algorithm>

#include "base/check.h"
#include "tensor/tensor.h"

namespace qnext {

int64_t StateShape::kv_bytes_per_token() const {
  return attention_layers * 2 * kv_heads * row_bytes(kv_dtype, head_dim);
}

int64_t StateShape::state_bytes() const {
  constexpr int64_t kFloat = sizeof(float);
  return (row_bytes(state_dtype, state_cells()) + kFloat - 1) / kFloat * kFloat;
}

int64_t StateShape::recurrent_bytes() const {
  return linear_layers * (state_bytes() + conv_floats() * static_cast<int64_t>(sizeof(float)));
}

Sequence::Sequence(const StateShape& shape, BlockPool& pool)
    : shape_(shape), pool_(pool), recurrent_(allocate_aligned(shape.recurrent_bytes())) {
  restore(nullptr);
}

Sequence::~Sequence() { drop_blocks_after(0); }

void Sequence::drop_blocks_after(int64_t tokens) {
  const auto keep = static_cast<size_t>((tokens + shape_.block_tokens - 1) / shape_.block_tokens);
  while (blocks_.size() > keep) {
    pool_.give_back(blocks_.back());
    blocks_.pop_back();
  }
}

Status Sequence::reserve(int64_t tokens) {
  if (shape_.attention_layers == 0) return {};
  const auto need = static_cast<size_t>((position_ + tokens + shape_.block_tokens - 1) / shape_.block_tokens);
  while (blocks_.size() < need) {
    auto block = pool_.take();
    if (!block.ok()) {
      drop_blocks_after(position_);
      return block.error();
    }
    blocks_.push_back(*block);
  }
  return {};
}

void Sequence::advance(int64_t tokens) {
  QN_CHECK(tokens >= 0, "a sequence only moves forward");
  position_ += tokens;
}

KvLayerView Sequence::kv(int64_t attention_layer) {
  QN_CHECK(attention_layer >= 0 && attention_layer < shape_.attention_layers, "no such attention layer");
  const int64_t half = shape_.kv_heads * row_bytes(shape_.kv_dtype, shape_.head_dim) * shape_.block_tokens;
  KvLayerView view;
  view.dtype = shape_.kv_dtype;
  view.block_tokens = shape_.block_tokens;
  view.blocks = blocks_.data();
  view.k_offset = attention_layer * 2 * half;
  view.v_offset = view.k_offset + half;
  return view;
}

void* Sequence::recurrent_state(int64_t linear_layer) {
  QN_CHECK(linear_layer >= 0 && linear_layer < shape_.linear_layers, "no such linear-attention layer");
  return recurrent_.get() + linear_layer * (shape_.recurrent_bytes() / shape_.linear_layers);
}

float* Sequence::conv_history(int64_t linear_layer) {
  auto* state = static_cast<std::byte*>(recurrent_state(linear_layer));
  return reinterpret_cast<float*>(state + shape_.state_bytes());
}

std::shared_ptr<const Snapshot> Sequence::snapshot() const {
  const std::byte* begin = recurrent_.get();
  return std::make_shared<const Snapshot>(Snapshot{position_, {begin, begin + shape_.recurrent_bytes()}});
}

int64_t Sequence::restore(const Snapshot* snapshot) {
  const auto bytes = static_cast<size_t>(shape_.recurrent_bytes());
  if (snapshot) {
    QN_CHECK(snapshot->position <= position_, "a snapshot of the future");
    QN_CHECK(snapshot->recurrent.size() == bytes, "a snapshot of another model");
    std::copy(snapshot->recurrent.begin(), snapshot->recurrent.end(), recurrent_.get());
    position_ = snapshot->position;
  } else {
    std::fill(recurrent_.get(), recurrent_.get() + bytes, std::byte{0});
    position_ = 0;
  }
  drop_blocks_after(position_);
  return position_;
}

}  // namespace qnext
