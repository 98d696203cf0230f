#include "text/bpe_trainer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/random.h"

namespace qnext {
namespace {

// The definition, word for word: counts all pairs anew for every merge.
BpeTraining by_definition(const std::vector<WordCount>& words, int32_t tokens, int64_t min_count) {
  BpeTraining trained = train_bpe({}, {.tokens = 256});
  std::vector<std::vector<int32_t>> split;
  for (const WordCount& word : words) {
    split.emplace_back();
    for (const char byte : word.word) {
      const auto place = std::find(trained.tokens.begin(), trained.tokens.end(), std::string(1, byte));
      split.back().push_back(static_cast<int32_t>(place - trained.tokens.begin()));
    }
  }
  while (static_cast<int32_t>(trained.tokens.size()) < tokens) {
    std::map<std::pair<int32_t, int32_t>, int64_t> counts;
    for (size_t w = 0; w < words.size(); ++w) {
      for (size_t i = 0; i + 1 < split[w].size(); ++i) {
        counts[{split[w][i], split[w][i + 1]}] += words[w].count;
      }
    }
    // Of equal counts the first of the map: the lowest numbers.
    const auto best = std::max_element(counts.begin(), counts.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    if (best == counts.end() || best->second < min_count) break;
    const auto pair = best->first;
    const std::string bytes =
        trained.tokens[static_cast<size_t>(pair.first)] + trained.tokens[static_cast<size_t>(pair.second)];
    const auto known = std::find(trained.tokens.begin(), trained.tokens.end(), bytes);
    const auto made = static_cast<int32_t>(known - trained.tokens.begin());
    if (known == trained.tokens.end()) trained.tokens.push_back(bytes);
    trained.merges.push_back(pair);
    for (auto& word : split) {
      for (size_t i = 0; i + 1 < word.size(); ++i) {
        if (std::pair(word[i], word[i + 1]) != pair) continue;
        word[i] = made;
        word.erase(word.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      }
    }
  }
  return trained;
}

std::vector<std::string> learnt(const std::vector<WordCount>& words, int32_t tokens, int64_t min_count = 1) {
  BpeTraining trained = train_bpe(words, {.tokens = tokens, .min_count = min_count});
  return {trained.tokens.begin() + 256, trained.tokens.end()};
}

using Words = std::vector<std::string>;

TEST(BpeTrainer, BeginsWithTheBytesInTheOrderOfTheirCharacters) {
  const BpeTraining trained = train_bpe({}, {.tokens = 300});
  ASSERT_EQ(trained.tokens.size(), 256u);
  EXPECT_EQ(trained.tokens[0], "!");
  EXPECT_EQ(trained.tokens[93], "~");
  EXPECT_EQ(trained.tokens[94], "\xA1");
  EXPECT_EQ(trained.tokens[188], std::string(1, '\0'));
  EXPECT_EQ(trained.tokens[220], " ");
  EXPECT_EQ(trained.tokens[255], "\xAD");
  EXPECT_TRUE(trained.merges.empty());
}

TEST(BpeTrainer, JoinsWhatOccursMostOften) {
  EXPECT_EQ(learnt({{"low", 5}, {"lower", 2}, {"newest", 6}, {"widest", 3}}, 256 + 4),
            (Words{"es", "est", "lo", "low"}));
  // Of equal pairs the lowest numbers.
  EXPECT_EQ(learnt({{"cd", 2}, {"ab", 2}}, 258), (Words{"ab", "cd"}));
  EXPECT_EQ(learnt({{"ab", 1}, {"cd", 3}}, 300, 2), (Words{"cd"}));
}

TEST(BpeTrainer, OverlappingPairsAreJoinedFromTheLeft) {
  EXPECT_EQ(learnt({{"aaa", 3}}, 300), (Words{"aa", "aaa"}));
  EXPECT_EQ(learnt({{"aaaaaaa", 1}}, 258), (Words{"aa", "aaaa"}));
}

// Words of few letters, so that pairs repeat, overlap and come and go.
TEST(BpeTrainer, DoesWhatTheDefinitionSays) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    uint64_t drawn = 0;
    const auto below = [&](uint64_t n) { return random_bits(seed, 0, drawn++) % n; };
    const uint64_t letters = 2 + below(4), longest = 2 + below(14);
    std::map<std::string, int64_t> counts;
    for (uint64_t i = 0, n = 3 + below(60); i < n; ++i) {
      std::string word;
      for (uint64_t k = 0, size = 1 + below(longest); k < size; ++k) {
        word += static_cast<char>((seed % 3 == 0 ? 0xC0 : 'a') + below(letters));
      }
      counts[word] += static_cast<int64_t>(1 + below(seed % 2 == 0 ? 3 : 100));
    }
    std::vector<WordCount> words;
    for (const auto& [word, count] : counts) words.push_back({word, count});
    const int64_t least = 1 + static_cast<int64_t>(below(3));
    const auto tokens = static_cast<int32_t>(256 + below(120));
    const BpeTraining expected = by_definition(words, tokens, least);
    std::reverse(words.begin(), words.end());  // the order must not matter
    const BpeTraining trained = train_bpe(words, {.tokens = tokens, .min_count = least});
    EXPECT_EQ(trained.tokens, expected.tokens) << "seed " << seed;
    EXPECT_EQ(trained.merges, expected.merges) << "seed " << seed;
  }
}

}  // namespace
}  // namespace qnext
