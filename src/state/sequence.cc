#include "state/sequence.h"

#include <algorithm>

#include "base/check.h"

namespace qnext {

int64_t StateShape::kv_bytes_per_token() const {
  return attention_layers * 2 * kv_heads * row_bytes(kv_dtype, head_dim);
}

int64_t StateShape::recurrent_bytes() const {
  return linear_layers * (state_floats() + conv_floats()) * static_cast<int64_t>(sizeof(float));
}

Sequence::Sequence(const StateShape& shape, BlockPool& pool)
    : shape_(shape),
      pool_(pool),
      recurrent_(static_cast<size_t>(shape.linear_layers * (shape.state_floats() + shape.conv_floats())),
                 0.0f) {}

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

float* Sequence::recurrent_state(int64_t linear_layer) {
  QN_CHECK(linear_layer >= 0 && linear_layer < shape_.linear_layers, "no such linear-attention layer");
  return recurrent_.data() + linear_layer * (shape_.state_floats() + shape_.conv_floats());
}

float* Sequence::conv_history(int64_t linear_layer) {
  return recurrent_state(linear_layer) + shape_.state_floats();
}

std::shared_ptr<const Snapshot> Sequence::snapshot() const {
  return std::make_shared<const Snapshot>(Snapshot{position_, recurrent_});
}

int64_t Sequence::restore(const Snapshot* snapshot) {
  if (snapshot) {
    QN_CHECK(snapshot->position <= position_, "a snapshot of the future");
    QN_CHECK(snapshot->recurrent.size() == recurrent_.size(), "a snapshot of another model");
    recurrent_ = snapshot->recurrent;
    position_ = snapshot->position;
  } else {
    std::fill(recurrent_.begin(), recurrent_.end(), 0.0f);
    position_ = 0;
  }
  drop_blocks_after(position_);
  return position_;
}

}  // namespace qnext
