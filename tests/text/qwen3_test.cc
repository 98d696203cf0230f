// The tokenizer of Qwen3 against the ids that the Rust library gives for 20,000 strings.
#include <gtest/gtest.h>

#include <thread>

#include "text/detokenizer.h"
#include "text/support.h"
#include "text/tokenizer_gguf.h"
#include "text/utf8.h"

namespace qnext {
namespace {

using namespace text_tests;

// How many strings get other ids than in the fixture; the first few are reported.
int different_ids(const Tokenizer& tokenizer) {
  int different = 0;
  for (const FixtureLine& line : qwen3_fixture()) {
    const auto ids = tokenizer.encode(line.text);
    if (ids == line.ids || ++different > 5) continue;
    ADD_FAILURE() << Json(line.text).dump(-1, ' ', true) << "\n  " << Json(ids) << "\n  expected "
                  << Json(line.ids);
  }
  return different;
}

TEST(Qwen3, FixtureIsWhole) {
  ASSERT_EQ(qwen3_fixture().size(), 20000u);
  EXPECT_EQ(qwen3().vocab_size(), 151669);
  EXPECT_EQ(qwen3().added_tokens().size(), 26u);
}

TEST(Qwen3, GivesTheIdsOfTheRustLibrary) { EXPECT_EQ(different_ids(qwen3()), 0); }

TEST(Qwen3, GivesTheSameIdsAgainWhenWordsAreRemembered) {
  different_ids(qwen3());
  EXPECT_EQ(different_ids(qwen3()), 0);
}

TEST(Qwen3, GivesTheSameIdsInSeveralThreadsAtOnce) {
  const Tokenizer& tokenizer = qwen3();
  const auto& lines = qwen3_fixture();
  int different[4] = {};
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = 0; i < 2000; ++i) different[t] += tokenizer.encode(lines[i].text) != lines[i].ids;
    });
  }
  for (auto& thread : threads) thread.join();
  for (const int count : different) EXPECT_EQ(count, 0);
}

TEST(Qwen3, DecodesBackToTheText) {
  for (const FixtureLine& line : qwen3_fixture()) {
    ASSERT_EQ(qwen3().decode(line.ids), line.decoded) << Json(line.text);
  }
}

TEST(Qwen3, StreamsTheSameTextInWholeCharacters) {
  for (const bool skip_special : {false, true}) {
    Detokenizer detokenizer(qwen3(), skip_special);
    for (const FixtureLine& line : qwen3_fixture()) {
      std::string whole;
      for (const int32_t id : line.ids) {
        const std::string piece = detokenizer.push(id);
        ASSERT_EQ(valid_utf8_prefix(piece), piece.size()) << Json(line.text);
        whole += piece;
      }
      // Nothing is held back at the end of a text, which is whole characters.
      ASSERT_EQ(detokenizer.finish(), "") << Json(line.text);
      ASSERT_EQ(whole, qwen3().decode(line.ids, skip_special)) << Json(line.text);
    }
  }
}

// Ids in any order are not text; what streams must still be what decode() gives.
TEST(Qwen3, StreamsAnyIdsAsDecodeDoes) {
  Detokenizer detokenizer(qwen3(), false);
  for (const FixtureLine& line : qwen3_fixture()) {
    const std::vector<int32_t> reversed(line.ids.rbegin(), line.ids.rend());
    std::string whole;
    for (const int32_t id : reversed) {
      const std::string piece = detokenizer.push(id);
      ASSERT_EQ(valid_utf8_prefix(piece), piece.size()) << Json(line.text);
      whole += piece;
    }
    whole += detokenizer.finish();
    ASSERT_EQ(whole, qwen3().decode(reversed)) << Json(line.text);
  }
}

TEST(Qwen3, GivesTheSameIdsAfterARoundTripThroughGguf) {
  auto vocabulary = tokenizer_spec_to_gguf(qwen3_spec(), "tokenizer.json");
  ASSERT_TRUE(vocabulary.ok()) << vocabulary.error().message();
  EXPECT_EQ(vocabulary->pre, "qwen2");
  auto spec = tokenizer_spec_from_gguf(std::move(vocabulary).value(), "x.gguf");
  ASSERT_TRUE(spec.ok()) << spec.error().message();
  const auto tokenizer = make(*spec);
  EXPECT_EQ(tokenizer->vocab_size(), qwen3().vocab_size());
  EXPECT_EQ(different_ids(*tokenizer), 0);
  for (int32_t id = 0; id < tokenizer->vocab_size(); ++id) {
    ASSERT_EQ(tokenizer->token_bytes(id), qwen3().token_bytes(id));
    ASSERT_EQ(tokenizer->is_special(id), qwen3().is_special(id));
  }
}

TEST(Qwen3, TokensAreFoundByTheirText) {
  for (const auto& token : qwen3_spec().vocab) ASSERT_EQ(qwen3().find_token(token.text), token.id);
  for (const auto& token : qwen3_spec().added_tokens) ASSERT_EQ(qwen3().find_token(token.content), token.id);
  EXPECT_EQ(qwen3().find_token("<|im_start|>"), 151644);
  EXPECT_EQ(qwen3().find_token("Ġworld"), 1879);
  EXPECT_EQ(qwen3().find_token("not a token"), std::nullopt);
}

TEST(Qwen3, SpecialTokensStayTextWhereAskedTo) {
  const std::string text = "<|im_start|>user<think>\n";
  EXPECT_EQ(tokens(qwen3(), text), (std::vector<std::string>{"<|im_start|>", "user", "<think>", "\n"}));
  EXPECT_EQ(tokens(qwen3(), text, {.parse_special = false}),
            (std::vector<std::string>{"<", "|", "im", "_start", "|", ">", "user", "<think>", "\n"}));
}

TEST(Qwen3, TakesLongTexts) {
  std::string all;
  size_t ids = 0;
  for (const FixtureLine& line : qwen3_fixture()) {
    all += line.text + "\n";
    ids += line.ids.size();
  }
  // Line ends join what precedes them, so that the counts are not the same.
  EXPECT_NEAR(static_cast<double>(qwen3().encode(all).size()), static_cast<double>(ids + 20000), 20000);
  EXPECT_EQ(qwen3().decode(qwen3().encode(std::string(1000000, 'a'))), std::string(1000000, 'a'));
  EXPECT_EQ(qwen3().decode(qwen3().encode(std::string(1000000, ' '))), std::string(1000000, ' '));
}

}  // namespace
}  // namespace qnext
