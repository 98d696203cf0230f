#include "text/nfc.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <map>
#include <span>

#include "base/check.h"
#include "text/unicode_data.h"
#include "text/utf8.h"

namespace qnext {
namespace {

constexpr char32_t kCodePoints = 0x110000;
constexpr uint16_t kClassMask = 0xFF;
constexpr uint16_t kChecked = 0x100;  // NFC quick check says no or maybe: it may change or join what precedes
constexpr uint16_t kInert = 0x200;    // late_combining(): the library must not see it

constexpr auto kCompose = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
constexpr auto kDecompose = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE);

bool is_surrogate(char32_t code) { return code >= 0xD800 && code < 0xE000; }

// Marks a character that has a canonical decomposition: itself when it is not its own normal form, and the
// last character of the decomposition, because it may compose with what precedes it.
void mark_decomposition(char32_t code, std::vector<uint16_t>& flat) {
  std::array<utf8proc_int32_t, 32> parts;
  int boundary = 0;
  const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(code), parts.data(), parts.size(),
                                             kDecompose, &boundary);
  if (count <= 0 || count > static_cast<utf8proc_ssize_t>(parts.size())) return;
  if (count == 1 && static_cast<char32_t>(parts[0]) == code) return;
  if (count > 1) flat[static_cast<size_t>(parts[count - 1])] |= kChecked;
  const auto composed = utf8proc_normalize_utf32(parts.data(), count, kCompose);
  if (composed != 1 || static_cast<char32_t>(parts[0]) != code) flat[code] |= kChecked;
}

// The properties of every code point, one after the other.
std::vector<uint16_t> flat_properties() {
  std::vector<uint16_t> flat(kCodePoints, 0);
  for (char32_t code = 0; code < kCodePoints; ++code) {
    if (is_surrogate(code)) continue;
    const utf8proc_property_t* property = utf8proc_get_property(static_cast<utf8proc_int32_t>(code));
    flat[code] |= static_cast<uint16_t>(property->combining_class) & kClassMask;
    if (property->decomp_seqindex != UINT16_MAX) mark_decomposition(code, flat);
  }
  // Hangul composes by arithmetic: vowels and final consonants join what precedes.
  for (char32_t code = 0x1161; code <= 0x1175; ++code) flat[code] |= kChecked;
  for (char32_t code = 0x11A8; code <= 0x11C2; ++code) flat[code] |= kChecked;
  flat[0x11A7] = kInert;  // one below the consonants; utf8proc 2.8 swallows it after a syllable
  for (const CodeRange range : late_combining()) {
    for (char32_t code = range.first; code <= range.last; ++code) flat[code] = kInert;
  }
  return flat;
}

// Appends the normal form of a stretch that has no inert character.
void append_composed(std::string& out, std::string_view stretch) {
  std::vector<utf8proc_int32_t> codes(stretch.size() * 4 + 16);  // NFD has at most 4 code points per byte
  const auto bytes = reinterpret_cast<const utf8proc_uint8_t*>(stretch.data());
  auto count = utf8proc_decompose(bytes, static_cast<utf8proc_ssize_t>(stretch.size()), codes.data(),
                                  static_cast<utf8proc_ssize_t>(codes.size()), kCompose);
  QN_CHECK(count >= 0 && count <= static_cast<utf8proc_ssize_t>(codes.size()), "invalid UTF-8");
  count = utf8proc_normalize_utf32(codes.data(), count, kCompose);
  for (utf8proc_ssize_t i = 0; i < count; ++i) append_utf8(out, static_cast<char32_t>(codes[i]));
}

}  // namespace

Nfc::Nfc() : page_of_(kCodePoints >> 8) {
  const std::vector<uint16_t> flat = flat_properties();
  std::map<std::vector<uint16_t>, uint16_t> pages;
  for (size_t page = 0; page < page_of_.size(); ++page) {
    std::vector<uint16_t> contents(flat.begin() + page * 256, flat.begin() + (page + 1) * 256);
    const auto [place, is_new] = pages.try_emplace(std::move(contents), static_cast<uint16_t>(pages.size()));
    if (is_new) properties_.insert(properties_.end(), place->first.begin(), place->first.end());
    page_of_[page] = place->second;
  }
}

// The first character at or after `from` because of which the text may not be normal; text.size() when none.
// `stretch_begin` is where the characters that it may join or pass begin: the last safe one before it.
size_t Nfc::first_unsafe(std::string_view text, size_t from, size_t* stretch_begin) const {
  uint16_t last_class = 0;
  *stretch_begin = from;
  for (size_t at = from; at < text.size();) {
    if (static_cast<uint8_t>(text[at]) < 0x80) {
      *stretch_begin = at++;
      last_class = 0;
      continue;
    }
    const Utf8Step step = decode_utf8(text, at);
    const Properties properties = of(step.code);
    const uint16_t combining = properties & kClassMask;
    if ((properties & kChecked) || (combining != 0 && last_class > combining)) return at;
    if (combining == 0) *stretch_begin = properties & kInert ? at + step.size : at;
    last_class = combining;
    at += step.size;
  }
  return text.size();
}

// The next character at or after `from` that nothing before it can join or pass.
size_t Nfc::stretch_end(std::string_view text, size_t from) const {
  size_t at = from;
  while (at < text.size()) {
    const Utf8Step step = decode_utf8(text, at);
    if ((of(step.code) & (kChecked | kClassMask)) == 0) break;
    at += step.size;
  }
  return at;
}

std::string_view Nfc::normalize(std::string_view text, std::string& buffer) const {
  size_t begin = 0;
  size_t unsafe = first_unsafe(text, 0, &begin);
  if (unsafe == text.size()) return text;
  buffer.clear();
  size_t done = 0;
  while (unsafe < text.size()) {
    const size_t end = stretch_end(text, unsafe);
    buffer.append(text.substr(done, begin - done));
    append_composed(buffer, text.substr(begin, end - begin));
    done = end;
    unsafe = first_unsafe(text, done, &begin);
  }
  buffer.append(text.substr(done));
  return buffer;
}

}  // namespace qnext
