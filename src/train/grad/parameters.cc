#include "train/grad/parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <numbers>
#include <optional>

#include "base/random.h"
#include "checkpoint/row_reader.h"
#include "checkpoint/safetensors_writer.h"
#include "tensor/float_formats.h"

namespace qnext::train {
namespace {

// A stream of random numbers for each name: FNV-1a, 64 bits.
uint64_t stream_of(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3ULL;
  return hash;
}

// Box and Muller; 1 - u keeps the logarithm's argument above 0.
double normal(uint64_t seed, uint64_t stream, int64_t i) {
  const auto pair = static_cast<uint64_t>(i / 2) * 2;
  const double radius = std::sqrt(-2 * std::log(1 - random_unit(seed, stream, pair)));
  const double angle = 2 * std::numbers::pi * random_unit(seed, stream, pair + 1);
  return radius * (i % 2 == 0 ? std::cos(angle) : std::sin(angle));
}

bool is_norm(std::string_view name) {
  return name.ends_with("norm.weight") || name.ends_with("layernorm.weight") ||
         name.find("pre_fc_norm_") != name.npos;
}

// A tensor of the model in a checkpoint: stored as it is, or as rows of a tensor that has all experts.
struct Stored {
  std::string name;
  Shape shape;        // of the stored tensor
  int64_t first = 0;  // row of it at which the wanted one begins
};

// "...experts.3.up_proj.weight" [width, hidden] as part of "...experts.gate_up_proj" [experts, 2 width,
// hidden], in which the rows of gate come first.
std::optional<Stored> in_stack(const ParameterEntry& entry, const ModelConfig& config) {
  constexpr std::string_view kExperts = ".mlp.experts.", kWeight = ".weight";
  const size_t at = entry.name.find(kExperts);
  if (at == entry.name.npos) return std::nullopt;
  const std::string stack = entry.name.substr(0, at + kExperts.size());
  const char* digits = entry.name.data() + stack.size();
  int64_t expert = 0;
  const auto [end, failed] = std::from_chars(digits, entry.name.data() + entry.name.size(), expert);
  if (failed != std::errc()) return std::nullopt;
  std::string_view which(end + 1, entry.name.data() + entry.name.size() - kWeight.size());
  const int64_t rows = entry.shape[0], cols = entry.shape[1];
  if (which == "down_proj") {
    return Stored{stack + "down_proj", {config.num_experts, rows, cols}, expert * rows};
  }
  const int64_t half = which == "up_proj" ? rows : 0;
  return Stored{stack + "gate_up_proj", {config.num_experts, 2 * rows, cols}, expert * 2 * rows + half};
}

Status load_one(const ParameterEntry& entry, const TensorSource& source, const ModelConfig& config,
                float* out) {
  Stored from{entry.name, entry.shape, 0};
  if (!source.find(from.name)) {
    const std::optional<Stored> stacked = in_stack(entry, config);
    if (!stacked || !source.find(stacked->name)) {
      return Error(fmt::format("{}: tensor {} is missing", source.label(), entry.name));
    }
    from = *stacked;
  }
  const std::string label = fmt::format("{}: tensor {}", source.label(), from.name);
  const TensorEntry& stored = *source.find(from.name);
  if (stored.shape != from.shape) {
    return Error(
        fmt::format("{}: shape {} where {} is expected", label, stored.shape.text(), from.shape.text()));
  }
  if (!is_weight_type(stored.dtype)) {
    return Error(fmt::format("{}: type {}, which weights cannot have", label, name(stored.dtype)));
  }
  QN_TRY(const RowReader reader, RowReader::open(source, from.name, config));
  const int64_t cols = entry.shape.last();
  for (int64_t r = 0; r < entry.shape.rows(); ++r) reader.read(from.first + r, cols, out + r * cols);
  return {};
}

// The values as a source that the writer of checkpoints reads.
class ParameterSource final : public TensorSource {
 public:
  ParameterSource(const ParameterLayout& layout, const float* values, WeightType type)
      : layout_(layout), values_(values), type_(type == WeightType::kBF16 ? DType::kBF16 : DType::kF32) {
    for (const ParameterEntry& entry : layout.entries()) entries_.push_back({entry.name, type_, entry.shape});
  }
  Naming naming() const override { return Naming::kPublished; }
  const std::string& label() const override { return label_; }
  const std::vector<TensorEntry>& entries() const override { return entries_; }
  const TensorEntry* find(std::string_view name) const override {
    const ParameterEntry* entry = layout_.find(name);
    return entry ? &entries_[static_cast<size_t>(entry - layout_.entries().data())] : nullptr;
  }
  Result<Tensor> load(std::string_view name) const override {
    const ParameterEntry* entry = layout_.find(name);
    if (!entry) return Error(fmt::format("{}: tensor {} is missing", label_, name));
    std::byte* data = nullptr;
    Tensor tensor = Tensor::allocate(type_, entry->shape, &data);
    const float* from = values_ + entry->offset;
    if (type_ == DType::kF32) {
      std::memcpy(data, from, static_cast<size_t>(entry->elements()) * sizeof(float));
    } else {
      std::transform(from, from + entry->elements(), reinterpret_cast<uint16_t*>(data), float_to_bf16);
    }
    return tensor;
  }

 private:
  const ParameterLayout& layout_;
  const float* values_;
  const DType type_;
  const std::string label_ = "trained parameters";
  std::vector<TensorEntry> entries_;
};

}  // namespace

ParameterLayout::ParameterLayout(const ModelConfig& config, bool with_mtp)
    : ParameterLayout(published_tensors(config, with_mtp)) {}

ParameterLayout::ParameterLayout(std::vector<NamedShape> tensors) {
  for (NamedShape& tensor : tensors) {
    index_.emplace(tensor.name, entries_.size());
    entries_.push_back({std::move(tensor.name), std::move(tensor.shape), size_});
    size_ += entries_.back().elements();
  }
}

const ParameterEntry* ParameterLayout::find(std::string_view name) const {
  const auto it = index_.find(std::string(name));
  return it == index_.end() ? nullptr : &entries_[it->second];
}

int64_t ParameterLayout::offset(std::string_view name) const {
  const ParameterEntry* entry = find(name);
  QN_CHECK(entry, "no parameter " + std::string(name));
  return entry->offset;
}

void initialise(const ParameterLayout& layout, uint64_t seed, double deviation, float* values) {
  constexpr double kFastestDecay = 16;
  for (const ParameterEntry& entry : layout.entries()) {
    float* out = values + entry.offset;
    const uint64_t stream = stream_of(entry.name);
    const int64_t n = entry.elements();
    if (entry.name.ends_with("A_log")) {
      for (int64_t i = 0; i < n; ++i) {
        const double rate = kFastestDecay * random_unit(seed, stream, static_cast<uint64_t>(i));
        out[i] = static_cast<float>(std::log(std::max(rate, 1e-4)));
      }
    } else if (entry.name.ends_with("dt_bias") || entry.name.ends_with("linear_attn.norm.weight")) {
      std::fill_n(out, n, 1.0f);
    } else if (is_norm(entry.name)) {
      std::fill_n(out, n, 0.0f);
    } else {
      for (int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(deviation * normal(seed, stream, i));
    }
  }
}

Status load_parameters(const ParameterLayout& layout, const TensorSource& source, const ModelConfig& config,
                       float* values) {
  if (source.naming() != Naming::kPublished) {
    return Error(source.label() + ": training starts from a published checkpoint, not from GGUF");
  }
  for (const ParameterEntry& entry : layout.entries()) {
    QN_RETURN_IF_ERROR(load_one(entry, source, config, values + entry.offset));
  }
  return {};
}

Status save_parameters(const ParameterLayout& layout, const ModelConfig& config, const float* values,
                       WeightType type, const std::string& folder) {
  Json json = config.to_json();
  json["torch_dtype"] = type == WeightType::kBF16 ? "bfloat16" : "float32";
  return write_checkpoint_folder(folder, json, ParameterSource(layout, values, type));
}

}  // namespace qnext::train
