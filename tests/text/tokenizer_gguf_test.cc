#include "text/tokenizer_gguf.h"

#include <gtest/gtest.h>

#include "text/support.h"

namespace qnext {
namespace {

using namespace text_tests;

GgufVocabulary vocabulary() {
  return {"qwen2", {"a", "b", "ab", "<s>", "<t>", "[PAD5]"}, {1, 1, 1, 3, 4, 5}, {"a b"}};
}

std::string error_of(GgufVocabulary v) {
  const auto spec = tokenizer_spec_from_gguf(std::move(v), "m.gguf");
  if (spec.ok()) return "no error";
  EXPECT_EQ(spec.error().message().find('\n'), std::string::npos);
  return spec.error().message();
}

TEST(TokenizerGguf, ReadsTypesOfTokens) {
  const auto spec = tokenizer_spec_from_gguf(vocabulary(), "m.gguf");
  ASSERT_TRUE(spec.ok()) << spec.error().message();
  EXPECT_EQ(spec->vocab.size(), 3u);
  EXPECT_EQ(spec->vocab_size, 6);
  EXPECT_TRUE(spec->nfc);
  EXPECT_EQ(spec->added_tokens, (std::vector<AddedToken>{{.id = 3, .content = "<s>", .special = true},
                                                         {.id = 4, .content = "<t>"}}));
  const auto t = make(*spec);
  EXPECT_EQ(t->encode("<s>ab<t>ba"), (std::vector<int32_t>{3, 2, 4, 1, 0}));
  EXPECT_TRUE(t->is_padding(5));
  EXPECT_EQ(t->decode(std::vector<int32_t>{5, 2}), "ab");
}

TEST(TokenizerGguf, TypesMayBeAbsent) {
  GgufVocabulary v = vocabulary();
  v.token_types.clear();
  const auto spec = tokenizer_spec_from_gguf(std::move(v), "m.gguf");
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->vocab.size(), 6u);
}

TEST(TokenizerGguf, Errors) {
  GgufVocabulary v = vocabulary();
  v.pre = "bert\n";
  EXPECT_EQ(error_of(v), "m.gguf: key tokenizer.ggml.pre: \"bert\\n\" is not supported");
  v = vocabulary();
  v.token_types.pop_back();
  EXPECT_EQ(error_of(v), "m.gguf: key tokenizer.ggml.token_type: 5 entries for 6 tokens");
  for (const int64_t type : {INT64_MIN, int64_t{-1}, int64_t{0}, int64_t{7}, int64_t{1} << 40}) {
    v = vocabulary();
    v.token_types[2] = type;
    EXPECT_EQ(error_of(v), "m.gguf: key tokenizer.ggml.token_type: entry 2: " + std::to_string(type) +
                               " is no type of token");
  }
  for (const char* merge : {"", " ", "a", "a ", "ab"}) {
    v = vocabulary();
    v.merges.push_back(merge);
    EXPECT_EQ(error_of(v),
              std::string(
                  "m.gguf: key tokenizer.ggml.merges[1]: two tokens with a space between expected, got \"") +
                  merge + "\"");
  }
}

TEST(TokenizerGguf, TooManyTokens) {
  GgufVocabulary v{"qwen2", std::vector<std::string>(kMostTokens + 1), {}, {}};
  EXPECT_EQ(error_of(std::move(v)),
            "m.gguf: key tokenizer.ggml.tokens: 2097153 tokens, at most 2097152 are supported");
}

TEST(TokenizerGguf, EveryNameSurvivesARoundTrip) {
  for (const char* pre : {"qwen2", "llama-bpe", "gpt-2"}) {
    GgufVocabulary v = vocabulary();
    v.pre = pre;
    const auto spec = tokenizer_spec_from_gguf(v, "m.gguf");
    ASSERT_TRUE(spec.ok());
    const auto back = tokenizer_spec_to_gguf(*spec, "m.gguf");
    ASSERT_TRUE(back.ok()) << back.error().message();
    EXPECT_EQ(back->pre, pre);
    EXPECT_EQ(back->tokens, v.tokens);
    EXPECT_EQ(back->token_types, v.token_types);
    EXPECT_EQ(back->merges, v.merges);
  }
}

TEST(TokenizerGguf, OtherNamesOfTheSameTokenizer) {
  for (const char* pre : {"deepseek-r1-qwen", "llama3", "llama-v3"}) {
    GgufVocabulary v = vocabulary();
    v.pre = pre;
    EXPECT_EQ(error_of(v), "no error");
  }
}

// What GGUF cannot say is an error, not another tokenizer.
TEST(TokenizerGguf, WritesOnlyWhatReadsBackTheSame) {
  const auto base = tokenizer_spec_from_gguf(vocabulary(), "m.gguf");
  ASSERT_TRUE(base.ok());
  const auto error = [](const TokenizerSpec& spec) {
    const auto v = tokenizer_spec_to_gguf(spec, "tokenizer.json");
    return v.ok() ? "no error" : v.error().message();
  };
  const std::string unnamed =
      "tokenizer.json: GGUF has no name for this combination of normalizer, pre_tokenizer and ignore_merges";
  TokenizerSpec spec = *base;
  EXPECT_EQ(error(spec), "no error");
  spec.nfc = false;
  EXPECT_EQ(error(spec), unnamed);
  spec = *base;
  spec.ignore_merges = true;
  EXPECT_EQ(error(spec), unnamed);
  spec = *base;
  spec.pre_tokenizer.push_back({.regex = "a"});
  EXPECT_EQ(error(spec), unnamed);

  const auto added = [&](AddedToken token) {
    TokenizerSpec changed = *base;
    changed.added_tokens[1] = std::move(token);
    return error(changed);
  };
  const std::string of_token = "tokenizer.json: added token \"<t>\": GGUF cannot say ";
  EXPECT_EQ(added({.id = 4, .content = "<t>", .lstrip = true}), of_token + "lstrip");
  EXPECT_EQ(added({.id = 4, .content = "<t>", .rstrip = true}), of_token + "rstrip");
  EXPECT_EQ(added({.id = 4, .content = "<t>", .single_word = true}), of_token + "single_word");
  EXPECT_EQ(added({.id = 4, .content = "<t>", .normalized = true}), of_token + "normalized");

  spec = *base;
  spec.vocab.push_back({"x y", 5});
  spec.merges.push_back({"x y", "a"});
  EXPECT_EQ(error(spec), "tokenizer.json: merge 1: GGUF cannot hold the space in \"x y\"");
}

TEST(TokenizerGguf, NormalizedIsNoMatterWithoutNormaliser) {
  GgufVocabulary v = vocabulary();
  v.pre = "llama-bpe";
  auto spec = tokenizer_spec_from_gguf(v, "m.gguf");
  ASSERT_TRUE(spec.ok());
  spec->added_tokens[1].normalized = true;
  EXPECT_TRUE(tokenizer_spec_to_gguf(*spec, "tokenizer.json").ok());
}

}  // namespace
}  // namespace qnext
