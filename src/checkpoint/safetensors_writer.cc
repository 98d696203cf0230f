#include "checkpoint/safetensors_writer.h"

#include <fmt/format.h>

#include <filesystem>
#include <set>
#include <span>

namespace qnext {
namespace {

Result<int64_t> stored_bytes(const std::string& path, const TensorEntry& entry) {
  if (info(entry.dtype).safetensors.empty()) {
    return Error(fmt::format("{}: tensor {}: type {} cannot be stored in safetensors", path, entry.name,
                             name(entry.dtype)));
  }
  return entry.shape.elements() * info(entry.dtype).bytes;  // all these types are plain
}

// The header for tensors that follow one another without gaps, padded so that the data starts at a multiple
// of 8.
Result<std::string> make_header(const std::string& path, std::span<const TensorEntry> entries,
                                const SafetensorsMetadata& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) {
    for (const auto& [key, value] : metadata) header["__metadata__"][key] = value;
  }
  std::set<std::string_view> seen;
  int64_t offset = 0;
  for (const TensorEntry& entry : entries) {
    if (!seen.insert(entry.name).second)
      return Error(fmt::format("{}: tensor {}: the name occurs twice", path, entry.name));
    QN_TRY(const int64_t bytes, stored_bytes(path, entry));
    header.push_back({entry.name,
                      {{"dtype", info(entry.dtype).safetensors},
                       {"shape", entry.shape.dims()},
                       {"data_offsets", {offset, offset + bytes}}}});
    offset += bytes;
  }
  std::string text = dump_json(header);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

void write_header(AtomicFile& file, const std::string& header) {
  uint8_t length[8];
  for (int i = 0; i < 8; ++i) length[i] = static_cast<uint8_t>(header.size() >> (8 * i));
  file.write(length, sizeof(length));
  file.write(header);
}

void write_tensor(AtomicFile& file, const Tensor& tensor) {
  file.write(tensor.data, static_cast<size_t>(tensor.shape.elements() * info(tensor.dtype).bytes));
}

struct Shard {
  std::string file;
  std::vector<TensorEntry> entries;
  int64_t bytes = 0;
};

Result<std::vector<Shard>> split_into_shards(const std::string& folder,
                                             const std::vector<TensorEntry>& entries, int64_t limit) {
  std::vector<Shard> shards(1);
  for (const TensorEntry& entry : entries) {
    QN_TRY(const int64_t bytes, stored_bytes(folder, entry));
    if (!shards.back().entries.empty() && shards.back().bytes + bytes > limit) shards.emplace_back();
    shards.back().entries.push_back(entry);
    shards.back().bytes += bytes;
  }
  for (size_t i = 0; i < shards.size(); ++i)
    shards[i].file = fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
  return shards;
}

Status write_shard(const std::string& path, const Shard& shard, const TensorSource& source,
                   const FolderOptions& options, int64_t& done) {
  QN_TRY(const std::string header, make_header(path, shard.entries, {{"format", "pt"}}));
  QN_TRY(auto file, AtomicFile::create(path));
  write_header(*file, header);
  for (const TensorEntry& entry : shard.entries) {
    QN_TRY(const Tensor tensor, source.load(entry.name));
    write_tensor(*file, tensor);
    QN_RETURN_IF_ERROR(file->status());
    if (options.progress) options.progress(++done);
  }
  return file->commit();
}

Status write_text(const std::string& path, const std::string& text) {
  QN_TRY(auto file, AtomicFile::create(path));
  file->write(text);
  return file->commit();
}

}  // namespace

Status write_safetensors(const std::string& path, const std::vector<NamedTensor>& tensors,
                         const SafetensorsMetadata& metadata) {
  std::vector<TensorEntry> entries;
  for (const NamedTensor& t : tensors) entries.push_back({t.name, t.tensor.dtype, t.tensor.shape});
  QN_TRY(const std::string header, make_header(path, entries, metadata));
  QN_TRY(auto file, AtomicFile::create(path));
  write_header(*file, header);
  for (const NamedTensor& t : tensors) write_tensor(*file, t.tensor);
  return file->commit();
}

Result<std::unique_ptr<SafetensorsStream>> SafetensorsStream::create(const std::string& path,
                                                                     const std::vector<TensorEntry>& entries,
                                                                     const SafetensorsMetadata& metadata) {
  QN_TRY(const std::string header, make_header(path, entries, metadata));
  QN_TRY(auto file, AtomicFile::create(path));
  write_header(*file, header);
  int64_t size = file->size();
  for (const TensorEntry& entry : entries) {
    QN_TRY(const int64_t bytes, stored_bytes(path, entry));
    size += bytes;
  }
  return std::unique_ptr<SafetensorsStream>(new SafetensorsStream(std::move(file), size));
}

Status SafetensorsStream::commit() {
  QN_RETURN_IF_ERROR(file_->status());
  QN_CHECK(file_->size() == size_, "a stream of another size than its entries");
  return file_->commit();
}

Status write_checkpoint_folder(const std::string& folder, const Json& config, const TensorSource& source,
                               const FolderOptions& options) {
  QN_TRY(const auto shards, split_into_shards(folder, source.entries(), options.max_shard_bytes));
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) return Error(fmt::format("{}: cannot make the folder: {}", folder, failed.message()));
  Json index = {{"metadata", {{"total_size", 0}}}, {"weight_map", Json::object()}};
  int64_t total = 0, done = 0;
  for (const Shard& shard : shards) {
    QN_RETURN_IF_ERROR(write_shard(folder + "/" + shard.file, shard, source, options, done));
    total += shard.bytes;
    for (const TensorEntry& entry : shard.entries) index["weight_map"].push_back({entry.name, shard.file});
  }
  index["metadata"]["total_size"] = total;
  QN_RETURN_IF_ERROR(write_text(folder + "/config.json", dump_json(config, 1) + "\n"));
  return write_text(folder + "/model.safetensors.index.json", dump_json(index, 1) + "\n");
}

}  // namespace qnext
