// Byte-pair encoding: a word starts as its bytes, and the neighbours whose merge comes first in the list are
// joined, leftmost first, until no neighbours are in the list.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/tokenizer_spec.h"
#include "text/vocabulary.h"

namespace qnext {

// The merges by the pair of ids that they join: an open hash table of 64-bit entries, 21 bits for each id and
// 22 for the rank, because looking up pairs is most of the work.
class MergeTable {
 public:
  static constexpr uint32_t kNoMerge = UINT32_MAX;

  // Errors, without a label: more than kMostMerges, a part or the whole is not in the vocabulary. Of equal
  // pairs the last counts.
  static Result<MergeTable> build(const std::vector<std::pair<std::string, std::string>>& merges,
                                  const Vocabulary& vocabulary);

  // The place in the list of the merge of these tokens, or kNoMerge.
  uint32_t rank(int32_t left, int32_t right) const;
  // The same for the tokens of two single bytes.
  uint32_t rank_of_bytes(uint8_t left, uint8_t right) const { return byte_ranks_[left << 8 | right]; }
  // The token that the merge of this rank makes.
  int32_t result(uint32_t rank) const { return results_[rank]; }

 private:
  static constexpr uint64_t kFree = ~uint64_t{0};
  static constexpr int kRankBits = 22;
  size_t slot_of(uint64_t pair) const { return (pair * 0x9E3779B97F4A7C15u) >> shift_; }
  void insert(int32_t left, int32_t right, uint32_t rank);

  std::vector<uint64_t> slots_;       // a power of two, at most half full
  int shift_ = 0;                     // 64 - log2(slots)
  std::vector<int32_t> results_;      // [merges]
  std::vector<uint32_t> byte_ranks_;  // [256 * 256]
};

// The BPE model. Immutable but for what it remembers of whole words, which is safe to share between threads.
class BpeModel {
 public:
  // Room for the symbols of one word, kept between words so as not to be allocated for each.
  struct Workspace {
    struct Symbol {
      int32_t id;
      uint32_t previous, next;
    };
    std::vector<Symbol> symbols;
    std::vector<uint64_t> queue;
    std::string bytes;
  };

  static Result<std::unique_ptr<const BpeModel>> build(const TokenizerSpec& spec);

  // Appends the ids of one word, given as bytes. Bytes without a token are left out, as the Rust library
  // does.
  void encode(std::string_view word, Workspace& workspace, std::vector<int32_t>& out) const;

  const Vocabulary& vocabulary() const { return vocabulary_; }

 private:
  // Whether the merges make one token of a word that is in the vocabulary. They do for nearly all tokens, but
  // need not, so each is tried when it is first met; afterwards the word is one look-up.
  enum class Whole : uint8_t { untried, yes, no };

  BpeModel(Vocabulary vocabulary, MergeTable merges, bool ignore_merges);
  void merge(std::string_view word, Workspace& workspace, std::vector<int32_t>& out) const;
  void merge_short(std::string_view word, std::vector<int32_t>& out) const;
  void merge_long(std::string_view word, Workspace& workspace, std::vector<int32_t>& out) const;

  Vocabulary vocabulary_;
  MergeTable merges_;
  bool ignore_merges_;
  bool has_all_bytes_;
  mutable std::vector<std::atomic<Whole>> whole_;  // [vocabulary_.id_end()]
};

}  // namespace qnext
