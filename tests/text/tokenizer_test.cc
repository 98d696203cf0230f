// Tokenizers of made-up files: what create() refuses, added tokens, bytes and padding.
#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include "text/detokenizer.h"
#include "text/support.h"

namespace qnext {
namespace {

using namespace text_tests;
using Words = std::vector<std::string>;

std::string error_of(const TokenizerSpec& spec) {
  const auto made = Tokenizer::create(spec, "x.gguf");
  if (made.ok()) return "no error";
  EXPECT_EQ(made.error().message().find('\n'), std::string::npos);
  EXPECT_EQ(made.error().message().rfind("x.gguf: ", 0), 0u) << made.error().message();
  return made.error().message().substr(8);
}

TokenizerSpec with_added(std::vector<AddedToken> added, bool nfc = false) {
  TokenizerSpec spec = small_spec();
  spec.added_tokens = std::move(added);
  spec.nfc = nfc;
  return spec;
}

TEST(Tokenizer, RefusesVocabulariesThatContradictThemselves) {
  TokenizerSpec spec = small_spec();
  spec.vocab.clear();
  EXPECT_EQ(error_of(spec), "no tokens");
  spec = small_spec();
  spec.vocab[1].id = 0;
  EXPECT_EQ(error_of(spec), "tokens \"Ā\" and \"ā\" have the same id 0");
  spec = small_spec();
  spec.vocab[1].text = spec.vocab[0].text;
  EXPECT_EQ(error_of(spec), "token \"Ā\" is there twice");
  spec = small_spec();
  spec.vocab.push_back({"not of the alphabet\n", 256});
  spec.vocab.push_back({"not of the alphabet\n", 257});
  EXPECT_EQ(error_of(spec), "token \"not of the alphabet\\n\" is there twice");
  for (const int32_t id : {-1, kMostTokens}) {
    spec = small_spec();
    spec.vocab[0].id = id;
    EXPECT_EQ(error_of(spec), "token \"Ā\": id " + std::to_string(id) + " is outside 0..2097151");
  }
  spec = small_spec();
  spec.vocab_size = kMostTokens + 1;
  EXPECT_EQ(error_of(spec), "vocab_size 2097153 is above 2097152");
}

TEST(Tokenizer, RefusesMergesOfUnknownTokens) {
  TokenizerSpec spec = small_spec({{"a", "b"}});
  spec.merges.push_back({"zz", "b"});
  EXPECT_EQ(error_of(spec), "merge 1 (\"zz\" and \"b\"): \"zz\" is not in the vocabulary");
  spec.merges.back() = {"a", "é é"};
  EXPECT_EQ(error_of(spec), "merge 1 (\"a\" and \"é é\"): \"é é\" is not in the vocabulary");
  spec.merges.back() = {"b", "a"};
  EXPECT_EQ(error_of(spec), "merge 1 (\"b\" and \"a\"): \"ba\" is not in the vocabulary");
}

TEST(Tokenizer, RefusesExpressionsThatItCannotCompile) {
  TokenizerSpec spec = small_spec();
  spec.pre_tokenizer = {{.regex = "(a"}};
  EXPECT_EQ(error_of(spec).rfind("pre_tokenizer: step 0: \"(a\": not a valid expression: ", 0), 0u)
      << error_of(spec);
  spec.pre_tokenizer = {{.regex = "a"}, {.regex = "\\G\n"}};
  EXPECT_EQ(error_of(spec),
            "pre_tokenizer: step 1: \"\\\\G\\n\": \\G at byte 0 of the expression is not supported");
  spec.pre_tokenizer = {{.regex = std::string(20000, 'a')}};
  EXPECT_NE(error_of(spec).find("an expression of 20000 bytes, at most 16384 are supported"),
            std::string::npos);
  spec.pre_tokenizer = std::vector<PreTokenizerStep>(33, {.regex = "a"});
  EXPECT_EQ(error_of(spec), "pre_tokenizer: 33 steps, at most 32 are supported");
}

TEST(Tokenizer, RefusesAnUnknownTokenThatWouldBeNeeded) {
  TokenizerSpec spec = small_spec();
  spec.vocab.push_back({"<unk>", 256});
  spec.unk_token = "<unk>";
  EXPECT_EQ(error_of(spec), "no error");  // every byte has a token, so it is never used
  spec.vocab.erase(spec.vocab.begin() + 'q');
  EXPECT_EQ(error_of(spec),
            "unk_token \"<unk>\" together with a vocabulary that lacks single bytes is not supported");
}

TEST(Tokenizer, RefusesAddedTokensThatContradictTheVocabulary) {
  EXPECT_EQ(error_of(with_added({{.id = 300, .content = ""}})), "added token 300: content is empty");
  EXPECT_EQ(error_of(with_added({{.id = -1, .content = "<x>"}})),
            "added token \"<x>\": id -1 is outside 0..2097151");
  EXPECT_EQ(error_of(with_added({{.id = 300, .content = "<x>"}, {.id = 301, .content = "<x>"}})),
            "added token \"<x>\": is there twice");
  EXPECT_EQ(error_of(with_added({{.id = 300, .content = "<x>"}, {.id = 300, .content = "<y>"}})),
            "added token \"<y>\": id 300 is that of another added token");
  EXPECT_EQ(error_of(with_added({{.id = 300, .content = "a"}})),
            "added token \"a\": id 300, but 97 in the vocabulary");
  EXPECT_EQ(error_of(with_added({{.id = 97, .content = "<x>"}})),
            "added token \"<x>\": id 97 is that of another token of the vocabulary");
  EXPECT_EQ(error_of(with_added({{.id = 97, .content = "a"}})), "no error");
}

// Messages stay on one line and valid UTF-8 whatever the file holds.
TEST(Tokenizer, ErrorsShortenLongTexts) {
  std::string content = "\n";
  for (int i = 0; i < 50; ++i) content += "長";
  const std::string message = error_of(with_added({{.id = -1, .content = content}}));
  std::string shown = "added token \"\\n";
  for (int i = 0; i < 19; ++i) shown += "長";
  EXPECT_EQ(message, shown + "...\": id -1 is outside 0..2097151");
}

TEST(AddedTokens, TheLongestAtTheLeftmostPlaceWins) {
  const auto t = make(with_added(
      {{.id = 300, .content = "<a"}, {.id = 301, .content = "<ab>"}, {.id = 302, .content = "b>"}}));
  EXPECT_EQ(tokens(*t, "<ab>"), (Words{"<ab>"}));
  EXPECT_EQ(tokens(*t, "<ab"), (Words{"<a", "b"}));
  EXPECT_EQ(tokens(*t, "<a<ab>b>"), (Words{"<a", "<ab>", "b>"}));
  EXPECT_EQ(tokens(*t, "<<ab>>"), (Words{"<", "<ab>", ">"}));
  EXPECT_EQ(tokens(*t, ""), Words{});
}

TEST(AddedTokens, LstripAndRstripTakeWhiteSpace) {
  const auto t = make(with_added({{.id = 300, .content = "<l>", .lstrip = true},
                                  {.id = 301, .content = "<r>", .rstrip = true},
                                  {.id = 302, .content = "<n>"}}));
  EXPECT_EQ(tokens(*t, "a \t<l> b"), (Words{"a", "<l>", " ", "b"}));
  EXPECT_EQ(tokens(*t, "a <r> \n\u3000b"), (Words{"a", " ", "<r>", "b"}));
  EXPECT_EQ(tokens(*t, "  <l>"), (Words{"<l>"}));
  EXPECT_EQ(tokens(*t, "<r>  "), (Words{"<r>"}));
  // White space between two belongs to the first that takes it.
  EXPECT_EQ(tokens(*t, "<r>  <l>x"), (Words{"<r>", "<l>", "x"}));
  EXPECT_EQ(tokens(*t, "<n> <n>"), (Words{"<n>", " ", "<n>"}));
  // U+200B is no white space.
  EXPECT_EQ(t->encode("\u200b<l>").size(), 4u);
}

TEST(AddedTokens, SingleWordNeedsAWordBoundary) {
  const auto t = make(with_added({{.id = 300, .content = "yes", .single_word = true}}));
  const auto found = [&](std::string_view text) {
    const auto ids = t->encode(text);
    return std::count(ids.begin(), ids.end(), 300);
  };
  EXPECT_EQ(found("yes"), 1);
  EXPECT_EQ(found(" yes "), 1);
  EXPECT_EQ(found("yes-yes.yes"), 3);
  EXPECT_EQ(found("yesyes"), 0);
  EXPECT_EQ(found("yes1"), 0);
  EXPECT_EQ(found("_yes"), 0);
  EXPECT_EQ(found("\u00e9yes"), 0);
  EXPECT_EQ(found("yes\u0301"), 0);
  EXPECT_EQ(found("yes\u200d"), 0);
  EXPECT_EQ(found("\u4e2dyes"), 0);
  EXPECT_EQ(found("\u3002yes\u3002"), 1);
}

TEST(AddedTokens, NormalizedOnesAreFoundInTheNormalisedText) {
  const auto t = make(with_added({{.id = 300, .content = "<caf\u00e9>", .normalized = true},
                                  {.id = 301, .content = "<th\u00e9>", .normalized = false},
                                  {.id = 302, .content = "<o\u030b>", .normalized = true}},
                                 true));
  EXPECT_EQ(t->encode("<cafe\u0301>"), (std::vector<int32_t>{300}));
  EXPECT_EQ(t->encode("<caf\u00e9>"), (std::vector<int32_t>{300}));
  EXPECT_EQ(t->encode("<th\u00e9>"), (std::vector<int32_t>{301}));
  EXPECT_NE(t->encode("<the\u0301>"), (std::vector<int32_t>{301}));
  // Looked for by its normal form, and that is what it decodes to.
  EXPECT_EQ(t->encode("<o\u030b>"), (std::vector<int32_t>{302}));
  EXPECT_EQ(t->encode("<\u0151>"), (std::vector<int32_t>{302}));
  EXPECT_EQ(t->decode(std::vector<int32_t>{302}), "<\u0151>");
  EXPECT_EQ(t->find_token("<o\u030b>"), 302);
}

// The Rust library decodes every token by the byte-level alphabet where it can, added ones too: a letter of
// the alphabet beyond ASCII becomes its byte.
TEST(AddedTokens, DecodeByTheByteLevelAlphabet) {
  const auto t = make(with_added({{.id = 300, .content = "\u0120x\u0120"},
                                  {.id = 301, .content = "<\u00f6>"},
                                  {.id = 302, .content = "<\u00f6\u4f60>"}}));
  EXPECT_EQ(t->decode(std::vector<int32_t>{300}), " x ");
  EXPECT_EQ(t->decode(std::vector<int32_t>{301}), "<\ufffd>");
  EXPECT_EQ(t->decode(std::vector<int32_t>{302}), "<\u00f6\u4f60>");
}

TEST(AddedTokens, ThoseOfTheRawTextComeFirst) {
  const auto t = make(
      with_added({{.id = 300, .content = "ab", .normalized = true}, {.id = 301, .content = "bc"}}, true));
  EXPECT_EQ(t->encode("abc"), (std::vector<int32_t>{'a', 301}));
}

TEST(AddedTokens, ParseSpecialConcernsSpecialOnes) {
  const auto t =
      make(with_added({{.id = 300, .content = "<s>", .special = true}, {.id = 301, .content = "<t>"}}));
  EXPECT_EQ(tokens(*t, "<s><t>"), (Words{"<s>", "<t>"}));
  EXPECT_EQ(tokens(*t, "<s><t>", {.parse_special = false}), (Words{"<", "s", ">", "<t>"}));
  EXPECT_TRUE(t->is_special(300));
  EXPECT_FALSE(t->is_special(301));
  EXPECT_EQ(t->decode(std::vector<int32_t>{300, 'a', 301, 300}, true), "a<t>");
  EXPECT_EQ(t->decode(std::vector<int32_t>{300, 'a', 301, 300}, false), "<s>a<t><s>");
}

// A special token that is passed over still takes its place: what overlaps with it is not found.
TEST(AddedTokens, OnesThatArePassedOverHideWhatTheyOverlap) {
  const auto t =
      make(with_added({{.id = 300, .content = "<s>", .special = true}, {.id = 301, .content = ">x"}}));
  EXPECT_EQ(tokens(*t, "<s>x", {.parse_special = false}), (Words{"<", "s", ">", "x"}));
}

TEST(Tokenizer, IdsWithoutATokenGiveNothing) {
  TokenizerSpec spec = with_added({{.id = 300, .content = "<x>"}});
  spec.vocab_size = 400;
  const auto t = make(spec);
  EXPECT_EQ(t->vocab_size(), 400);
  EXPECT_EQ(t->decode(std::vector<int32_t>{-1, 'a', 299, 350, 400, INT32_MAX, INT32_MIN, 'b'}), "ab");
  EXPECT_TRUE(t->is_padding(299));
  EXPECT_TRUE(t->is_padding(399));
  EXPECT_FALSE(t->is_padding(300));
  EXPECT_FALSE(t->is_padding(400));
  EXPECT_FALSE(t->is_padding(-1));
  EXPECT_FALSE(t->is_special(-1));
  EXPECT_FALSE(t->is_special(400));
  EXPECT_EQ(t->token_bytes(-5), "");
  EXPECT_EQ(make(with_added({{.id = 300, .content = "<x>"}}))->vocab_size(), 301);
}

TEST(Tokenizer, BytesWithoutATokenAreLeftOut) {
  TokenizerSpec spec = small_spec({{"a", "b"}});
  spec.vocab.erase(spec.vocab.begin() + 'q');
  EXPECT_EQ(tokens(*make(spec), "aqb qab"), (Words{"ab", " ", "ab"}));
}

TEST(Tokenizer, InvalidUtf8CountsAsReplacementCharacters) {
  const auto t = make(small_spec());
  const std::pair<std::string, std::string> cases[] = {
      {"\xff", "\ufffd"},
      {"a\x80z", "a\ufffdz"},
      {"\xe4\xbd", "\ufffd"},                    // the beginning of a character: one
      {"\xe4\xbd\xe4\xbd\xa0", "\ufffd\u4f60"},  // and another one after it
      {"\xf0\x9f\x98", "\ufffd"},                // three bytes of four
      {"\xf0\x9f\x98x", "\ufffdx"},
      {"\xc0\xaf", "\ufffd\ufffd"},  // overlong: no byte begins anything
      {"\xe0\x80\xaf", "\ufffd\ufffd\ufffd"},
      {"\xed\xa0\x80", "\ufffd\ufffd\ufffd"},            // a surrogate
      {"\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd"},  // above U+10FFFF
      {"\xf5\x80", "\ufffd\ufffd"},
      {"\xf1\x80\x80\xe1\x80\xc2\x62\x80\x63\x80\xbf\x64",
       "\ufffd\ufffd\ufffd\x62\ufffd\x63\ufffd\ufffd\x64"},
  };
  for (const auto& [bytes, text] : cases) {
    EXPECT_EQ(t->encode(bytes), t->encode(text)) << Json(text);
    EXPECT_EQ(t->decode(t->encode(bytes)), text);
    // The same bytes arriving one by one as tokens.
    Detokenizer detokenizer(*t);
    std::string whole;
    for (const char byte : bytes) whole += detokenizer.push(static_cast<uint8_t>(byte));
    EXPECT_EQ(whole + detokenizer.finish(), text);
  }
}

TEST(Detokenizer, HoldsBackTheBeginningOfACharacter) {
  const auto t =
      make(with_added({{.id = 300, .content = "<s>", .special = true}, {.id = 301, .content = "<t>"}}));
  Detokenizer d(*t);
  EXPECT_EQ(d.push(0xf0), "");
  EXPECT_EQ(d.push(0x9f), "");
  EXPECT_EQ(d.push(300), "");  // skipped, so that the character may go on after it
  EXPECT_EQ(d.push(0x98), "");
  EXPECT_EQ(d.push(0x80), "\U0001f600");
  EXPECT_EQ(d.push(0xe4), "");
  EXPECT_EQ(d.push('x'), "\ufffdx");
  EXPECT_EQ(d.push(0xe4), "");
  EXPECT_EQ(d.push(301), "\ufffd<t>");
  EXPECT_EQ(d.push(0xe4), "");
  EXPECT_EQ(d.finish(), "\ufffd");
  EXPECT_EQ(d.finish(), "");
  EXPECT_EQ(d.push('y'), "y");
  EXPECT_EQ(d.push(-1), "");
  EXPECT_EQ(Detokenizer(*t, false).push(300), "<s>");
}

}  // namespace
}  // namespace qnext
