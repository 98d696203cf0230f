// GGUF: the container that llama.cpp uses, versions 2 and 3, little-endian. Reading; gguf_writer.h writes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "checkpoint/tensor_source.h"

namespace qnext {

// general.architecture, and what the keys of an architecture's own metadata start with.
inline constexpr const char* kGgufArchitecture = "qwen3next";

// Tensors in panels (tensor/panels.h) have ggml's number of their type plus this, a number that other
// programs refuse instead of taking the bytes for something else.
inline constexpr uint32_t kPanelTypes = 1000;

// Value types as the file numbers them.
enum class GgufType : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12
};

// One metadata value. Integers of all widths are held as uint64 or int64, floats as double.
struct GgufArray;
using GgufValue =
    std::variant<uint64_t, int64_t, double, bool, std::string, std::shared_ptr<const GgufArray>>;

// A list of values of one type; lists of lists are not read. One of the vectors is in use.
struct GgufArray {
  uint32_t element_type = 0;         // GgufType, as in the file
  std::vector<std::string> strings;  // kString
  std::vector<int64_t> integers;     // all integers and kBool; kU64 beyond 2^63 wraps to negative
  std::vector<double> floats;        // kF32, kF64
};

// Key-value pairs in file order, with typed access whose errors name file and key.
class GgufMetadata {
 public:
  struct Item {
    std::string key;
    uint32_t type = 0;  // GgufType, as in the file
    GgufValue value;
  };
  explicit GgufMetadata(std::string label) : label_(std::move(label)) {}
  void add(Item item) { items_.push_back(std::move(item)); }
  const std::vector<Item>& items() const { return items_; }
  const std::string& label() const { return label_; }

  // Null when absent. The typed readers below fail when the value has another type; those without a fallback
  // also when the key is absent.
  const Item* find(std::string_view key) const;
  Result<int64_t> integer(std::string_view key) const;
  Result<int64_t> integer_or(std::string_view key, int64_t fallback) const;
  Result<double> number_or(std::string_view key, double fallback) const;
  Result<bool> boolean_or(std::string_view key, bool fallback) const;
  Result<std::string> string(std::string_view key) const;
  Result<std::string> string_or(std::string_view key, const std::string& fallback) const;
  Result<std::vector<std::string>> strings(std::string_view key) const;
  Result<std::vector<int64_t>> integers(std::string_view key) const;  // also booleans, as 0 and 1
  // An error that names file and key: "LABEL: key KEY: WHAT".
  Error wrong(std::string_view key, std::string_view what) const;

 private:
  std::string label_;
  std::vector<Item> items_;
};

// One GGUF file, mapped or in memory, or all parts of a split one.
struct GgufFile {
  std::shared_ptr<const GgufMetadata> metadata;  // of the first part
  std::shared_ptr<const TensorSource> tensors;   // of all parts; Naming::kGguf
};

// Maps a file and reads its header, and the other parts when it is the first of a split file
// (NAME-00001-of-0000N.gguf). Checked: counts against the file's size, value types, that every tensor has a
// known type and whole blocks, is aligned, lies inside its file and shares no bytes with another, and that no
// key or tensor name occurs twice.
Result<GgufFile> open_gguf(const std::string& path);

// The same for an image in memory, which cannot be a part of a split file. `owner` keeps it alive (null:
// static).
Result<GgufFile> parse_gguf(std::span<const std::byte> image, std::shared_ptr<const void> owner,
                            const std::string& label);

}  // namespace qnext
