// The words of texts, as a tokenizer cuts them, and how often each occurs.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "text/added_token_matcher.h"
#include "text/bpe_trainer.h"
#include "text/nfc.h"
#include "text/pre_tokenizer.h"
#include "text/tokenizer_spec.h"

namespace qnext {

// Cuts texts as Tokenizer::encode does with the same spec: added tokens out, NFC where the spec has it,
// words. Memory: the texts of one call, and at most `most_words` distinct words. Beyond that the words that
// occurred once so far are forgotten, then those that occurred twice, and so on: counts of rare words are
// then too low. What is counted depends on the texts and on how they are split among calls, not on the number
// of threads.
class WordCounter {
 public:
  static constexpr int64_t kMostWords = int64_t{1} << 24;
  // A longer word is cut into pieces of about this many bytes, at borders of characters.
  static constexpr size_t kLongestWord = 4096;

  // `spec` needs no vocabulary; its added tokens must not be `normalized`, and no step may put a space before
  // words. Errors carry no label.
  static Result<WordCounter> create(const TokenizerSpec& spec, int64_t most_words = kMostWords);

  // Every text is valid UTF-8 and stands alone: no word crosses its ends.
  void add(std::span<const std::string> texts, ThreadPool& pool);

  // All words so far with their counts, sorted by their bytes.
  std::vector<WordCount> counts() const;
  // How many words there were, with repetitions.
  int64_t total() const { return total_; }

 private:
  // Words are dealt by their hash to tables that threads fill independently.
  static constexpr size_t kTables = 32;
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view word) const { return std::hash<std::string_view>()(word); }
  };
  using Table = std::unordered_map<std::string, int64_t, Hash, std::equal_to<>>;
  // The words of some texts: views of these, or of their normal forms, by the table that they belong to.
  struct TextWords {
    std::deque<std::string> normalized;
    std::array<std::unordered_map<std::string_view, int64_t>, kTables> of_table;
  };

  WordCounter(std::vector<AddedToken> added, PreTokenizer pre_tokenizer, bool nfc, int64_t most_words);
  void cut(std::string_view text, PreTokenizer::Workspace& workspace, TextWords& words) const;
  static int64_t merge(const std::unordered_map<std::string_view, int64_t>& from, Table& into);
  void forget_rare(Table& table) const;

  std::unique_ptr<const std::vector<AddedToken>> added_;  // the matcher points into it
  std::unique_ptr<const AddedTokenMatcher> matcher_;
  PreTokenizer pre_tokenizer_;
  std::unique_ptr<const Nfc> nfc_;  // null: text is not normalised
  int64_t most_words_;
  std::vector<Table> tables_;  // [kTables]
  int64_t total_ = 0;
};

}  // namespace qnext
