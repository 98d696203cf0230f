// Text as Python's str sees it: a sequence of code points, here held as UTF-8. A byte that is not part of
// valid UTF-8 counts as one character and is copied through unchanged.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace qnext::jinja {

struct CodePoint {
  int32_t value;  // -1 for a byte outside valid UTF-8
  size_t size;    // bytes it takes
};

CodePoint decode(std::string_view text, size_t at);      // at < text.size()
CodePoint decode_last(std::string_view text);            // the character that ends a non-empty text
void append_utf8(std::string& out, int32_t code_point);  // surrogates and values out of range become U+FFFD

size_t length(std::string_view text);                             // in code points
size_t byte_of(std::string_view text, size_t character);          // byte offset of that character, or size()
std::optional<size_t> first_invalid_utf8(std::string_view text);  // byte offset
bool is_ascii(std::string_view text);

// The classes of Python's str.isspace(), isalpha(), isdecimal(), isdigit(), isupper(), islower(),
// isprintable().
bool is_space(int32_t c);
bool is_alpha(int32_t c);
bool is_decimal(int32_t c);
bool is_digit(int32_t c);
bool is_numeric(int32_t c);
bool is_upper(int32_t c);
bool is_lower(int32_t c);
bool is_printable(int32_t c);
bool is_line_break(int32_t c);  // where str.splitlines() splits

// One-to-one case mappings; those that change the number of characters ('ß' to "SS") are left alone.
std::string upper(std::string_view text);
std::string lower(std::string_view text);
std::string capitalize(std::string_view text);  // first character upper, the rest lower
std::string title(std::string_view text);       // str.title(): every run of letters is a word

enum class Side { left, right, both };
std::string_view strip_space(std::string_view text, Side side);
std::string_view strip_any_of(std::string_view text, std::string_view characters, Side side);

}  // namespace qnext::jinja
