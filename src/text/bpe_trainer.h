// Which pairs of tokens a byte-level BPE vocabulary joins: learnt from the words of a text and how often each
// occurs (P. Gage, "A New Algorithm for Data Compression", 1994; R. Sennrich et al., "Neural Machine
// Translation of Rare Words with Subword Units", 2016).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace qnext {

// A word as bytes, and how often the text has it (at least once).
struct WordCount {
  std::string word;
  int64_t count;
  bool operator==(const WordCount&) const = default;
};

struct BpeTrainerOptions {
  int32_t tokens = 0;     // at most so many, the 256 bytes among them
  int64_t min_count = 2;  // a pair that occurs less often is not joined
  std::function<void(int64_t tokens)> progress{};
};

// The tokens by number, as bytes: first the 256 single bytes, in the order of their characters in the
// byte-level alphabet, which is how published vocabularies begin ("!" is 0); then what the merges make.
// Should two merges make the same bytes, they are one token.
struct BpeTraining {
  std::vector<std::string> tokens;
  std::vector<std::pair<int32_t, int32_t>> merges;  // numbers of the tokens joined, in the order learnt
};

// Learns one merge after the other: the pair that occurs most often, over all words, in the tokens that the
// merges before it leave; of equal pairs the one with the lowest left, then the lowest right number.
// Neighbours that overlap ("aaa") count as two pairs and are joined from the left. The result depends on the
// words and counts only, not on their order. Ends with fewer tokens when no pair is left that occurs
// `min_count` times.
//
// The time grows with the distinct words, not with the text: counts of pairs are kept up to date by looking
// at the words that have the pair, and a heap holds the pairs by count.
BpeTraining train_bpe(std::span<const WordCount> words, const BpeTrainerOptions& options);

}  // namespace qnext
