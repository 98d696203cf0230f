// Small files made byte by byte, so that the readers are tested apart from the writers.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/result.h"
#include "checkpoint/tensor_source.h"

namespace qnext::reading {

inline const std::string kGolden = QNEXT_TEST_DATA "/golden/";

template <class T>
T must(Result<T> result) {
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message());
  if (!result.ok()) std::abort();
  return std::move(result).value();
}

// The message of an error, on one line; "" when there is none.
template <class T>
std::string error_of(const Result<T>& result) {
  if (result.ok()) return "";
  EXPECT_EQ(result.error().message().find('\n'), std::string::npos) << result.error().message();
  return result.error().message();
}

#define EXPECT_ERROR_HAS(result, text) \
  EXPECT_NE(error_of(result).find(text), std::string::npos) << error_of(result)

inline std::span<const std::byte> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// A folder of its own, deleted with its contents.
class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "qnext-checkpoint-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }
  std::string write(const std::string& name, const std::string& contents) const {
    std::ofstream(path_ + "/" + name, std::ios::binary) << contents;
    return path_ + "/" + name;
  }

 private:
  std::string path_;
};

template <class T>
void put(std::string& out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

inline std::string safetensors(const std::string& header, const std::string& data) {
  std::string out;
  put<uint64_t>(out, header.size());
  return out + header + data;
}

// A GGUF image under construction.
class GgufImage {
 public:
  uint32_t version = 3;
  int64_t alignment = 32;
  std::string magic = "GGUF";
  std::string data;  // the data section

  static std::string text(const std::string& s) {
    std::string out;
    put<uint64_t>(out, s.size());
    return out + s;
  }

  // A value whose bytes are given, of any type number.
  GgufImage& key(const std::string& name, uint32_t type, const std::string& bytes) {
    keys_.push_back(text(name));
    put(keys_.back(), type);
    keys_.back() += bytes;
    return *this;
  }
  GgufImage& u32(const std::string& name, uint32_t value) {
    std::string b;
    put(b, value);
    return key(name, 4, b);
  }
  GgufImage& f32(const std::string& name, float value) {
    std::string b;
    put(b, value);
    return key(name, 6, b);
  }
  GgufImage& string(const std::string& name, const std::string& value) { return key(name, 8, text(value)); }
  GgufImage& boolean(const std::string& name, uint8_t value) {
    return key(name, 7, std::string(1, char(value)));
  }
  GgufImage& list(const std::string& name, uint32_t type, uint64_t count, const std::string& items) {
    std::string b;
    put(b, type);
    put(b, count);
    return key(name, 9, b + items);
  }

  // ne: fastest extent first, as in the file.
  GgufImage& tensor(const std::string& name, const std::vector<uint64_t>& ne, uint32_t type,
                    uint64_t offset) {
    std::string t = text(name);
    put<uint32_t>(t, static_cast<uint32_t>(ne.size()));
    for (uint64_t n : ne) put(t, n);
    put(t, type);
    put(t, offset);
    tensors_.push_back(t);
    return *this;
  }
  // An F32 tensor of zeros at the next free place.
  GgufImage& zeros(const std::string& name, const std::vector<uint64_t>& ne) {
    uint64_t n = 1;
    for (uint64_t e : ne) n *= e;
    tensor(name, ne, 0, data.size());
    data.resize((data.size() + n * 4 + 31) / 32 * 32, '\0');
    return *this;
  }

  std::string build() const {
    std::string out = magic;
    put(out, version);
    put<uint64_t>(out, tensors_.size());
    put<uint64_t>(out, keys_.size());
    for (const auto& k : keys_) out += k;
    for (const auto& t : tensors_) out += t;
    const auto step = static_cast<size_t>(alignment);
    out.resize((out.size() + step - 1) / step * step, '\0');
    return out + data;
  }

 private:
  std::vector<std::string> keys_, tensors_;
};

// Reads every byte of every tensor, so that a sanitizer sees a view that reaches too far.
inline uint64_t touch_all(const TensorSource& source) {
  uint64_t sum = 0;
  for (const TensorEntry& entry : source.entries()) {
    const Tensor tensor = must(source.load(entry.name));
    for (int64_t i = 0; i < tensor.bytes(); ++i) sum += static_cast<uint64_t>(tensor.data[i]);
  }
  return sum;
}

}  // namespace qnext::reading
