// What a model file holds, in numbers: the contents of `qnext inspect`. Reads names and shapes only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "checkpoint/checkpoint.h"

namespace qnext {

struct TypeTotal {
  DType dtype = DType::kF32;
  int64_t tensors = 0, elements = 0, bytes = 0;
};

struct Summary {
  std::string path, format, name;  // name: general.name of a GGUF file, else ""
  ModelConfig config;

  // Elements of weights; the scales of FP8 matrices are not parameters.
  int64_t parameters = 0;      // of the main model
  int64_t mtp_parameters = 0;  // of the multi-token-prediction block, which shares embedding and head
  // Parameters that take part in one token of the main model: all but the experts it is not routed to.
  // Embedding and head count in full.
  int64_t active_parameters = 0;

  int64_t tensors = 0;
  int64_t weight_bytes = 0;      // all tensors as stored, the multi-token-prediction block included
  std::vector<TypeTotal> types;  // most bytes first

  int64_t linear_layers = 0, attention_layers = 0, moe_layers = 0, dense_layers = 0;
  bool has_mtp = false;
  int64_t context_length = 0;  // with YaRN, the extended one

  // Elements of the attention cache per token: keys and values of all full-attention layers. The
  // multi-token-prediction block has a cache of its own, one more such layer.
  int64_t cache_elements_per_token = 0, mtp_cache_elements_per_token = 0;
  // Elements of the state of one sequence, whatever its length: matrices of the delta rule (kept in float32)
  // and the last inputs of the convolutions.
  int64_t recurrent_elements = 0, conv_elements = 0;
};

Summary summarize(const Checkpoint& checkpoint);

std::string to_text(const Summary& summary);  // several lines, each ended by a newline
Json to_json(const Summary& summary);

// All tensors, one line each: name, type, shape, bytes. And as a list of objects.
std::string tensors_to_text(const TensorSource& source);
Json tensors_to_json(const TensorSource& source);

}  // namespace qnext
