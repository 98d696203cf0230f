// UTF-8 as untrusted bytes. An invalid sequence is one error per maximal subpart (Unicode 3.9, table 3-8):
// the rule of Python's errors="replace" and of Rust's String::from_utf8_lossy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace qnext {

inline constexpr char32_t kReplacementCharacter = 0xFFFD;

struct Utf8Step {
  char32_t code;  // U+FFFD where the bytes are invalid
  uint32_t size;  // bytes that it takes, at least 1
  bool valid;
};

// Decodes one character of `text` at byte `at`, which must be inside the text.
Utf8Step decode_utf8(std::string_view text, size_t at);

// Appends a code point below U+110000 that is no surrogate.
void append_utf8(std::string& out, char32_t code);

// Length of the longest prefix that is valid UTF-8.
size_t valid_utf8_prefix(std::string_view text);

// Appends the text with every maximal invalid subpart replaced by U+FFFD.
void append_valid_utf8(std::string& out, std::string_view text);

// How many bytes at the end begin a character that further bytes could complete: 0 to 3.
size_t incomplete_utf8_suffix(std::string_view text);

}  // namespace qnext
