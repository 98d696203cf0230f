// Everything the model remembers of one sequence, as ONE object with ONE position: the paged attention cache
// and the recurrent state of the linear-attention layers.
//
// Attention blocks can be cut back to any length; recurrent state cannot be undone, only restored from a
// snapshot. So there is no truncate(): restore() goes to a snapshot and returns the position that it reached.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernels/ops.h"
#include "state/block_pool.h"

namespace qnext {

// What a sequence of a given model needs; made by the model.
struct StateShape {
  int64_t attention_layers = 0;  // with the multi-token-prediction layer, which comes last
  int64_t kv_heads = 0, head_dim = 0;
  DType kv_dtype = DType::kF32;
  int64_t block_tokens = 64;
  int64_t linear_layers = 0;
  int64_t value_heads = 0, key_dim = 0, value_dim = 0;
  DType state_dtype = DType::kF32;  // or BF16; convolution history is F32
  int64_t conv_kernel = 0, conv_channels = 0;

  int64_t kv_bytes_per_token() const;  // all attention layers, K and V
  // Blocks that so many tokens need.
  int64_t blocks_for(int64_t tokens) const { return (tokens + block_tokens - 1) / block_tokens; }
  int64_t block_bytes() const { return kv_bytes_per_token() * block_tokens; }
  int64_t state_cells() const { return value_heads * key_dim * value_dim; }  // one layer
  int64_t conv_floats() const { return (conv_kernel - 1) * conv_channels; }  // one layer
  int64_t state_bytes() const;      // one layer, a multiple of a float's size
  int64_t recurrent_bytes() const;  // all linear layers, state and convolution history
};

// The recurrent state of a sequence at one position. Immutable; cheap to share.
struct Snapshot {
  int64_t position = 0;
  std::vector<std::byte> recurrent;  // of each linear layer the state, then the convolution history
};

class Sequence {
 public:
  // `pool` hands out the attention blocks and outlives the sequence.
  Sequence(const StateShape& shape, BlockPool& pool);
  ~Sequence();
  Sequence(const Sequence&) = delete;
  Sequence& operator=(const Sequence&) = delete;

  // Tokens processed so far; the position of the next one.
  int64_t position() const { return position_; }
  // Makes room for `tokens` more; an error when the pool is exhausted (the sequence is unchanged).
  Status reserve(int64_t tokens);
  // Moves on after a step has written its keys, values and states.
  void advance(int64_t tokens);

  KvLayerView kv(int64_t attention_layer);
  void* recurrent_state(int64_t linear_layer);  // [value_heads, key_dim, value_dim] of state_dtype
  float* conv_history(int64_t linear_layer);    // [conv_kernel - 1, conv_channels], oldest first

  std::shared_ptr<const Snapshot> snapshot() const;
  // Goes back to `snapshot`, taken from this sequence at or before its position, or to the start (null).
  // Returns the position reached.
  int64_t restore(const Snapshot* snapshot);

 private:
  void drop_blocks_after(int64_t tokens);
  StateShape shape_;
  BlockPool& pool_;
  int64_t position_ = 0;
  std::vector<std::byte*> blocks_;
  std::shared_ptr<std::byte> recurrent_;  // as in a snapshot
};

}  // namespace qnext
