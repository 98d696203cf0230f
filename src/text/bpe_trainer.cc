#include "text/bpe_trainer.h"

#include <algorithm>
#include <array>
#include <queue>
#include <unordered_map>

#include "base/check.h"
#include "text/byte_level.h"

namespace qnext {
namespace {

// The single bytes, sorted by their characters in the byte-level alphabet.
std::vector<std::string> single_bytes() {
  std::vector<std::pair<std::string, std::string>> written;
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text(1, static_cast<char>(byte));
    written.emplace_back(to_byte_level(text), text);
  }
  std::sort(written.begin(), written.end());  // UTF-8 sorts as the code points do
  std::vector<std::string> bytes;
  for (auto& [character, byte] : written) bytes.push_back(std::move(byte));
  return bytes;
}

uint64_t key_of(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

struct KeyHash {
  size_t operator()(uint64_t key) const {
    key *= 0x9E3779B97F4A7C15u;
    return static_cast<size_t>(key ^ key >> 32);
  }
};

// A pair in the heap with its count at the time; the largest comes out first.
struct Candidate {
  int64_t count;
  uint64_t key;
  bool operator<(const Candidate& other) const {
    return count != other.count ? count < other.count : key > other.key;
  }
};

class Trainer {
 public:
  Trainer(std::span<const WordCount> words, const BpeTrainerOptions& options) : options_(options) {
    trained_.tokens = single_bytes();
    std::array<int32_t, 256> token_of_byte{};
    for (size_t i = 0; i < trained_.tokens.size(); ++i) {
      token_of_byte[static_cast<uint8_t>(trained_.tokens[i][0])] = static_cast<int32_t>(i);
    }
    for (const WordCount& word : words) {
      QN_CHECK(word.count > 0, "a word that does not occur");
      if (word.word.size() < 2) continue;  // has no pairs
      words_.push_back({tokens_.size(), tokens_.size() + word.word.size(), word.count});
      for (const char byte : word.word) tokens_.push_back(token_of_byte[static_cast<uint8_t>(byte)]);
    }
    QN_CHECK(words_.size() < UINT32_MAX, "more than 2^32 distinct words");
    for (size_t i = 0; i < words_.size(); ++i) {
      const Word& word = words_[i];
      for (size_t at = word.begin; at + 1 < word.end; ++at) {
        add(tokens_[at], tokens_[at + 1], word.count, static_cast<uint32_t>(i));
      }
    }
    offer_changed();
  }

  BpeTraining run() {
    uint64_t key = 0;
    while (static_cast<int64_t>(trained_.tokens.size()) < options_.tokens && next(key)) {
      const auto left = static_cast<int32_t>(key >> 32), right = static_cast<int32_t>(key & UINT32_MAX);
      trained_.merges.emplace_back(left, right);
      join(left, right, token_for(left, right));
      if (options_.progress) options_.progress(static_cast<int64_t>(trained_.tokens.size()));
    }
    return std::move(trained_);
  }

 private:
  // Its tokens are tokens_[begin .. end); joining makes it shorter in place.
  struct Word {
    size_t begin, end;
    int64_t count;
  };
  struct Pair {
    int64_t count = 0;
    int64_t offered = 0;          // the count of its newest entry in the heap, if it is there
    bool changed = false;         // listed in changed_
    std::vector<uint32_t> words;  // that have it, or had it once; a word may be listed more than once
  };

  // The token that joining makes: a new one, unless another merge made the same bytes.
  int32_t token_for(int32_t left, int32_t right) {
    std::string bytes =
        trained_.tokens[static_cast<size_t>(left)] + trained_.tokens[static_cast<size_t>(right)];
    const auto [place, is_new] = made_.emplace(bytes, static_cast<int32_t>(trained_.tokens.size()));
    if (is_new) trained_.tokens.push_back(std::move(bytes));
    return place->second;
  }

  void add(int32_t left, int32_t right, int64_t count, uint32_t word) {
    const uint64_t key = key_of(left, right);
    Pair& pair = pairs_[key];
    pair.count += count;
    if (count > 0 && (pair.words.empty() || pair.words.back() != word)) pair.words.push_back(word);
    if (!pair.changed) {
      pair.changed = true;
      changed_.push_back(key);
    }
  }

  // Puts the pairs whose count has grown into the heap; next() sees to those whose count has fallen.
  void offer_changed() {
    for (const uint64_t key : changed_) {
      const auto place = pairs_.find(key);
      Pair& pair = place->second;
      pair.changed = false;
      if (pair.count == 0) {
        pairs_.erase(place);
      } else if (pair.count > pair.offered) {
        offer(pair, key);
      }
    }
    changed_.clear();
  }

  void offer(Pair& pair, uint64_t key) {
    pair.offered = pair.count;
    if (pair.count >= options_.min_count) heap_.push({pair.count, key});
  }

  // The pair that occurs most often; false when none does often enough.
  bool next(uint64_t& key) {
    while (!heap_.empty()) {
      const Candidate top = heap_.top();
      heap_.pop();
      const auto place = pairs_.find(top.key);
      if (place == pairs_.end() || place->second.offered != top.count) continue;  // has a newer entry
      if (place->second.count == top.count) {
        key = top.key;
        return true;
      }
      offer(place->second, top.key);
    }
    return false;
  }

  void join(int32_t left, int32_t right, int32_t made) {
    // The list of words is taken out: the map grows meanwhile.
    const std::vector<uint32_t> words = std::move(pairs_[key_of(left, right)].words);
    for (const uint32_t word : words) join_in(word, left, right, made);
    offer_changed();
  }

  void join_in(uint32_t index, int32_t left, int32_t right, int32_t made) {
    Word& word = words_[index];
    size_t put = word.begin;
    bool joined_before = false;  // whether the token before `at` is one just made
    for (size_t at = word.begin; at < word.end;) {
      const bool here = at + 1 < word.end && tokens_[at] == left && tokens_[at + 1] == right;
      // The pair across the border with what lies before changes when either side does.
      if (put > word.begin && (here || joined_before)) {
        add(joined_before ? right : tokens_[put - 1], tokens_[at], -word.count, index);
        add(tokens_[put - 1], here ? made : tokens_[at], word.count, index);
      }
      if (here) add(left, right, -word.count, index);
      tokens_[put++] = here ? made : tokens_[at];
      at += here ? 2 : 1;
      joined_before = here;
    }
    word.end = put;
  }

  const BpeTrainerOptions& options_;
  BpeTraining trained_;
  std::unordered_map<std::string, int32_t> made_;  // by bytes, the tokens that merges made
  std::vector<int32_t> tokens_;
  std::vector<Word> words_;
  std::unordered_map<uint64_t, Pair, KeyHash> pairs_;
  std::vector<uint64_t> changed_;
  std::priority_queue<Candidate> heap_;
};

}  // namespace

BpeTraining train_bpe(std::span<const WordCount> words, const BpeTrainerOptions& options) {
  return Trainer(words, options).run();
}

}  // namespace qnext
