#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "checkpoint/safetensors.h"
#include "train/run/recipe.h"
#include "train/run/run_checkpoint.h"
#include "train/run/run_checkpoint_files.h"

namespace qnext::train {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostStandingBytes = int64_t{1} << 26;
constexpr std::string_view kStep = "step-";

Result<Standing> read_standing(const Json& json, const std::string& path) {
  if (!json.is_object()) return Error(path + ": a JSON object is expected");
  const JsonFields fields(json, path);
  QN_TRY(const int64_t format, fields.integer("format"));
  if (format != kStandingFormat) {
    return Error(
        fmt::format("{}: field format: {} is not supported, only {} is", path, format, kStandingFormat));
  }
  Standing standing;
  QN_TRY(standing.step, fields.integer("step"));
  QN_TRY(const int64_t seed, fields.integer("seed"));
  standing.seed = static_cast<uint64_t>(seed);
  QN_TRY(standing.data, fields.string("data"));
  QN_TRY(standing.base, fields.string_or("base", ""));
  if (!fields.has("recipe") || !json["recipe"].is_object()) return fields.wrong("recipe", "an object");
  standing.recipe = json["recipe"];
  return standing;
}

Status check_files(const Json& json, const std::string& folder) {
  const JsonFields fields(json, folder + "/" + kStandingFile);
  if (!fields.has("files") || !json["files"].is_object()) return fields.wrong("files", "an object");
  const Json& files = json["files"];
  if (!files.contains(kStateFile)) return fields.wrong("files", fmt::format("one called {}", kStateFile));
  for (const auto& [name, mark] : files.items()) {
    if (name.find('/') != name.npos) return fields.wrong("files", "names of files in this folder");
    const std::string path = folder + "/" + name;
    QN_TRY(const Json now, file_mark(path));
    if (!mark.is_object() || !mark.contains("bytes") || mark["bytes"] != now["bytes"]) {
      return Error(fmt::format("{}: {} bytes, and {} when it was written", path, dump_json(now["bytes"]),
                               mark.is_object() ? dump_json(mark.value("bytes", Json())) : "?"));
    }
    if (mark.value("checksum", Json()) != now["checksum"]) {
      return Error(path + ": has changed since it was written (another checksum)");
    }
  }
  return {};
}

Status restore_one(const TensorSource& source, const StateTarget& target, const std::string& prefix) {
  const std::string name = prefix + target.name;
  const TensorEntry* entry = source.find(name);
  if (!entry) return Error(fmt::format("{}: tensor {}: missing", source.label(), name));
  const Shape shape(std::vector<int64_t>(target.shape.begin(), target.shape.end()));
  if (entry->dtype != DType::kF32 || entry->shape != shape) {
    return Error(fmt::format("{}: tensor {}: {} {}, where f32 {} is expected", source.label(), name,
                             qnext::name(entry->dtype), entry->shape.text(), shape.text()));
  }
  QN_CHECK(shape.elements() == static_cast<int64_t>(target.values.size()),
           "a shape of other size: " + target.name);
  QN_TRY(const Tensor tensor, source.load(name));
  auto* values = reinterpret_cast<std::byte*>(target.values.data());
  const std::byte* read = source.read_once(tensor.data, tensor.bytes(), values);
  if (read != values && !target.values.empty()) std::memcpy(values, read, target.values.size_bytes());
  return {};
}

}  // namespace

Status same_run(const Standing& now, const Standing& saved, const std::string& folder) {
  QN_RETURN_IF_ERROR(same_essence(now.recipe, saved.recipe, saved.step, folder));
  if (now.seed != saved.seed) {
    return Error(fmt::format("seed {}, and {} in {}", now.seed, saved.seed, folder));
  }
  if (now.base != saved.base) {
    return Error(fmt::format("the weights of the base are others than in {}", folder));
  }
  if (now.data != saved.data) {
    return Error(
        fmt::format("the data, the tokenizer or how the data is held out is another than in {}", folder));
  }
  return {};
}

std::vector<std::pair<int64_t, std::string>> run_checkpoints(const std::string& output) {
  std::vector<std::pair<int64_t, std::string>> found;
  std::error_code failed;
  for (fs::directory_iterator at(output, failed), end; !failed && at != end; at.increment(failed)) {
    const std::string name = at->path().filename().string();
    if (!name.starts_with(kStep)) continue;
    int64_t step = 0;
    const char *begin = name.data() + kStep.size(), *stop = name.data() + name.size();
    const auto [read, code] = std::from_chars(begin, stop, step);
    if (code == std::errc() && read == stop && step >= 0) found.emplace_back(step, output + "/" + name);
  }
  std::sort(found.begin(), found.end());
  return found;
}

Result<SavedRun> SavedRun::open(const std::string& folder) {
  const std::string path = folder + "/" + kStandingFile;
  QN_TRY(const Json json, read_json_file(path, kMostStandingBytes));
  SavedRun saved;
  saved.folder_ = folder;
  QN_TRY(saved.standing_, read_standing(json, path));
  if (!folder.ends_with(fmt::format("{}{:06}", kStep, saved.standing_.step))) {
    return Error(
        fmt::format("{}: field step: {} is not the step of this folder", path, saved.standing_.step));
  }
  QN_RETURN_IF_ERROR(check_files(json, folder));
  QN_TRY(saved.tensors_, open_safetensors(folder + "/" + kStateFile));
  return saved;
}

Status SavedRun::restore(std::span<const StateTarget> weights, std::span<const StateTarget> moments) const {
  for (const StateTarget& target : weights) QN_RETURN_IF_ERROR(restore_one(*tensors_, target, kMasterPrefix));
  for (const StateTarget& target : moments) QN_RETURN_IF_ERROR(restore_one(*tensors_, target, kMomentPrefix));
  if (const size_t asked = weights.size() + moments.size(); asked != tensors_->entries().size()) {
    return Error(fmt::format("{}: {} tensors, where {} are expected", tensors_->label(),
                             tensors_->entries().size(), asked));
  }
  return {};
}

Result<std::optional<SavedRun>> open_newest(const std::string& output,
                                            const std::function<void(const std::string&)>& warn) {
  auto all = run_checkpoints(output);
  std::reverse(all.begin(), all.end());
  for (const auto& [step, folder] : all) {
    auto saved = SavedRun::open(folder);
    if (saved.ok()) return std::optional(std::move(saved).value());
    warn(saved.error().message() + "; this checkpoint is left out");
  }
  if (!all.empty()) return Error(output + ": none of its checkpoints is whole; move them away to begin anew");
  return std::optional<SavedRun>();
}

}  // namespace qnext::train
