#include "text/nfc.h"

#include <gtest/gtest.h>
#include <utf8proc.h>

#include <cstdlib>
#include <memory>
#include <random>
#include <sstream>

#include "text/support.h"
#include "text/unicode_data.h"
#include "text/utf8.h"

namespace qnext {
namespace {

std::string nfc(std::string_view text) {
  static const Nfc instance;
  std::string buffer;
  return std::string(instance.normalize(text, buffer));
}

std::string utf8(std::initializer_list<char32_t> codes) {
  std::string text;
  for (const char32_t code : codes) append_utf8(text, code);
  return text;
}

bool is_late(char32_t code) {
  if (code == 0x11A7) return true;
  for (const CodeRange range : late_combining()) {
    if (code >= range.first && code <= range.last) return true;
  }
  return false;
}

// The same by utf8proc alone, which has a later Unicode.
std::string by_utf8proc(const std::string& text) {
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> made(
      utf8proc_NFC(reinterpret_cast<const utf8proc_uint8_t*>(text.c_str())), std::free);
  return reinterpret_cast<const char*>(made.get());
}

TEST(Nfc, Composes) {
  EXPECT_EQ(nfc(""), "");
  EXPECT_EQ(nfc("plain ascii"), "plain ascii");
  EXPECT_EQ(nfc("e\u0301"), "\u00e9");
  EXPECT_EQ(nfc("xe\u0301y e\u0301"), "x\u00e9y \u00e9");
  EXPECT_EQ(nfc("\u0301e"), "\u0301e");
  EXPECT_EQ(nfc("a\u0307\u0323"), "\u1ea1\u0307");  // reordered first
  EXPECT_EQ(nfc("q\u0307\u0323"), "q\u0323\u0307");
  EXPECT_EQ(nfc("a\u034f\u0301"), "a\u034f\u0301");  // kept apart by the grapheme joiner
  EXPECT_EQ(nfc("\u1100\u1161\u11a8"), "\uac01");
  EXPECT_EQ(nfc("\uac00\u11a8"), "\uac01");
  EXPECT_EQ(nfc("\uac00\u11a7"), "\uac00\u11a7");  // U+11A7 is no final consonant
  EXPECT_EQ(nfc("\uac01\u11a8"), "\uac01\u11a8");
}

TEST(Nfc, DecomposesWhatComposesNoMore) {
  EXPECT_EQ(nfc("\u212b"), "\u00c5");        // Angstrom sign
  EXPECT_EQ(nfc("\u0958"), "\u0915\u093c");  // excluded from composition
  EXPECT_EQ(nfc("\u0344"), "\u0308\u0301");
  EXPECT_EQ(nfc("\uf900"), "\u8c48");
  EXPECT_EQ(nfc("\U0001d15e"), "\U0001d157\U0001d165");
}

TEST(Nfc, CharactersYoungerThanUnicode9AreInert) {
  // Composes since Unicode 14 and 16 in other libraries.
  EXPECT_EQ(nfc(utf8({0x105D2, 0x307})), utf8({0x105D2, 0x307}));
  EXPECT_EQ(nfc(utf8({0x11382, 0x113C9})), utf8({0x11382, 0x113C9}));
  // U+1DF6 has a class of 232 since Unicode 10.
  EXPECT_EQ(nfc(utf8({'q', 0x1DF6, 0x323})), utf8({'q', 0x1DF6, 0x323}));
  // And it ends what is composed, as any unassigned code point does.
  EXPECT_EQ(nfc(utf8({'e', 0x1DF6, 0x301})), utf8({'e', 0x1DF6, 0x301}));
}

TEST(Nfc, EveryCodePointAgreesWithUtf8proc) {
  for (char32_t code = 1; code < 0x110000; ++code) {
    if ((code >= 0xD800 && code < 0xE000) || is_late(code)) continue;
    if (code > 0x32400 && code < 0xE0000 && code % 251 != 0) continue;  // unassigned planes
    if (code > 0xE0200 && code % 251 != 0) continue;
    for (const std::string& text : {utf8({code}), utf8({'a', code, 0x323, 0x301}),
                                    utf8({0x1100, code, 0x11A8}), utf8({code, 0x301, 'x'})}) {
      ASSERT_EQ(nfc(text), by_utf8proc(text)) << std::hex << static_cast<uint32_t>(code);
    }
  }
}

// Random texts of characters that combine with each other.
TEST(Nfc, RandomTextsAgreeWithUtf8proc) {
  const char32_t pool[] = {'a',    'e',    'q',     ' ',     0xE9,    0x1EA1,  0x300,  0x301,  0x323,
                           0x31B,  0x34F,  0x338,   0x345,   0x3B1,   0x1100,  0x1161, 0x1175, 0x11A8,
                           0x11C2, 0xAC00, 0xAC01,  0x915,   0x93C,   0x94D,   0x958,  0x9C7,  0x9BE,
                           0xB47,  0xB3E,  0x1025,  0x102E,  0x5D0,   0x5B0,   0x5BC,  0x212B, 0x2ADC,
                           0xF900, 0xFB1D, 0x11131, 0x11127, 0x1D157, 0x1D165, 0x4F60, 0x1F600};
  std::mt19937 random(7);
  for (int round = 0; round < 200000; ++round) {
    std::string text;
    for (auto size = random() % 12; size > 0; --size) append_utf8(text, pool[random() % std::size(pool)]);
    const std::string normal = nfc(text);
    ASSERT_EQ(normal, by_utf8proc(text)) << round;
    ASSERT_EQ(nfc(normal), normal);
  }
}

// tests/data/tokenizer/nfc_rust.txt says what it is.
TEST(Nfc, AgreesWithTheNormaliserOfTheRustLibrary) {
  std::istringstream lines(text_tests::read_text(std::string(QNEXT_TEST_DATA) + "/tokenizer/nfc_rust.txt"));
  const auto text_of = [](const std::string& hex) {
    std::istringstream codes(hex);
    std::string text;
    for (uint32_t code; codes >> std::hex >> code;) append_utf8(text, code);
    return text;
  };
  int compared = 0, changed = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line[0] == '#') continue;
    const size_t semicolon = line.find(';');
    const std::string text = text_of(line.substr(0, semicolon));
    ASSERT_EQ(nfc(text), text_of(line.substr(semicolon + 1))) << line;
    ++compared;
    changed += nfc(text) != by_utf8proc(text);
  }
  EXPECT_EQ(compared, 2930);
  EXPECT_GT(changed, 500);  // the tables of utf8proc alone would not do
}

TEST(Nfc, TextThatIsNormalIsNotCopied) {
  const Nfc instance;
  const std::string text = "caf\u00e9 \u4f60\u597d \uac01 \u0915\u094d \U0001f600";
  std::string buffer;
  EXPECT_EQ(instance.normalize(text, buffer).data(), text.data());
}

}  // namespace
}  // namespace qnext
