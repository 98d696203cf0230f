#include "text/jinja/unicode.h"

#include <utf8proc.h>

namespace qnext::jinja {
namespace {

utf8proc_category_t category(int32_t c) { return c < 0 ? UTF8PROC_CATEGORY_CN : utf8proc_category(c); }

template <class Map>
std::string map_characters(std::string_view text, Map map) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode(text, at);
    if (c.value < 0) {
      out.push_back(text[at]);
    } else {
      append_utf8(out, map(c.value));
    }
    at += c.size;
  }
  return out;
}

bool is_cased(int32_t c) { return is_upper(c) || is_lower(c) || category(c) == UTF8PROC_CATEGORY_LT; }

template <class Belongs>
std::string_view strip(std::string_view text, Side side, Belongs belongs) {
  if (side != Side::right) {
    while (!text.empty()) {
      const CodePoint c = decode(text, 0);
      if (!belongs(c, text.substr(0, c.size))) break;
      text.remove_prefix(c.size);
    }
  }
  if (side != Side::left) {
    while (!text.empty()) {
      const CodePoint c = decode_last(text);
      if (!belongs(c, text.substr(text.size() - c.size))) break;
      text.remove_suffix(c.size);
    }
  }
  return text;
}

}  // namespace

CodePoint decode(std::string_view text, size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  if (first < 0x80) return {first, 1};
  utf8proc_int32_t value = -1;
  const auto size = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + at,
                                     static_cast<utf8proc_ssize_t>(text.size() - at), &value);
  if (size <= 0) return {-1, 1};
  return {value, static_cast<size_t>(size)};
}

CodePoint decode_last(std::string_view text) {
  for (size_t size = 1; size <= 4 && size <= text.size(); ++size) {
    const CodePoint c = decode(text, text.size() - size);
    if (c.value >= 0 && c.size == size) return c;
  }
  return {-1, 1};
}

void append_utf8(std::string& out, int32_t c) {
  if (c >= 0 && c < 0x80) {
    out.push_back(static_cast<char>(c));
    return;
  }
  if (c < 0 || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) c = 0xFFFD;
  utf8proc_uint8_t bytes[4];
  const auto size = utf8proc_encode_char(c, bytes);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
}

size_t length(std::string_view text) {
  size_t count = 0;
  for (size_t at = 0; at < text.size(); ++count) at += decode(text, at).size;
  return count;
}

size_t byte_of(std::string_view text, size_t character) {
  size_t at = 0;
  for (; character > 0 && at < text.size(); --character) at += decode(text, at).size;
  return at;
}

std::optional<size_t> first_invalid_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode(text, at);
    if (c.value < 0) return at;
    at += c.size;
  }
  return std::nullopt;
}

bool is_ascii(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

bool is_space(int32_t c) {
  if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x1f);
  return c == 0x85 || category(c) == UTF8PROC_CATEGORY_ZS || c == 0x2028 || c == 0x2029;
}

bool is_alpha(int32_t c) {
  const auto k = category(c);
  return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO;
}

bool is_decimal(int32_t c) { return category(c) == UTF8PROC_CATEGORY_ND; }

bool is_digit(int32_t c) {
  // Decimal digits and the superscripts and subscripts of Latin-1 and U+2070.
  return is_decimal(c) || c == 0xB2 || c == 0xB3 || c == 0xB9 || c == 0x2070 ||
         (c >= 0x2074 && c <= 0x2079) || (c >= 0x2080 && c <= 0x2089);
}

bool is_numeric(int32_t c) {
  const auto k = category(c);
  return k == UTF8PROC_CATEGORY_ND || k == UTF8PROC_CATEGORY_NL || k == UTF8PROC_CATEGORY_NO;
}

bool is_upper(int32_t c) { return category(c) == UTF8PROC_CATEGORY_LU; }
bool is_lower(int32_t c) { return category(c) == UTF8PROC_CATEGORY_LL || c == 0xAA || c == 0xBA; }

bool is_printable(int32_t c) {
  if (c < 0x80) return c >= 0x20 && c < 0x7f;
  switch (category(c)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    default:
      return true;
  }
}

bool is_line_break(int32_t c) {
  return (c >= 10 && c <= 13) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

std::string upper(std::string_view text) { return map_characters(text, utf8proc_toupper); }
std::string lower(std::string_view text) { return map_characters(text, utf8proc_tolower); }

std::string capitalize(std::string_view text) {
  bool first = true;
  return map_characters(text, [&](int32_t c) {
    const int32_t mapped = first ? utf8proc_totitle(c) : utf8proc_tolower(c);
    first = false;
    return mapped;
  });
}

std::string title(std::string_view text) {
  bool inside = false;
  return map_characters(text, [&](int32_t c) {
    const int32_t mapped = inside ? utf8proc_tolower(c) : utf8proc_totitle(c);
    inside = is_cased(c);
    return mapped;
  });
}

std::string_view strip_space(std::string_view text, Side side) {
  return strip(text, side, [](CodePoint c, std::string_view) { return is_space(c.value); });
}

std::string_view strip_any_of(std::string_view text, std::string_view characters, Side side) {
  return strip(text, side, [&](CodePoint, std::string_view bytes) {
    return characters.find(bytes) != std::string_view::npos;
  });
}

}  // namespace qnext::jinja
