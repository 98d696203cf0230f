#include "text/utf8.h"

#include <cstring>

namespace qnext {
namespace {

// The shortest and longest second byte that may follow a lead byte, and the length of the sequence; length 0
// is no lead byte. The narrowed second bytes shut out overlong forms, surrogates and values above U+10FFFF.
struct Lead {
  uint8_t length, second_low, second_high;
};

Lead lead_of(uint8_t byte) {
  if (byte < 0xC2 || byte > 0xF4) return {0, 0, 0};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {4, 0x80, 0xBF};
}

// How many bytes of `text` at `at` are a well-formed beginning of the sequence that `lead` announces.
uint32_t well_formed(std::string_view text, size_t at, Lead lead) {
  uint32_t size = 1;
  while (size < lead.length && at + size < text.size()) {
    const auto byte = static_cast<uint8_t>(text[at + size]);
    const uint8_t low = size == 1 ? lead.second_low : 0x80;
    const uint8_t high = size == 1 ? lead.second_high : 0xBF;
    if (byte < low || byte > high) break;
    ++size;
  }
  return size;
}

}  // namespace

Utf8Step decode_utf8(std::string_view text, size_t at) {
  const auto first = static_cast<uint8_t>(text[at]);
  if (first < 0x80) return {first, 1, true};
  const Lead lead = lead_of(first);
  if (lead.length == 0) return {kReplacementCharacter, 1, false};
  const uint32_t size = well_formed(text, at, lead);
  if (size < lead.length) return {kReplacementCharacter, size, false};
  char32_t code = first & (0x7F >> lead.length);
  for (uint32_t i = 1; i < size; ++i) code = code << 6 | (static_cast<uint8_t>(text[at + i]) & 0x3F);
  return {code, size, true};
}

void append_utf8(std::string& out, char32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

size_t valid_utf8_prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    if (uint64_t chunk; at + sizeof chunk <= text.size()) {
      std::memcpy(&chunk, text.data() + at, sizeof chunk);
      if ((chunk & 0x8080808080808080u) == 0) {
        at += sizeof chunk;
        continue;
      }
    }
    const Utf8Step step = decode_utf8(text, at);
    if (!step.valid) break;
    at += step.size;
  }
  return at;
}

void append_valid_utf8(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const size_t valid = valid_utf8_prefix(text);
    out.append(text.substr(0, valid));
    text.remove_prefix(valid);
    if (text.empty()) break;
    append_utf8(out, kReplacementCharacter);
    text.remove_prefix(decode_utf8(text, 0).size);
  }
}

size_t incomplete_utf8_suffix(std::string_view text) {
  for (size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const size_t at = text.size() - back;
    const auto byte = static_cast<uint8_t>(text[at]);
    if ((byte & 0xC0) == 0x80) continue;
    const Lead lead = lead_of(byte);
    return lead.length > back && well_formed(text, at, lead) == back ? back : 0;
  }
  return 0;
}

}  // namespace qnext
