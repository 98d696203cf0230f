#include "text/byte_level.h"

#include <array>
#include <cstdint>

#include "text/utf8.h"

namespace qnext {
namespace {

constexpr int kAlphabetEnd = 0x144;  // 256 plus the 68 bytes that do not stand for themselves

struct Alphabet {
  std::array<char32_t, 256> of_byte{};
  std::array<int16_t, kAlphabetEnd> of_code{};  // -1: not in the alphabet
};

constexpr bool is_printable_latin1(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  for (auto& code : alphabet.of_code) code = -1;
  int next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const int code = is_printable_latin1(byte) ? byte : next++;
    alphabet.of_byte[byte] = static_cast<char32_t>(code);
    alphabet.of_code[code] = static_cast<int16_t>(byte);
  }
  return alphabet;
}

constexpr Alphabet kAlphabet = make_alphabet();

}  // namespace

std::string to_byte_level(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char byte : bytes) append_utf8(text, kAlphabet.of_byte[static_cast<uint8_t>(byte)]);
  return text;
}

std::optional<std::string> from_byte_level(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Utf8Step step = decode_utf8(text, at);
    if (!step.valid || step.code >= kAlphabetEnd || kAlphabet.of_code[step.code] < 0) return std::nullopt;
    bytes += static_cast<char>(kAlphabet.of_code[step.code]);
    at += step.size;
  }
  return bytes;
}

}  // namespace qnext
