#include "checkpoint/hf_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <unordered_map>

#include "base/files.h"
#include "checkpoint/json_reader.h"
#include "checkpoint/mapped_source.h"
#include "checkpoint/safetensors.h"

namespace qnext {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxIndexBytes = int64_t{1} << 28;

// The "weight_map" of model.safetensors.index.json.
class WeightMap final : public JsonReader {
 public:
  explicit WeightMap(const std::string& label) : JsonReader(label) {}

  Status check() const {
    if (!seen_) return Error(label() + ": field weight_map is missing");
    if (files_.empty()) return Error(label() + ": field weight_map is empty");
    return {};
  }

  const std::set<std::string>& shards() const { return shards_; }

  // The shard that holds a tensor according to the map, null when it does not say.
  const std::string* shard_of(std::string_view tensor) const {
    auto it = files_.find(std::string(tensor));
    return it == files_.end() ? nullptr : it->second;
  }
  const std::unordered_map<std::string, const std::string*>& files() const { return files_; }

 private:
  bool in_map() const { return depth() >= 1 && path(0) == "weight_map"; }

  Status on_begin(bool array) override {
    if (depth() == 0) return array ? Error(label() + ": a JSON object is expected") : Status{};
    if (!in_map()) return {};
    if (depth() > 1 || array) return unexpected("a list or object");
    if (seen_) return Error(label() + ": field weight_map occurs twice");
    seen_ = true;
    return {};
  }

  Status on_string(const std::string& file) override {
    if (depth() == 0) return Error(label() + ": a JSON object is expected");
    if (!in_map()) return {};
    if (depth() == 1) return unexpected("text");
    QN_RETURN_IF_ERROR(check_name("tensor", path(1), label()));
    const bool plain = check_name("file", file, "").ok() && file.find_first_of("/\\") == file.npos;
    if (!plain || file == "." || file == "..") {
      return Error(fmt::format("{}: field weight_map.{}: {} is not the name of a file in this folder",
                               label(), path(1), quoted(file)));
    }
    const std::string& shard = *shards_.insert(file).first;
    if (!files_.emplace(path(1), &shard).second) {
      return Error(fmt::format("{}: field weight_map: tensor {} occurs twice", label(), path(1)));
    }
    return {};
  }

  Status on_integer(uint64_t value) override { return other(std::to_string(value).c_str()); }
  Status on_other(const char* kind) override { return other(kind); }
  Status other(const char* kind) const {
    if (depth() == 0) return Error(label() + ": a JSON object is expected");
    return in_map() ? unexpected(kind) : Status{};
  }

  Error unexpected(const char* kind) const {
    if (depth() <= 1) return Error(fmt::format("{}: field weight_map: unexpected {}", label(), kind));
    return Error(fmt::format("{}: field weight_map.{}: unexpected {}", label(), path(1), kind));
  }

  bool seen_ = false;
  std::set<std::string> shards_;  // files_ points to its members
  std::unordered_map<std::string, const std::string*> files_;
};

Result<std::vector<StoredTensor>> load_indexed(const std::string& folder, const std::string& index_path) {
  QN_TRY(const std::string text, read_file(index_path, kMaxIndexBytes));
  WeightMap map(index_path);
  QN_RETURN_IF_ERROR(map.read(text));
  QN_RETURN_IF_ERROR(map.check());

  std::vector<StoredTensor> all;
  size_t listed = 0;
  for (const std::string& shard : map.shards()) {
    const std::string path = (fs::path(folder) / shard).string();
    QN_TRY(std::vector<StoredTensor> tensors, map_safetensors(path));
    for (StoredTensor& tensor : tensors) {
      const std::string* owner = map.shard_of(tensor.entry.name);
      if (owner && *owner != shard) continue;
      listed += owner != nullptr;
      all.push_back(std::move(tensor));
    }
  }
  if (listed == map.files().size()) return all;

  // Something is missing: find the first of it by name.
  std::map<std::string, const std::string*> missing(map.files().begin(), map.files().end());
  for (const StoredTensor& tensor : all) missing.erase(tensor.entry.name);
  const auto& [name, shard] = *missing.begin();
  return Error(fmt::format("{}: tensor {} is missing, although {} lists it there",
                           (fs::path(folder) / *shard).string(), name, index_path));
}

Result<std::vector<std::string>> safetensors_files(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code code;
  for (fs::directory_iterator it(folder, code), end; !code && it != end; it.increment(code)) {
    if (it->path().extension() == ".safetensors") files.push_back(it->path().string());
  }
  if (code) return Error(fmt::format("{}: cannot list the folder: {}", folder, code.message()));
  std::sort(files.begin(), files.end());
  return files;
}

Result<std::vector<StoredTensor>> load_all(const std::string& folder) {
  std::vector<std::string> files;
  const std::string single = (fs::path(folder) / "model.safetensors").string();
  std::error_code ignored;
  if (fs::exists(single, ignored)) {
    files.push_back(single);
  } else {
    QN_TRY(files, safetensors_files(folder));
  }
  if (files.empty()) {
    return Error(folder + ": holds neither model.safetensors.index.json nor any *.safetensors file");
  }
  std::vector<StoredTensor> all;
  for (const std::string& file : files) {
    QN_TRY(std::vector<StoredTensor> tensors, map_safetensors(file));
    std::move(tensors.begin(), tensors.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace

Result<std::shared_ptr<const TensorSource>> open_hf_folder(const std::string& folder) {
  const std::string index = (fs::path(folder) / "model.safetensors.index.json").string();
  std::error_code ignored;
  QN_TRY(std::vector<StoredTensor> tensors,
         fs::exists(index, ignored) ? load_indexed(folder, index) : load_all(folder));
  return make_mapped_source(folder, Naming::kPublished, std::move(tensors));
}

}  // namespace qnext
