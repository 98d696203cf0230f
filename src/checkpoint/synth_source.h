// Weights that are computed instead of stored: every element is a function of its tensor's name and its
// index. For tests at any size; docs/formats.md states the rule.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "checkpoint/model_config.h"
#include "checkpoint/tensor_source.h"

namespace qnext {

// Elements [begin, begin + count) in row-major order of the synthetic tensor of a published name, as BF16.
// `last_dim` is the tensor's last extent, on which the size of a matrix's values depends. With a seed the
// values are those of "SEED/NAME" in the role of NAME. Any piece can be made by any thread.
void synthesize(std::string_view name, int64_t last_dim, std::optional<uint64_t> seed, int64_t begin,
                int64_t count, uint16_t* out);

// The published tensors of a configuration, all BF16, made anew by each load(). It has the
// multi-token-prediction block when config.num_mtp_layers says so.
std::shared_ptr<const TensorSource> make_synth_source(const ModelConfig& config, std::optional<uint64_t> seed,
                                                      std::string label);

// "synth:CONFIG.json[?seed=N]" in its parts.
struct SynthPath {
  std::string config_path;
  std::optional<uint64_t> seed;
};
bool is_synth_path(std::string_view model);
Result<SynthPath> parse_synth_path(const std::string& model);  // of a model for which is_synth_path() holds

}  // namespace qnext
