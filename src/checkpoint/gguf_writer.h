// Writing GGUF v3: metadata of every type, then tensors whose data is produced one after the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "checkpoint/gguf.h"
#include "checkpoint/tensor_source.h"

namespace qnext {

// Metadata in the making. Setting a key that is there replaces its value.
class GgufMetadataBuilder {
 public:
  GgufMetadataBuilder() = default;
  explicit GgufMetadataBuilder(std::vector<GgufMetadata::Item> items) : items_(std::move(items)) {}
  void u32(const std::string& key, int64_t value);
  void f32(const std::string& key, double value);
  void boolean(const std::string& key, bool value);
  void string(const std::string& key, std::string value);
  void strings(const std::string& key, std::vector<std::string> values);
  void integers(const std::string& key, GgufType element, std::vector<int64_t> values);  // also booleans
  void remove(const std::string& key);
  const std::vector<GgufMetadata::Item>& items() const { return items_; }

 private:
  void set(const std::string& key, GgufType type, GgufValue value);
  std::vector<GgufMetadata::Item> items_;
};

// Where a producer puts the bytes of one tensor, in order.
class TensorSink {
 public:
  explicit TensorSink(AtomicFile& file) : file_(file) {}
  Status write(std::span<const std::byte> bytes) {
    file_.write(bytes.data(), bytes.size());
    return file_.status();
  }

 private:
  AtomicFile& file_;
};

// Makes the data of tensors[index]: exactly as many bytes as its type and shape take.
using TensorProducer = std::function<Status(size_t index, TensorSink& sink)>;

// Writes the file; it appears under `path` only when whole. Alignment 32, or 64 when
// tensors lie in panels. Shapes are slowest extent first, as
// everywhere in qnext, and are turned round in the file.
Status write_gguf(const std::string& path, const std::vector<GgufMetadata::Item>& metadata,
                  const std::vector<TensorEntry>& tensors, const TensorProducer& produce);

}  // namespace qnext
