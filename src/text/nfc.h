// Unicode normalisation form C, as the Rust tokenizer does it (Unicode 9.0: see unicode_data.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace qnext {

// Holds the tables of the quick check (about 60 KB, built in a few milliseconds). Immutable, so threads may
// share it.
class Nfc {
 public:
  Nfc();

  // The normal form of valid UTF-8. Text that the quick check finds normal, which nearly all text is, comes
  // back as it is; otherwise the result lies in `buffer`. Only the stretches between safe characters are
  // rewritten.
  std::string_view normalize(std::string_view text, std::string& buffer) const;

 private:
  // Of one code point: the canonical combining class in the low byte, and flags.
  using Properties = uint16_t;
  Properties of(char32_t code) const {
    return properties_[(static_cast<size_t>(page_of_[code >> 8]) << 8) | (code & 0xFF)];
  }
  size_t first_unsafe(std::string_view text, size_t from, size_t* stretch_begin) const;
  size_t stretch_end(std::string_view text, size_t from) const;

  std::vector<uint16_t> page_of_;       // [0x1100] page of each 256 code points
  std::vector<Properties> properties_;  // [pages * 256]
};

}  // namespace qnext
