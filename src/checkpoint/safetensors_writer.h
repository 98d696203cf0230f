// Writing safetensors: single files of results, and whole checkpoints in the published layout.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/result.h"
#include "checkpoint/tensor_source.h"
#include "tensor/tensor.h"

namespace qnext {

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

using SafetensorsMetadata = std::vector<std::pair<std::string, std::string>>;

// Writes one file, in the given order; it appears under `path` only when whole. Types that safetensors cannot
// hold and names that occur twice are errors.
Status write_safetensors(const std::string& path, const std::vector<NamedTensor>& tensors,
                         const SafetensorsMetadata& metadata = {});

// The same for data that is produced piece by piece and never held whole: the values of all entries, in
// order.
class SafetensorsStream {
 public:
  static Result<std::unique_ptr<SafetensorsStream>> create(const std::string& path,
                                                           const std::vector<TensorEntry>& entries,
                                                           const SafetensorsMetadata& metadata = {});
  void write(const void* data, size_t bytes) { file_->write(data, bytes); }
  Status status() const { return file_->status(); }  // the first failed write
  // The file appears under its name. The bytes written must be as many as the entries take.
  Status commit();

 private:
  SafetensorsStream(std::unique_ptr<AtomicFile> file, int64_t size) : file_(std::move(file)), size_(size) {}
  std::unique_ptr<AtomicFile> file_;
  int64_t size_;  // of the whole file
};

struct FolderOptions {
  int64_t max_shard_bytes = int64_t{5} << 30;          // a tensor that is larger has a shard of its own
  std::function<void(int64_t tensors_done)> progress;  // may be null
};

// Writes all tensors of a source as a published checkpoint: config.json, model-0000N-of-0000M.safetensors and
// model.safetensors.index.json. The folder is made if it does not exist. Holds one tensor in memory at a
// time. Files appear when whole, the index last, so an interrupted folder has no index.
Status write_checkpoint_folder(const std::string& folder, const Json& config, const TensorSource& source,
                               const FolderOptions& options = {});

}  // namespace qnext
