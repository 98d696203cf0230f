// The weights in the form that the operations read: norm multipliers with the 1 already added, -exp(A_log),
// rows of in_proj_qkvz split and in head order. Small vectors are float32; matrices keep the type of the
// file.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "checkpoint/model_config.h"
#include "checkpoint/tensor_source.h"
#include "kernels/ops.h"

namespace qnext {

struct AttentionWeights {
  Matrix q;                           // [heads * 2 * head_dim, hidden]; per head: query rows, then gate rows
  Matrix k;                           // [kv_heads * head_dim, hidden]
  Matrix v;                           // [kv_heads * head_dim, hidden]
  Matrix o;                           // [hidden, heads * head_dim]
  std::vector<float> q_norm, k_norm;  // [head_dim]
};

struct LinearAttentionWeights {
  Matrix qkv;  // [2 * key_heads * key_dim + value_heads * value_dim, hidden]; all q, all k, all v
  Matrix z;    // [value_heads * value_dim, hidden]
  Matrix ba;   // [2 * value_heads, hidden]; b of every head, then a of every head
  Matrix out;  // [hidden, value_heads * value_dim]
  std::vector<float> conv;     // [channels, conv_kernel]
  std::vector<float> neg_a;    // [value_heads], -exp(A_log)
  std::vector<float> dt_bias;  // [value_heads]
  std::vector<float> norm;     // [value_dim], plain multiplier
};

struct FeedForwardWeights {
  bool moe = false;
  Mlp dense;                 // when not moe
  Matrix router;             // [experts, hidden]
  std::vector<Mlp> experts;  // [experts]
  Mlp shared;                // empty when the model has no shared expert
  Matrix shared_gate;        // [1, hidden]
};

struct LayerWeights {
  LayerKind kind = LayerKind::kFullAttention;
  std::vector<float> input_norm, post_attention_norm;  // [hidden]
  AttentionWeights attention;                          // kFullAttention
  LinearAttentionWeights linear;                       // kLinearAttention
  FeedForwardWeights feed_forward;
};

// Multi-token prediction: fc([norm_embedding(e), norm_hidden(h)]), one full-attention layer, norm, the main
// head.
struct MtpWeights {
  std::vector<float> norm_embedding, norm_hidden, norm;  // [hidden]
  Matrix fc;                                             // [hidden, 2 * hidden]
  LayerWeights layer;
};

struct ModelWeights {
  Matrix embedding;         // [vocab, hidden]
  Matrix head;              // [vocab, hidden]; the embedding when tied
  std::vector<float> norm;  // [hidden]
  std::vector<LayerWeights> layers;
  std::unique_ptr<MtpWeights> mtp;  // null when not loaded
  int64_t bytes = 0;                // of all matrices, tied ones once
};

// Calls f(Matrix&) for every matrix, layer by layer; for a tied embedding twice.
void for_each_matrix(ModelWeights& weights, const std::function<void(Matrix&)>& f);

using LoadProgress = std::function<void(int64_t done, int64_t total)>;

// Maps or copies every weight, checking names, shapes, types and FP8 scales. `with_mtp` demands the mtp
// block.
Result<ModelWeights> load_weights(const ModelConfig& config, const TensorSource& source, bool with_mtp,
                                  const LoadProgress& progress);

}  // namespace qnext
