#include "text/utf8.h"

#include <gtest/gtest.h>

#include "text/byte_level.h"
#include "text/shown.h"

namespace qnext {
namespace {

TEST(Utf8, EveryCodePointSurvives) {
  for (char32_t code = 0; code < 0x110000; ++code) {
    if (code >= 0xD800 && code < 0xE000) continue;
    std::string text;
    append_utf8(text, code);
    const Utf8Step step = decode_utf8(text, 0);
    ASSERT_TRUE(step.valid) << static_cast<uint32_t>(code);
    ASSERT_EQ(step.code, code);
    ASSERT_EQ(step.size, text.size());
    ASSERT_EQ(valid_utf8_prefix(text), text.size());
    ASSERT_EQ(incomplete_utf8_suffix(text), 0u);
    for (size_t cut = 1; cut < text.size(); ++cut) {
      ASSERT_EQ(incomplete_utf8_suffix("ab" + text.substr(0, cut)), cut) << static_cast<uint32_t>(code);
      ASSERT_EQ(valid_utf8_prefix("ab" + text.substr(0, cut)), 2u);
    }
  }
}

// Every text of three bytes against the table of well-formed sequences, written out once more.
TEST(Utf8, ThreeBytesAreValidWhenTheTableSaysSo) {
  const auto tail = [](int b) { return b >= 0x80 && b <= 0xBF; };
  // The bytes that the character at the front takes, 0 when there is none.
  const auto size = [&](int a, int b, int c) {
    if (a < 0x80) return 1;
    if (a >= 0xC2 && a <= 0xDF && tail(b)) return 2;
    const bool second = (a == 0xE0 && b >= 0xA0 && b <= 0xBF) || (a >= 0xE1 && a <= 0xEC && tail(b)) ||
                        (a == 0xED && b >= 0x80 && b <= 0x9F) || (a >= 0xEE && a <= 0xEF && tail(b));
    return second && tail(c) ? 3 : 0;
  };
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      for (int c = 0; c < 256; ++c) {
        const char bytes[] = {static_cast<char>(a), static_cast<char>(b), static_cast<char>(c)};
        const Utf8Step step = decode_utf8({bytes, 3}, 0);
        ASSERT_EQ(step.valid ? static_cast<int>(step.size) : 0, size(a, b, c)) << a << " " << b << " " << c;
      }
    }
  }
}

TEST(Utf8, OneReplacementPerMaximalSubpart) {
  const auto replaced = [](std::string_view text) {
    std::string out;
    append_valid_utf8(out, text);
    return out;
  };
  EXPECT_EQ(replaced(""), "");
  EXPECT_EQ(replaced("plain \u4f60"), "plain \u4f60");
  // The examples of the Unicode standard, tables 3-8 to 3-11.
  EXPECT_EQ(replaced("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"),
            "\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\x41");
  EXPECT_EQ(replaced("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"),
            "\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\x41");
  EXPECT_EQ(replaced("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"),
            "\ufffd\ufffd\ufffd\ufffd\ufffd\x41\ufffd\ufffd\x42");
  EXPECT_EQ(replaced("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), "\ufffd\ufffd\ufffd\ufffd\x41");
}

TEST(Utf8, SuffixesThatNothingCanComplete) {
  for (const char* text :
       {"", "a", "\x80", "\xff", "\xc0", "\xe0\x80", "\xed\xa0", "\xf4\x90", "\xf5", "\xf0\x80\x80"}) {
    EXPECT_EQ(incomplete_utf8_suffix(text), 0u) << text;
  }
}

TEST(Utf8, LongTextsAreCheckedToTheEnd) {
  for (size_t size = 0; size < 40; ++size) {
    std::string text(size, 'x');
    EXPECT_EQ(valid_utf8_prefix(text), size);
    for (size_t at = 0; at < size; ++at) {
      std::string broken = text;
      broken[at] = '\xff';
      EXPECT_EQ(valid_utf8_prefix(broken), at);
    }
  }
}

TEST(ByteLevel, IsTheAlphabetOfGpt2) {
  EXPECT_EQ(to_byte_level("a b"), "a\u0120b");
  EXPECT_EQ(to_byte_level(std::string("\0\n\t\x7f\xad", 5)), "\u0100\u010a\u0109\u0121\u0143");
  EXPECT_EQ(to_byte_level("\xc3\xa9"), "\u00c3\u00a9");
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(from_byte_level(to_byte_level(all)), all);
  EXPECT_EQ(from_byte_level(""), "");
}

TEST(ByteLevel, OtherCharactersAreNoBytes) {
  for (const char* text :
       {" ", "\n", "\x7f", "\u00a0", "\u00ad", "\u0144", "\u4f60", "\U0001f600", "a b", "\xff", "\xc4"}) {
    EXPECT_EQ(from_byte_level(text), std::nullopt) << text;
  }
}

TEST(Shown, IsShortOnOneLineAndValid) {
  EXPECT_EQ(in_quotes("a\n\"b\"\\"), R"("a\n\"b\"\\")");
  EXPECT_EQ(in_quotes("\xff"), "\"\ufffd\"");
  EXPECT_EQ(in_quotes("aaa\u4f60\u4f60", 3), "\"aaa...\"");
  EXPECT_EQ(in_quotes("aaa\u4f60\u4f60", 5), "\"aaa...\"");
  EXPECT_EQ(in_quotes("aaa\u4f60\u4f60", 6), "\"aaa\u4f60...\"");
  EXPECT_EQ(in_quotes("aaa\u4f60\u4f60", 9), "\"aaa\u4f60\u4f60\"");
  EXPECT_EQ(shown(Json::parse("[1, {\"a\": \"\u4f60\"}]"), 11), "[1,{\"a\":\"...");
}

}  // namespace
}  // namespace qnext
