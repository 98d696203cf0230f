// What the fuzz targets share. A target fails by crashing, by a sanitizer's report, by QN_CHECK, or by
// running out of its time or memory; an input that is refused is as good as one that is taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/result.h"

namespace qnext {

inline std::string_view as_text(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// A copy that is aligned as allocated memory is and ends exactly at its last byte, so that the sanitizer sees
// a read beyond it.
class Image {
 public:
  Image(const uint8_t* data, size_t size)
      : memory_(std::make_unique_for_overwrite<std::byte[]>(size)), size_(size) {
    if (size > 0) std::memcpy(memory_.get(), data, size);
  }
  std::span<const std::byte> bytes() const { return {memory_.get(), size_}; }

 private:
  std::unique_ptr<std::byte[]> memory_;
  size_t size_;
};

// Reads every byte, so that the sanitizer sees those that are not there.
inline void touch(const std::byte* data, int64_t size) {
  uint8_t sum = 0;
  for (int64_t i = 0; i < size; ++i) sum ^= static_cast<uint8_t>(data[i]);
  asm volatile("" : : "r"(sum));
}

// The messages of errors are part of the contract: not empty, and they start with the file.
template <class T>
void check_error(const Result<T>& result, std::string_view label) {
  if (result.ok()) return;
  const std::string& message = result.error().message();
  QN_CHECK(message.starts_with(label), "a message without its file: " + message);
  QN_CHECK(message.size() > label.size() + 2, "an empty message");
  QN_CHECK(message.find('\n') == std::string::npos, "more than one line: " + message);
}

}  // namespace qnext
