#include "checkpoint/synth_source.h"

#include <fmt/format.h>

#include <charconv>
#include <unordered_map>
#include <vector>

#include "checkpoint/manifest.h"

namespace qnext {
namespace {

constexpr std::string_view kSynthPrefix = "synth:";
constexpr std::string_view kSeed = "?seed=";

class SynthSource final : public TensorSource {
 public:
  SynthSource(const ModelConfig& config, std::optional<uint64_t> seed, std::string label)
      : label_(std::move(label)), seed_(seed) {
    for (NamedShape& tensor : published_tensors(config, config.num_mtp_layers > 0)) {
      entries_.push_back({std::move(tensor.name), DType::kBF16, std::move(tensor.shape)});
    }
    index_.reserve(entries_.size());
    for (const TensorEntry& entry : entries_) index_.emplace(entry.name, &entry);
  }

  Naming naming() const override { return Naming::kPublished; }
  const std::string& label() const override { return label_; }
  const std::vector<TensorEntry>& entries() const override { return entries_; }

  const TensorEntry* find(std::string_view name) const override {
    auto it = index_.find(name);
    return it == index_.end() ? nullptr : it->second;
  }

  Result<Tensor> load(std::string_view name) const override {
    const TensorEntry* entry = find(name);
    if (!entry) return Error(fmt::format("{}: tensor {} is missing", label_, name));
    std::byte* data = nullptr;
    Tensor tensor = Tensor::allocate(DType::kBF16, entry->shape, &data);
    synthesize(name, entry->shape.last(), seed_, 0, entry->shape.elements(),
               reinterpret_cast<uint16_t*>(data));
    return tensor;
  }

 private:
  std::string label_;
  std::optional<uint64_t> seed_;
  std::vector<TensorEntry> entries_;  // not changed after construction: index_ points into it
  std::unordered_map<std::string_view, const TensorEntry*> index_;
};

}  // namespace

std::shared_ptr<const TensorSource> make_synth_source(const ModelConfig& config, std::optional<uint64_t> seed,
                                                      std::string label) {
  return std::make_shared<SynthSource>(config, seed, std::move(label));
}

bool is_synth_path(std::string_view model) { return model.starts_with(kSynthPrefix); }

Result<SynthPath> parse_synth_path(const std::string& model) {
  SynthPath path{model.substr(kSynthPrefix.size()), {}};
  const size_t query = path.config_path.rfind(kSeed);
  if (query != std::string::npos) {
    const std::string text = path.config_path.substr(query + kSeed.size());
    uint64_t seed = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), seed);
    if (text.empty() || code != std::errc() || end != text.data() + text.size()) {
      return Error(fmt::format("{}: seed \"{}\" is not a non-negative integer", model, text));
    }
    path.seed = seed;
    path.config_path.resize(query);
  }
  if (path.config_path.empty()) return Error(model + ": the path of a config.json is missing");
  return path;
}

}  // namespace qnext
