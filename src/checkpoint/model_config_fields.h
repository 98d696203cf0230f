// The integer fields of config.json: published name, place, default and the range that makes sense. Internal
// to the room: reading, writing and validation of ModelConfig share it.
#pragma once

#include <array>
#include <cstdint>

#include "checkpoint/model_config.h"

namespace qnext {

struct IntegerField {
  const char* name;
  int64_t ModelConfig::*member;
  int64_t fallback;         // where config.json leaves the field out
  int64_t lowest, highest;  // far beyond any model, and small enough that no product of extents overflows
};

// Fields that only matter for some layers (the widths of dense and of expert layers) have 0 as their lowest
// value; ModelConfig::validate() looks at them where a layer needs them.
inline constexpr std::array<IntegerField, 19> kIntegerFields{{
    {"vocab_size", &ModelConfig::vocab_size, 151936, 1, 1 << 24},
    {"hidden_size", &ModelConfig::hidden_size, 2048, 1, 1 << 20},
    {"num_hidden_layers", &ModelConfig::num_layers, 48, 1, 4096},
    {"num_attention_heads", &ModelConfig::num_heads, 16, 1, 1 << 14},
    {"num_key_value_heads", &ModelConfig::num_kv_heads, 2, 1, 1 << 14},
    {"head_dim", &ModelConfig::head_dim, 256, 1, 1 << 14},
    {"linear_num_key_heads", &ModelConfig::linear_key_heads, 16, 1, 1 << 14},
    {"linear_num_value_heads", &ModelConfig::linear_value_heads, 32, 1, 1 << 14},
    {"linear_key_head_dim", &ModelConfig::linear_key_dim, 128, 1, 1 << 14},
    {"linear_value_head_dim", &ModelConfig::linear_value_dim, 128, 1, 1 << 14},
    {"linear_conv_kernel_dim", &ModelConfig::conv_kernel, 4, 1, 1024},
    {"intermediate_size", &ModelConfig::intermediate_size, 5632, 0, 1 << 24},
    {"num_experts", &ModelConfig::num_experts, 512, 0, 1 << 16},
    {"num_experts_per_tok", &ModelConfig::experts_per_token, 10, 0, 1 << 16},
    {"moe_intermediate_size", &ModelConfig::moe_intermediate_size, 512, 0, 1 << 24},
    {"shared_expert_intermediate_size", &ModelConfig::shared_expert_size, 512, 0, 1 << 24},
    {"max_position_embeddings", &ModelConfig::max_positions, 32768, 1, int64_t{1} << 40},
    {"num_nextn_predict_layers", &ModelConfig::num_mtp_layers, 1, 0, 1},
    {"bos_token_id", &ModelConfig::bos_token, -1, -1, INT32_MAX},
}};

}  // namespace qnext
