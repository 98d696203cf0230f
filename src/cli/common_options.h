// Options that several commands share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/definitions.h"
#include "kernels/ops.h"
#include "sample/params.h"
#include "tensor/dtype.h"

namespace qnext {

// Where and how the model runs.
struct EngineOptions {
  std::string device = "auto";
  std::string backend;  // "": the fastest of the device
  std::string isa;      // "": the best of this machine
  int64_t threads = 0;  // 0: every processor
  std::string kv_type = "f32";
  std::string state_type = "f32";
  std::string activations = "int8";
  int64_t context = 0;  // 0: what the command takes by default

  DType kv_dtype() const;
  DType state_dtype() const;
  Rounding rounding() const;
};
void add_engine_options(Command command, EngineOptions& options);

// How tokens are chosen. What is not given comes from the model's defaults.
struct SamplingOptions {
  std::optional<double> temperature, top_p, min_p;
  std::optional<int64_t> top_k;
  std::optional<double> repeat_penalty, presence_penalty, frequency_penalty;
  std::optional<int64_t> repeat_window;
  std::vector<std::string> logit_bias;
  std::optional<uint64_t> seed;  // not given: one from the operating system
  int64_t max_new = -1;
  bool ignore_eos = false;

  // The model's defaults with what was given on the command line. Errors name the option.
  Result<SamplingParams> resolve(const SamplingParams& defaults, int64_t vocab_size) const;
};
void add_sampling_options(Command command, SamplingOptions& options);

// The positional [MODEL].
void add_model_argument(Command command, std::string& model);
// --lora, for commands that compute with the weights.
void add_lora_option(Command command, std::string& lora);

}  // namespace qnext
