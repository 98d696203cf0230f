// GGUF v3: the container that llama.cpp uses. Reading; gguf_writer.h writes.
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

// One metadata value. Integers of all widths are held as int64/uint64, floats as double.
struct GgufArray;
using GgufValue =
    std::variant<uint64_t, int64_t, double, bool, std::string, std::shared_ptr<const GgufArray>>;
struct GgufArray {
  uint32_t element_type = 0;         // as in the file
  std::vector<GgufValue> items;      // for all but strings and numbers held below
  std::vector<std::string> strings;  // element type string
  std::vector<int64_t> integers;     // element types u8..i64 and bool
  std::vector<double> floats;        // element types f32, f64
};

// Key-value pairs in file order, with typed access whose errors name file and key.
class GgufMetadata {
 public:
  struct Item {
    std::string key;
    uint32_t type = 0;  // as in the file
    GgufValue value;
  };
  explicit GgufMetadata(std::string label) : label_(std::move(label)) {}
  void add(Item item) { items_.push_back(std::move(item)); }
  const std::vector<Item>& items() const { return items_; }
  const std::string& label() const { return label_; }

  const Item* find(std::string_view key) const;
  Result<int64_t> integer(std::string_view key) const;
  Result<int64_t> integer_or(std::string_view key, int64_t fallback) const;
  Result<double> number_or(std::string_view key, double fallback) const;
  Result<bool> boolean_or(std::string_view key, bool fallback) const;
  Result<std::string> string(std::string_view key) const;
  Result<std::string> string_or(std::string_view key, const std::string& fallback) const;
  Result<std::vector<std::string>> strings(std::string_view key) const;
  Result<std::vector<int64_t>> integers(std::string_view key) const;

 private:
  std::string label_;
  std::vector<Item> items_;
};

// One GGUF file, mapped or in memory. Tensor names and shapes are checked against the file's size.
struct GgufFile {
  std::shared_ptr<const GgufMetadata> metadata;
  std::shared_ptr<const TensorSource> tensors;  // all parts of a split file together
};

Result<GgufFile> open_gguf(const std::string& path);
Result<GgufFile> parse_gguf(std::span<const std::byte> image, std::shared_ptr<const void> owner,
                            const std::string& label);

}  // namespace qnext
