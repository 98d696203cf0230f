#include "text/bpe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "text/support.h"

namespace qnext {
namespace {

using namespace text_tests;

std::unique_ptr<const BpeModel> build(const TokenizerSpec& spec) {
  auto model = BpeModel::build(spec);
  QN_CHECK(model.ok(), model.error().message());
  return std::move(model).value();
}

std::vector<std::string> encode(const BpeModel& model, std::string_view word) {
  BpeModel::Workspace workspace;
  std::vector<int32_t> ids;
  model.encode(word, workspace, ids);
  std::vector<std::string> out;
  for (const int32_t id : ids) out.emplace_back(model.vocabulary().bytes(id));
  return out;
}

// The definition, word for word: the pair that comes first in the list, leftmost first, until there is none.
std::vector<std::string> by_definition(const TokenizerSpec& spec, std::string_view word) {
  std::vector<std::string> parts;
  for (const char byte : word) parts.emplace_back(1, byte);
  for (;;) {
    size_t best = spec.merges.size(), at = 0;
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      // Of equal pairs in the list the last counts; made-up merges here have ASCII letters only.
      for (size_t rank = spec.merges.size(); rank-- > 0;) {
        if (spec.merges[rank] != std::pair(parts[i], parts[i + 1])) continue;
        if (rank < best) best = rank, at = i;
        break;
      }
    }
    if (best == spec.merges.size()) return parts;
    parts[at] += parts[at + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

TEST(Bpe, MergesByRankAndThenFromTheLeft) {
  const auto model = build(small_spec({{"b", "c"}, {"a", "b"}, {"a", "a"}, {"aa", "aa"}}));
  using Words = std::vector<std::string>;
  EXPECT_EQ(encode(*model, "abc"), (Words{"a", "bc"}));
  EXPECT_EQ(encode(*model, "ababc"), (Words{"ab", "a", "bc"}));
  EXPECT_EQ(encode(*model, "aaa"), (Words{"aa", "a"}));
  EXPECT_EQ(encode(*model, "aaaaa"), (Words{"aaaa", "a"}));
  EXPECT_EQ(encode(*model, "aaaaaa"), (Words{"aaaa", "aa"}));
  EXPECT_EQ(encode(*model, "x"), (Words{"x"}));
  EXPECT_EQ(encode(*model, ""), Words{});
}

TEST(Bpe, AWordOfTheVocabularyThatMergesDoNotMakeIsNoToken) {
  TokenizerSpec spec = small_spec({{"b", "c"}});
  spec.vocab.push_back({"abc", 257});
  for (int round = 0; round < 2; ++round) {  // the second time from what is remembered
    EXPECT_EQ(encode(*build(spec), "abc"), (std::vector<std::string>{"a", "bc"}));
    const auto model = build(spec);
    encode(*model, "abc");
    EXPECT_EQ(encode(*model, "abc"), (std::vector<std::string>{"a", "bc"}));
  }
  spec.ignore_merges = true;
  EXPECT_EQ(encode(*build(spec), "abc"), (std::vector<std::string>{"abc"}));
  EXPECT_EQ(encode(*build(spec), "abcd"), (std::vector<std::string>{"a", "bc", "d"}));
}

TEST(Bpe, OfEqualMergesTheLastCounts) {
  TokenizerSpec spec = small_spec({{"a", "b"}, {"b", "c"}});
  EXPECT_EQ(encode(*build(spec), "abc"), (std::vector<std::string>{"ab", "c"}));
  spec.merges.push_back({"a", "b"});
  EXPECT_EQ(encode(*build(spec), "abc"), (std::vector<std::string>{"a", "bc"}));
}

// Made-up merges over a small alphabet, so that ranks of all sizes meet: short words (searched in arrays) and
// long ones (a queue) must both give what the definition gives, on both sides of the length at which they
// part.
TEST(Bpe, ShortAndLongWordsFollowTheDefinition) {
  std::mt19937 random(11);
  for (int round = 0; round < 60; ++round) {
    std::vector<std::string> known = {"a", "b", "c"};
    TokenizerSpec spec = small_spec();
    for (int merges = 0; merges < 24; ++merges) {
      const std::string left = known[random() % known.size()], right = known[random() % known.size()];
      spec.merges.emplace_back(left, right);
      if (std::find(known.begin(), known.end(), left + right) != known.end()) continue;
      known.push_back(left + right);
      spec.vocab.push_back({left + right, static_cast<int32_t>(spec.vocab.size())});
    }
    const auto model = build(spec);
    for (const size_t size : {1, 2, 3, 7, 20, 94, 95, 96, 97, 98, 150, 400}) {
      std::string word;
      for (size_t i = 0; i < size; ++i) word += "abc"[random() % 3];
      ASSERT_EQ(encode(*model, word), by_definition(spec, word)) << word;
      word = std::string(size, 'a');
      ASSERT_EQ(encode(*model, word), by_definition(spec, word)) << word;
    }
  }
}

TEST(Vocabulary, FindsTokensByBytesAndByText) {
  TokenizerSpec spec = small_spec({{" ", "a"}});
  spec.vocab.push_back({"<\u4f60 x>", 300});
  const auto made = Vocabulary::build(spec.vocab);
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->find(" a"), 256);
  EXPECT_EQ(made->find_text("\u0120a"), 256);
  EXPECT_EQ(made->find_text(" a"), -1);
  EXPECT_EQ(made->find("zz"), -1);
  EXPECT_EQ(made->find(""), -1);
  // Outside the alphabet: no text can produce it, so its bytes do not find it.
  EXPECT_EQ(made->find("<\u4f60 x>"), -1);
  EXPECT_EQ(made->find_text("<\u4f60 x>"), 300);
  EXPECT_EQ(made->bytes(300), "<\u4f60 x>");
  EXPECT_EQ(made->of_byte(0xff), 0xff);
  EXPECT_TRUE(made->has_all_bytes());
  EXPECT_EQ(made->id_end(), 301);
  EXPECT_EQ(made->size(), 258u);
  EXPECT_FALSE(made->has(299));
  EXPECT_FALSE(made->has(-1));
  EXPECT_FALSE(made->has(301));
}

TEST(MergeTable, Limits) {
  TokenizerSpec spec = small_spec();
  spec.merges.assign(kMostMerges, {"a", "b"});
  const auto made = BpeModel::build(spec);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().message(), "4194304 merges, at most 4194303 are supported");
}

}  // namespace
}  // namespace qnext
