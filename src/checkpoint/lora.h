// Low-rank adapters (Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021) in the layout of
// Hugging Face's PEFT: a folder with adapter_config.json and adapter_model.safetensors. A matrix W [out, in]
// of the model becomes W + scale * B A, with A [rank, in] and B [out, rank]; scale is lora_alpha / rank, or
// lora_alpha / sqrt(rank) with use_rslora.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "checkpoint/model_config.h"
#include "checkpoint/tensor_source.h"

namespace qnext {

inline constexpr const char* kLoraConfigFile = "adapter_config.json";
inline constexpr const char* kLoraWeightsFile = "adapter_model.safetensors";

// The names that an adapter gives to A and B of a matrix of the model, which is called "MODULE.weight".
std::string lora_a_name(std::string_view matrix);
std::string lora_b_name(std::string_view matrix);

// Whether PEFT's target_modules with this entry mean the matrix: its module's whole name, or the end of it
// after a dot ("q_proj", "shared_expert.up_proj"). The embedding is a table and never meant.
bool lora_targets(std::string_view module, std::string_view matrix);

// adapter_config.json of a new adapter.
Json lora_config(const std::string& base, int64_t rank, double alpha,
                 const std::vector<std::string>& target_modules);

// The tensors of a published checkpoint (or a published_view()) with an adapter's products added. Adapted
// tensors are computed when they are loaded and rounded to the type that the base has, FP8 to BF16; all
// others are the base's own. With `without_fp8` those are BF16 too. Errors name the adapter's file and what
// is wrong: a kind of adapter other than plain LoRA, a tensor that the model does not have, a shape that does
// not fit, a value that is not finite.
Result<std::shared_ptr<const TensorSource>> apply_lora(std::shared_ptr<const TensorSource> base,
                                                       const ModelConfig& config, const std::string& folder,
                                                       bool without_fp8 = false);

}  // namespace qnext
