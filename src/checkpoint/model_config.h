// The hyper-parameters of a Qwen3-Next model, whatever file they come from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace qnext {

enum class LayerKind : uint8_t { kLinearAttention, kFullAttention };

// Position scaling of the rotary embedding ("rope_scaling" / "rope_parameters").
struct RopeScaling {
  enum class Kind : uint8_t { kNone, kLinear, kYarn } kind = Kind::kNone;
  double factor = 1;
  int64_t original_context = 0;  // original_max_position_embeddings
  double beta_fast = 32, beta_slow = 1;
  double attention_factor = 0;  // multiplies cos and sin; 0: derived from factor (0.1 ln(factor) + 1)
  bool operator==(const RopeScaling&) const = default;
};

struct ModelConfig {
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t num_layers = 0;              // without the multi-token-prediction layer
  std::vector<LayerKind> layer_kinds;  // [num_layers]
  std::vector<bool> layer_is_moe;      // [num_layers]
  // Gated attention.
  int64_t num_heads = 0, num_kv_heads = 0, head_dim = 0;
  int64_t rope_dim = 0;  // rotated leading dimensions of a head, even
  double rope_theta = 10000000;
  RopeScaling rope_scaling;
  // Gated DeltaNet.
  int64_t linear_key_heads = 0, linear_value_heads = 0, linear_key_dim = 0, linear_value_dim = 0;
  int64_t conv_kernel = 4;
  // Feed-forward.
  int64_t intermediate_size = 0;  // dense layers
  int64_t num_experts = 0, experts_per_token = 0;
  int64_t moe_intermediate_size = 0, shared_expert_size = 0;
  bool norm_topk_prob = true;
  double router_aux_loss_coef = 0.001;

  double rms_norm_eps = 1e-6;
  bool tie_embeddings = false;
  int64_t max_positions = 0;
  int64_t num_mtp_layers = 1;  // 0 or 1; whether the weights have it is for the file to say
  int64_t bos_token = -1;
  std::vector<int64_t> eos_tokens;
  // Block-wise FP8: extents of a scale block in the stored matrix; 0 when there is no quantization_config.
  int64_t fp8_block_rows = 0, fp8_block_cols = 0;

  // Derived extents.
  int64_t q_rows() const { return num_heads * head_dim * 2; }  // query and gate, interleaved per head
  int64_t kv_rows() const { return num_kv_heads * head_dim; }
  int64_t linear_key_total() const { return linear_key_heads * linear_key_dim; }
  int64_t linear_value_total() const { return linear_value_heads * linear_value_dim; }
  int64_t conv_channels() const { return 2 * linear_key_total() + linear_value_total(); }
  int64_t qkvz_rows() const { return conv_channels() + linear_value_total(); }
  int64_t attention_layers() const;  // without MTP
  bool operator==(const ModelConfig&) const = default;

  // Reads config.json as published (transformers 4 and 5 spellings). `label` starts error messages.
  // Rejects another architecture, missing or impossible values, naming the field.
  static Result<ModelConfig> from_json(const Json& json, const std::string& label);
  // The published spelling, so that from_json(to_json()) is the same configuration.
  Json to_json() const;
  // Consistency of all values, also for configurations from GGUF. Errors name the published field.
  Status validate(const std::string& label) const;
};

}  // namespace qnext
