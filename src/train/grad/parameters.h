// All weights of a model in one run of numbers, under their published names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "checkpoint/manifest.h"
#include "checkpoint/model_config.h"
#include "checkpoint/tensor_source.h"
#include "tensor/tensor.h"

namespace qnext::train {

struct ParameterEntry {
  std::string name;  // as published
  Shape shape;
  int64_t offset = 0;  // of the first element in the run
  int64_t elements() const { return shape.elements(); }
};

// Where each tensor of a configuration lies: in the order of published_tensors(), without gaps. So
// projections that read the same input (q, k, v; qkvz, ba; gate, up) are one matrix.
class ParameterLayout {
 public:
  ParameterLayout(const ModelConfig& config, bool with_mtp);
  // Of any tensors, in their order.
  explicit ParameterLayout(std::vector<NamedShape> tensors);

  const std::vector<ParameterEntry>& entries() const { return entries_; }
  int64_t size() const { return size_; }                    // elements in all
  const ParameterEntry* find(std::string_view name) const;  // null when absent
  int64_t offset(std::string_view name) const;              // of a tensor that the configuration has

 private:
  std::vector<ParameterEntry> entries_;
  std::unordered_map<std::string, size_t> index_;
  int64_t size_ = 0;
};

// Values to start from (Hugging Face's, whose `deviation` is 0.02): N(0, deviation) for matrices, 0 for
// zero-centred norms, 1 for the gated norm and dt_bias, log U(0, 16) for A_log. Each element is a function of
// seed, tensor name and index.
void initialise(const ParameterLayout& layout, uint64_t seed, double deviation, float* values);

// Reads every tensor of the layout from a published checkpoint of a configuration, float32 afterwards.
// Experts may be one by one or stacked as transformers 5 saves them. Errors name the tensor that is missing
// or of another shape.
Status load_parameters(const ParameterLayout& layout, const TensorSource& source, const ModelConfig& config,
                       float* values);

enum class WeightType : uint8_t { kF32, kBF16 };

// Writes config.json and the values as published safetensors; BF16 rounds to nearest even. The files appear
// when whole. `config` says num_nextn_predict_layers as the layout has it.
Status save_parameters(const ParameterLayout& layout, const ModelConfig& config, const float* values,
                       WeightType type, const std::string& folder);

}  // namespace qnext::train
