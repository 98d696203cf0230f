#include "checkpoint/lora.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <unordered_map>
#include <utility>

#include "checkpoint/row_reader.h"
#include "checkpoint/safetensors.h"
#include "tensor/block_formats.h"

namespace qnext {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "base_model.model.", kWeight = ".weight", kA = ".lora_A.weight",
                           kB = ".lora_B.weight", kBaseLayer = ".base_layer.weight";
constexpr std::string_view kFp8Scale = "_scale_inv";

std::string_view module_of(std::string_view matrix) {
  return matrix.ends_with(kWeight) ? matrix.substr(0, matrix.size() - kWeight.size()) : matrix;
}

// What turns A and B into a change of W. Kinds of adapters that would need more than that are errors.
class Scaling {
 public:
  static Result<Scaling> read(const std::string& path) {
    QN_TRY(const Json json, read_json_file(path));
    if (!json.is_object()) return Error(path + ": a JSON object is expected");
    const JsonFields fields(json, path);
    QN_RETURN_IF_ERROR(only_plain_lora(fields));
    Scaling scaling;
    QN_TRY(scaling.alpha_, fields.number("lora_alpha"));
    QN_TRY(scaling.root_, fields.boolean_or("use_rslora", false));
    QN_TRY(scaling.alphas_, patterns(fields));
    return scaling;
  }

  double of(std::string_view matrix, int64_t rank) const {
    double alpha = alpha_;
    for (const auto& [module, own] : alphas_) {
      if (lora_targets(module, matrix)) alpha = own;
    }
    const auto r = static_cast<double>(rank);
    return alpha / (root_ ? std::sqrt(r) : r);
  }

 private:
  static Status only_plain_lora(const JsonFields& fields) {
    QN_TRY(const std::string type, fields.string("peft_type"));
    if (type != "LORA") return unsupported(fields, "peft_type");
    for (const char* name : {"use_dora", "fan_in_fan_out", "lora_bias"}) {
      QN_TRY(const bool used, fields.boolean_or(name, false));
      if (used) return unsupported(fields, name);
    }
    QN_TRY(const std::string bias, fields.string_or("bias", "none"));
    if (bias != "none") return unsupported(fields, "bias");
    return {};
  }

  static Error unsupported(const JsonFields& fields, const std::string& name) {
    return Error(fmt::format("{}: field {}: {} is not supported", fields.label(), name,
                             dump_json(fields.json()[name])));
  }

  // PEFT takes the keys as regular expressions; what it writes itself are names.
  static Result<std::map<std::string, double>> patterns(const JsonFields& fields) {
    std::map<std::string, double> alphas;
    if (!fields.has("alpha_pattern")) return alphas;
    const Json& json = fields.json()["alpha_pattern"];
    if (!json.is_object()) return fields.wrong("alpha_pattern", "an object");
    for (const auto& [module, alpha] : json.items()) {
      if (!alpha.is_number() || module.find_first_of("*+?()[]{}|^$\\") != module.npos) {
        return fields.wrong("alpha_pattern", "names of modules and a number for each");
      }
      alphas[module] = alpha.get<double>();
    }
    return alphas;
  }

  double alpha_ = 0;
  bool root_ = false;
  std::map<std::string, double> alphas_;
};

struct Change {
  std::vector<float> a, b;  // [rank, in], [out, rank], B with the scale
  int64_t rank = 0;
};

// A tensor of the adapter as float32.
Result<std::vector<float>> read_factor(const TensorSource& adapter, const TensorEntry& entry) {
  const std::string label = fmt::format("{}: tensor {}", adapter.label(), entry.name);
  if (entry.shape.rank() != 2) {
    return Error(fmt::format("{}: shape {}, a matrix is expected", label, entry.shape.text()));
  }
  if (entry.dtype != DType::kF32 && entry.dtype != DType::kBF16 && entry.dtype != DType::kF16) {
    return Error(fmt::format("{}: type {}, expected F32, BF16 or F16", label, name(entry.dtype)));
  }
  QN_TRY(const RowReader reader, RowReader::open(adapter, entry.name, ModelConfig()));
  const int64_t rows = entry.shape[0], cols = entry.shape[1];
  std::vector<float> values(static_cast<size_t>(rows * cols));
  for (int64_t r = 0; r < rows; ++r) reader.read(r, cols, values.data() + r * cols);
  for (const float x : values) {
    if (!std::isfinite(x)) return Error(fmt::format("{}: contains {}", label, x));
  }
  return values;
}

DType merged_type(DType base) { return base == DType::kF32 || base == DType::kF16 ? base : DType::kBF16; }

class AdaptedSource final : public TensorSource {
 public:
  AdaptedSource(std::shared_ptr<const TensorSource> base, const ModelConfig& config, std::string label)
      : base_(std::move(base)), config_(config), label_(std::move(label)) {}

  // Takes the pair that `a` is the first of.
  Status add(const TensorSource& adapter, const TensorEntry& a, const Scaling& scaling) {
    const std::string module = a.name.substr(kPrefix.size(), a.name.size() - kPrefix.size() - kA.size());
    const std::string matrix = module + std::string(kWeight), label = adapter.label() + ": tensor ";
    const TensorEntry* target = base_->find(matrix);
    if (!target || target->shape.rank() != 2) {
      return Error(fmt::format("{}{}: {} has no matrix {}", label, a.name, base_->label(), matrix));
    }
    const TensorEntry* b = adapter.find(lora_b_name(matrix));
    if (!b) return Error(fmt::format("{}{}: missing", label, lora_b_name(matrix)));
    Change change;
    QN_TRY(change.a, read_factor(adapter, a));
    QN_TRY(change.b, read_factor(adapter, *b));
    change.rank = a.shape[0];
    const Shape out_rank{target->shape[0], change.rank}, rank_in{change.rank, target->shape[1]};
    if (change.rank < 1 || a.shape != rank_in || b->shape != out_rank) {
      return Error(fmt::format("{}{}: shapes {} and {} do not fit {} {}", label, a.name, a.shape.text(),
                               b->shape.text(), matrix, target->shape.text()));
    }
    const auto scale = static_cast<float>(scaling.of(matrix, change.rank));
    for (float& x : change.b) x *= scale;
    changes_.emplace(matrix, std::move(change));
    return {};
  }

  void list(bool without_fp8) {
    for (TensorEntry entry : base_->entries()) {
      if (is_scale(entry.name, without_fp8)) continue;
      if (computed(entry, without_fp8)) entry.dtype = merged_type(entry.dtype);
      entries_.push_back(std::move(entry));
    }
    for (size_t i = 0; i < entries_.size(); ++i) index_.emplace(entries_[i].name, i);
  }

  Naming naming() const override { return base_->naming(); }
  const std::string& label() const override { return label_; }
  const std::vector<TensorEntry>& entries() const override { return entries_; }
  const TensorEntry* find(std::string_view name) const override {
    const auto it = index_.find(name);
    return it == index_.end() ? nullptr : &entries_[it->second];
  }
  const std::byte* read_once(const std::byte* data, int64_t bytes, std::byte* buffer) const override {
    return base_->read_once(data, bytes, buffer);
  }

  Result<Tensor> load(std::string_view name) const override {
    const TensorEntry* entry = find(name);
    if (!entry) return Error(fmt::format("{}: tensor {} is missing", label_, name));
    const auto change = changes_.find(std::string(name));
    if (change == changes_.end() && entry->dtype == base_->find(name)->dtype) return base_->load(name);
    QN_TRY(const RowReader reader, RowReader::open(*base_, std::string(name), config_));
    std::byte* out = nullptr;
    Tensor tensor = Tensor::allocate(entry->dtype, entry->shape, &out);
    const int64_t cols = entry->shape.last(), stride = row_bytes(entry->dtype, cols);
    std::vector<float> row(static_cast<size_t>(cols));
    for (int64_t r = 0; r < entry->shape.rows(); ++r) {
      reader.read(r, cols, row.data());
      if (change != changes_.end()) add_change(change->second, r, row);
      quantize_row(entry->dtype, row.data(), out + r * stride, cols);
    }
    return tensor;
  }

 private:
  // Row r of B A.
  static void add_change(const Change& change, int64_t r, std::vector<float>& row) {
    for (int64_t k = 0; k < change.rank; ++k) {
      const float b = change.b[static_cast<size_t>(r * change.rank + k)];
      const float* a = change.a.data() + k * static_cast<int64_t>(row.size());
      for (size_t i = 0; i < row.size(); ++i) row[i] += b * a[i];
    }
  }
  bool computed(const TensorEntry& entry, bool without_fp8) const {
    return changes_.count(entry.name) > 0 || (without_fp8 && entry.dtype == DType::kF8E4M3);
  }
  // Of a tensor that is FP8 no more.
  bool is_scale(std::string_view name, bool without_fp8) const {
    if (!name.ends_with(kFp8Scale)) return false;
    const TensorEntry* scaled = base_->find(name.substr(0, name.size() - kFp8Scale.size()));
    return scaled && computed(*scaled, without_fp8);
  }

  const std::shared_ptr<const TensorSource> base_;
  const ModelConfig config_;
  const std::string label_;
  std::unordered_map<std::string, Change> changes_;  // by the matrix's name
  std::vector<TensorEntry> entries_;                 // not changed after list(): index_ points into its names
  std::unordered_map<std::string_view, size_t> index_;
};

}  // namespace

std::string lora_a_name(std::string_view matrix) {
  return fmt::format("{}{}{}", kPrefix, module_of(matrix), kA);
}
std::string lora_b_name(std::string_view matrix) {
  return fmt::format("{}{}{}", kPrefix, module_of(matrix), kB);
}

bool lora_targets(std::string_view module, std::string_view matrix) {
  const std::string_view own = module_of(matrix);
  if (!own.ends_with(module) || module.empty() || own.ends_with("embed_tokens")) return false;
  return own.size() == module.size() || own[own.size() - module.size() - 1] == '.';
}

Json lora_config(const std::string& base, int64_t rank, double alpha,
                 const std::vector<std::string>& target_modules) {
  const bool whole = alpha == std::floor(alpha) && std::abs(alpha) < 1e9;  // as PEFT writes it
  return {{"peft_type", "LORA"},
          {"task_type", "CAUSAL_LM"},
          {"base_model_name_or_path", base},
          {"r", rank},
          {"lora_alpha", whole ? Json(static_cast<int64_t>(alpha)) : Json(alpha)},
          {"lora_dropout", 0.0},
          {"target_modules", target_modules},
          {"bias", "none"},
          {"fan_in_fan_out", false},
          {"use_rslora", false},
          {"use_dora", false},
          {"inference_mode", true}};
}

Result<std::shared_ptr<const TensorSource>> apply_lora(std::shared_ptr<const TensorSource> base,
                                                       const ModelConfig& config, const std::string& folder,
                                                       bool without_fp8) {
  if (base->naming() != Naming::kPublished) {
    return Error(fmt::format("{}: a published checkpoint is expected, a folder with safetensors, not GGUF",
                             base->label()));
  }
  QN_TRY(const Scaling scaling, Scaling::read((fs::path(folder) / kLoraConfigFile).string()));
  QN_TRY(const auto adapter, open_safetensors((fs::path(folder) / kLoraWeightsFile).string()));
  auto adapted = std::make_shared<AdaptedSource>(base, config,
                                                 fmt::format("{} with {}", base->label(), adapter->label()));
  for (const TensorEntry& entry : adapter->entries()) {
    const bool known = entry.name.starts_with(kPrefix);
    if (known && entry.name.ends_with(kA)) {
      QN_RETURN_IF_ERROR(adapted->add(*adapter, entry, scaling));
      continue;
    }
    // PEFT adds the base's own head where that is adapted.
    if (known && entry.name.ends_with(kBaseLayer)) continue;
    std::string other = entry.name;
    if (known && other.ends_with(kB)) other.replace(other.size() - kB.size(), kB.size(), kA);
    if (other == entry.name || !adapter->find(other)) {
      return Error(fmt::format("{}: tensor {}: not half of a pair ...{} and ...{}", adapter->label(),
                               entry.name, kA, kB));
    }
  }
  if (adapter->entries().empty()) return Error(adapter->label() + ": has no tensors");
  adapted->list(without_fp8);
  return std::shared_ptr<const TensorSource>(std::move(adapted));
}

}  // namespace qnext
