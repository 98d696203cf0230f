// The tokens of a BPE model by id and by their bytes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "text/tokenizer_spec.h"

namespace qnext {

// Immutable after build(). The bytes of all tokens lie in one block; a flat hash table finds them.
class Vocabulary {
 public:
  // Errors, without a label: an id out of range or given twice, a text given twice.
  static Result<Vocabulary> build(const std::vector<TokenizerSpec::Token>& tokens);

  // The token that stands for these bytes, or -1.
  int32_t find(std::string_view bytes) const;
  // The token written like this in the byte-level alphabet. Tokens with characters outside that alphabet,
  // which no text can produce, are found by what is written.
  int32_t find_text(const std::string& text) const;
  // The token of a single byte, or -1.
  int32_t of_byte(uint8_t byte) const { return of_byte_[byte]; }
  bool has_all_bytes() const;

  bool has(int32_t id) const { return id >= 0 && id < id_end() && present_[static_cast<size_t>(id)]; }
  std::string_view bytes(int32_t id) const;                                 // of an id that has()
  int32_t id_end() const { return static_cast<int32_t>(present_.size()); }  // one past the largest id
  size_t size() const { return count_; }

 private:
  struct Slot {
    uint32_t hash;
    int32_t id;  // -1: free
  };
  bool insert(const TokenizerSpec::Token& token, bool in_alphabet);

  std::string block_;
  std::vector<size_t> begin_;  // [id_end + 1] where the bytes of an id begin in the block
  std::vector<bool> present_;  // [id_end]
  std::vector<Slot> slots_;    // a power of two, at most half full
  std::array<int32_t, 256> of_byte_{};
  std::unordered_map<std::string, int32_t> outside_alphabet_;
  size_t count_ = 0;
};

}  // namespace qnext
