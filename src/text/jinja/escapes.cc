#include "text/jinja/escapes.h"

#include <fmt/format.h>

#include "text/jinja/unicode.h"

namespace qnext::jinja {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The value of `count` hexadecimal digits at `at`, or -1.
int64_t hex_number(std::string_view text, size_t at, size_t count) {
  if (at + count > text.size()) return -1;
  int64_t value = 0;
  for (size_t i = 0; i < count; ++i) {
    const int digit = hex_digit(text[at + i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

char simple_escape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'v':
      return '\v';
    case 'a':
      return '\a';
    case '\'':
      return '\'';
    case '"':
      return '"';
    case '\\':
      return '\\';
    default:
      return '\0';
  }
}

}  // namespace

std::optional<std::string> unescape(std::string_view text, std::string* error) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    if (text[at] != '\\' || at + 1 >= text.size()) {
      out.push_back(text[at++]);
      continue;
    }
    const char c = text[at + 1];
    if (const char simple = simple_escape(c)) {
      out.push_back(simple);
      at += 2;
    } else if (c == '\n') {
      at += 2;  // a line that continues
    } else if (c == 'x' || c == 'u' || c == 'U') {
      const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
      int64_t value = hex_number(text, at + 2, digits);
      if (value < 0 || value > 0x10FFFF) {
        *error =
            fmt::format("malformed escape '\\{}' in a string: {} hexadecimal digits expected", c, digits);
        return std::nullopt;
      }
      at += 2 + digits;
      if (value >= 0xD800 && value < 0xDC00 && text.substr(at, 2) == "\\u") {  // the pair of UTF-16
        const int64_t low = hex_number(text, at + 2, 4);
        if (low >= 0xDC00 && low < 0xE000) {
          value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
          at += 6;
        }
      }
      append_utf8(out, static_cast<int32_t>(value));
    } else if (c >= '0' && c <= '7') {
      int32_t value = 0;
      size_t digits = 0;
      for (; digits < 3 && at + 1 + digits < text.size(); ++digits) {
        const char d = text[at + 1 + digits];
        if (d < '0' || d > '7') break;
        value = value * 8 + (d - '0');
      }
      append_utf8(out, value);
      at += 1 + digits;
    } else if (c == 'N') {
      *error = "escape '\\N{name}' in a string is not supported";
      return std::nullopt;
    } else {
      out.push_back('\\');
      ++at;
    }
  }
  return out;
}

}  // namespace qnext::jinja
