// Rotation frequencies of the partial rotary embedding, with linear or YaRN scaling.
#pragma once

#include <vector>

#include "checkpoint/model_config.h"

namespace qnext {

struct RopeTable {
  std::vector<float> inv_freq;  // [rope_dim / 2]
  float factor = 1;             // multiplies cos and sin
};

// theta^(-2m / rope_dim), scaled. YaRN: Peng, Quesnelle, Fan, Shippole, "YaRN: Efficient Context Window
// Extension of Large Language Models" (2023), over the rotated dimensions only.
RopeTable make_rope_table(const ModelConfig& config);

}  // namespace qnext
