#include "text/pre_tokenizer.h"

#include <gtest/gtest.h>

#include "text/split_pattern.h"
#include "text/support.h"

namespace qnext {
namespace {

using namespace text_tests;
using Words = std::vector<std::string>;
using Behavior = PreTokenizerStep::Behavior;

Words words(const std::vector<PreTokenizerStep>& steps, std::string_view text) {
  const auto made = PreTokenizer::create(steps);
  EXPECT_TRUE(made.ok()) << made.error().message();
  PreTokenizer::Workspace workspace;
  Words out;
  if (made.ok()) made->for_each_word(text, workspace, [&](std::string_view word) { out.emplace_back(word); });
  return out;
}

Words split(std::string_view regex, std::string_view text, Behavior behavior = Behavior::isolated,
            bool invert = false) {
  return words({{.regex = std::string(regex), .behavior = behavior, .invert = invert}}, text);
}

// The examples of the Rust library's documentation of SplitDelimiterBehavior, and what its tests add.
TEST(PreTokenizer, Behaviors) {
  const std::string_view text = "the-final--countdown";
  EXPECT_EQ(split("-", text), (Words{"the", "-", "final", "-", "-", "countdown"}));
  EXPECT_EQ(split("-", text, Behavior::removed), (Words{"the", "final", "countdown"}));
  EXPECT_EQ(split("-", text, Behavior::merged_with_previous), (Words{"the-", "final-", "-", "countdown"}));
  EXPECT_EQ(split("-", text, Behavior::merged_with_next), (Words{"the", "-final", "-", "-countdown"}));
  EXPECT_EQ(split("-", text, Behavior::contiguous), (Words{"the", "-", "final", "--", "countdown"}));
}

TEST(PreTokenizer, BehaviorsAtTheEnds) {
  EXPECT_EQ(split("-", "-a-"), (Words{"-", "a", "-"}));
  EXPECT_EQ(split("-", "-a-", Behavior::removed), (Words{"a"}));
  EXPECT_EQ(split("-", "-a-", Behavior::merged_with_previous), (Words{"-", "a-"}));
  EXPECT_EQ(split("-", "-a-", Behavior::merged_with_next), (Words{"-a", "-"}));
  EXPECT_EQ(split("-", "---", Behavior::contiguous), (Words{"---"}));
  EXPECT_EQ(split("-", "---", Behavior::removed), Words{});
  for (const Behavior b : {Behavior::isolated, Behavior::removed, Behavior::merged_with_previous,
                           Behavior::merged_with_next, Behavior::contiguous}) {
    EXPECT_EQ(split("-", "", b), Words{});
    EXPECT_EQ(split("-", "abc", b), (Words{"abc"}));
  }
}

TEST(PreTokenizer, InvertSwapsMatchesAndTheRest) {
  EXPECT_EQ(split("[a-z]+", "ab, cd!", Behavior::removed, true), (Words{"ab", "cd"}));
  EXPECT_EQ(split("[a-z]+", "ab, cd!", Behavior::removed), (Words{", ", "!"}));
  EXPECT_EQ(split("[a-z]+", "ab, cd!", Behavior::isolated, true), (Words{"ab", ", ", "cd", "!"}));
  EXPECT_EQ(split("[a-z]+", "ab, cd!", Behavior::merged_with_previous, true), (Words{"ab, ", "cd!"}));
  EXPECT_EQ(split("[a-z]+", "ab, cd!", Behavior::merged_with_next, true), (Words{"ab", ", cd", "!"}));
}

TEST(PreTokenizer, EmptyMatchesGiveNoWords) {
  EXPECT_EQ(split("x*", "axxb"), (Words{"a", "xx", "b"}));
  EXPECT_EQ(split("", "ab\u4f60"), (Words{"a", "b", "\u4f60"}));
  EXPECT_EQ(split("(?=b)", "abab"), (Words{"a", "ba", "b"}));
}

TEST(PreTokenizer, StepsWorkOnWhatTheStepBeforeLeft) {
  EXPECT_EQ(words({{.regex = "[0-9]"}, {.regex = " "}}, "a b12 c"),
            (Words{"a", " ", "b", "1", "2", " ", "c"}));
  const PreTokenizerStep prefix{.kind = PreTokenizerStep::Kind::prefix_space};
  EXPECT_EQ(words({prefix}, "ab"), (Words{" ab"}));
  EXPECT_EQ(words({prefix}, " ab"), (Words{" ab"}));
  EXPECT_EQ(words({{.regex = ","}, prefix}, "a,b"), (Words{" a", " ,", " b"}));
  EXPECT_EQ(words({}, "as it is"), (Words{"as it is"}));
}

TEST(PreTokenizer, WordsOfQwen3) {
  const auto cut = [](std::string_view text) { return words(qwen3_spec().pre_tokenizer, text); };
  EXPECT_EQ(cut("Hello world's 123"), (Words{"Hello", " world", "'s", " ", "1", "2", "3"}));
  EXPECT_EQ(cut("it'S IT'LL"), (Words{"it", "'S", " IT", "'LL"}));
  EXPECT_EQ(cut("it'\u017f"), (Words{"it", "'\u017f"}));  // long s: the same letter without case
  EXPECT_EQ(cut("a  b\n\n  c \r\n"), (Words{"a", " ", " b", "\n\n", " ", " c", " \r\n"}));
  EXPECT_EQ(cut("x+=1;\n\ty"), (Words{"x", "+=", "1", ";\n", "\ty"}));
  EXPECT_EQ(cut("e\u0301a"), (Words{"e", "\u0301a"}));
  EXPECT_EQ(cut("\u4f60\u597d\uff0c\u4e16\u754c"), (Words{"\u4f60\u597d", "\uff0c\u4e16\u754c"}));
  EXPECT_EQ(cut("\u00b2\u0662\u216b"), (Words{"\u00b2", "\u0662", "\u216b"}));
  EXPECT_EQ(cut("a\u00a0\u3000b"), (Words{"a", "\u00a0", "\u3000b"}));
  EXPECT_EQ(cut("   "), (Words{"   "}));
}

TEST(SplitPattern, ClassesAreThoseOfOniguruma) {
  const auto matches = [](std::string_view regex, std::string_view text) {
    return split(regex, text, Behavior::removed).empty();
  };
  // \s is White_Space: U+180E is none, U+0085 is.
  EXPECT_TRUE(matches("\\s+", " \t\n\x0b\x0c\r\u0085\u00a0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000"));
  EXPECT_FALSE(matches("\\s+", "\u180e"));
  EXPECT_FALSE(matches("\\s+", "\u200b"));
  EXPECT_TRUE(matches("\\S+", "\u180e\u200bab"));
  EXPECT_TRUE(matches("[\\S]+", "\u180e\u200bab"));
  EXPECT_FALSE(matches("[\\S]+", "\u3000"));
  EXPECT_FALSE(matches("[^\\s]+", "\u3000"));
  // Letters of Unicode 15 and 16, and none of 17.
  EXPECT_TRUE(matches("\\p{L}+", "\U0001e4d0\U00010d50\u1c89\U000323af"));
  EXPECT_TRUE(matches("\\p{Lo}+", "\U0001e4d0"));
  EXPECT_FALSE(matches("\\p{Lu}+", "\U0001e4d0"));
  EXPECT_FALSE(matches("\\p{L}+", "\u088f"));
  EXPECT_TRUE(matches("\\P{L}+", "1 \u088f"));
  EXPECT_TRUE(matches("\\p{^L}+", "1 "));
  EXPECT_TRUE(matches("[\\p{L}\\p{N}_-]+", "a\u00b2-_\u0662"));
  EXPECT_TRUE(matches("\\d+", "1\u0662\U0001e4f0"));
  EXPECT_FALSE(matches("\\d+", "\u00b2"));
  EXPECT_TRUE(matches("\\h+", "09afAF"));
  EXPECT_FALSE(matches("\\h+", "g"));
  EXPECT_TRUE(matches("\\w+", "a_1\u00b2\u0301\u4f60\u24b6"));
  EXPECT_FALSE(matches("\\w+", "-"));
  EXPECT_TRUE(matches("\\w", "\u00bd"));  // not so between brackets
  EXPECT_FALSE(matches("[\\w]", "\u00bd"));
  EXPECT_TRUE(matches("[^\\w]", "\u00bd"));
  EXPECT_TRUE(matches("\\W+", "-! "));
  EXPECT_TRUE(matches("\\x41\\x{1F600}\\u4f60\\v", "A\U0001f600\u4f60\x0b"));
}

TEST(SplitPattern, SyntaxThatBothShare) {
  EXPECT_EQ(split("(?i:ab)|c", "ABcC"), (Words{"AB", "c", "C"}));
  EXPECT_EQ(split("(?i)ab", "aBAb"), (Words{"aB", "Ab"}));
  EXPECT_EQ(split("a(?=b)", "abac"), (Words{"a", "bac"}));
  EXPECT_EQ(split("(?<=a)b", "abcb"), (Words{"a", "b", "cb"}));
  EXPECT_EQ(split("(?<!a)b", "abcb"), (Words{"abc", "b"}));
  EXPECT_EQ(split("(?>a+)b|a", "aab"), (Words{"aab"}));
  EXPECT_EQ(split("a{2,3}", "aaaaa"), (Words{"aaa", "aa"}));
  EXPECT_EQ(split("^b", "a\nb"), (Words{"a\n", "b"}));  // ^ is at every line, as in Ruby
  EXPECT_EQ(split("[\\]\\-a]+", "a]-b"), (Words{"a]-", "b"}));
  EXPECT_EQ(split("[]a]+", "a]b"), (Words{"a]", "b"}));
  EXPECT_EQ(split(".", "\n\r"), (Words{"\n", "\r"}));
}

TEST(SplitPattern, ErrorsNameWhatIsNotSupported) {
  const std::pair<const char*, const char*> cases[] = {
      {"\\G", "\\G at byte 0 of the expression is not supported"},
      {"a\\b", "\\b at byte 1 of the expression is not supported"},
      {"\\1", "\\1 at byte 0 of the expression is not supported"},
      {"\\R", "\\R at byte 0 of the expression is not supported"},
      {"a\\", "a backslash with nothing after it at byte 1 of the expression is not supported"},
      {"[a[b]]", "a class inside a class at byte 2 of the expression is not supported"},
      {"[[:alpha:]]", "a class inside a class at byte 1 of the expression is not supported"},
      {"[a&&b]", "an intersection of classes at byte 2 of the expression is not supported"},
      {"[abc", "a class without its closing bracket at byte 4 of the expression is not supported"},
      {"[\\P{L}]", "a negated property inside a class at byte 1 of the expression is not supported"},
      {"[\\W]", "a negated property inside a class at byte 1 of the expression is not supported"},
      {"\\p{Han}", "\\p{Han}, which is not a general category, at byte 0 of the expression is not supported"},
      {"\\pL", "\\p without a name in braces at byte 0 of the expression is not supported"},
      {"\\p{L", "\\p without a name in braces at byte 0 of the expression is not supported"},
      {"(?<name>a)", "this kind of group at byte 1 of the expression is not supported"},
      {"(?P<n>a)", "this kind of group at byte 1 of the expression is not supported"},
      {"(?m:a)", "this kind of group at byte 1 of the expression is not supported"},
      {"(?#x)", "this kind of group at byte 1 of the expression is not supported"},
      {"(*UTF)a", "(* at byte 0 of the expression is not supported"},
      {"a{,3}", "{,n} at byte 1 of the expression is not supported"},
      {"\\x", "this \\x at byte 0 of the expression is not supported"},
      {"\\xff", "this character code at byte 0 of the expression is not supported"},
      {"\\x{110000}", "this character code at byte 0 of the expression is not supported"},
      {"\\ud800", "this character code at byte 0 of the expression is not supported"},
      {"\\u12", "this \\u at byte 0 of the expression is not supported"},
  };
  for (const auto& [regex, message] : cases) {
    const auto pattern = pcre2_pattern(regex);
    ASSERT_FALSE(pattern.ok()) << regex;
    EXPECT_EQ(pattern.error().message(), message) << regex;
  }
}

TEST(SplitPattern, LiteralsMatchThemselves) {
  for (const std::string text : {"a.b", "[]^-\\", "(?i)", "$1{2}|+*", "\u4f60 \n#", "'\"/<>&&"}) {
    EXPECT_EQ(split(literal_pattern(text), "x" + text + "y"), (Words{"x", text, "y"})) << text;
  }
}

// An expression of a file may need more steps than there is time for: then the rest is one word.
TEST(SplitRegex, MatchingIsBounded) {
  const std::string as(5000, 'a');
  const Words out = split("(a+)+$x|b", as + "b");
  EXPECT_FALSE(out.empty());
  EXPECT_EQ(split("(a|b)*c|d", std::string(10000, 'a') + "d").back().back(), 'd');
}

}  // namespace
}  // namespace qnext
