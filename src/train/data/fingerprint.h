// A fingerprint of data, to notice that it has changed or is damaged. 128 bits, not made against forgers.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/random.h"

namespace qnext::train {

class Fingerprint {
 public:
  void add(uint64_t word) {
    low_ = mix64(low_ ^ word);
    high_ = mix64(high_ + 0x9e3779b97f4a7c15ULL * word + 1);
  }
  // The length counts, so that two pieces are not the same as one.
  void add(std::span<const std::byte> bytes) {
    add(bytes.size());
    size_t at = 0;
    for (; at + 8 <= bytes.size(); at += 8) add(word(bytes.subspan(at, 8)));
    if (at < bytes.size()) add(word(bytes.subspan(at)));
  }
  void add(std::string_view text) { add(std::as_bytes(std::span(text))); }

  uint64_t low() const { return low_; }
  std::string hex() const { return fmt::format("{:016x}{:016x}", high_, low_); }

 private:
  static uint64_t word(std::span<const std::byte> bytes) {
    uint64_t value = 0;
    std::memcpy(&value, bytes.data(), bytes.size());
    return value;
  }
  uint64_t low_ = 0, high_ = 0;
};

}  // namespace qnext::train
