// All documents of a corpus as ids, one after the other: two bytes a token where the vocabulary allows it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/check.h"
#include "train/data/encode.h"
#include "train/data/fingerprint.h"

namespace qnext::train {

class TokenStore {
 public:
  explicit TokenStore(int32_t vocab_size) : narrow_(vocab_size <= (1 << 15)) {}

  void add(const Encoded& document) {
    QN_CHECK(document.ids.size() == document.learn.size(), "as many marks as ids");
    for (size_t i = 0; i < document.ids.size(); ++i) {
      const uint32_t id = static_cast<uint32_t>(document.ids[i]);
      if (narrow_) {
        shorts_.push_back(static_cast<uint16_t>(id << 1 | document.learn[i]));
      } else {
        words_.push_back(id << 1 | document.learn[i]);
      }
    }
    ends_.push_back(tokens());
  }

  size_t tokens() const { return narrow_ ? shorts_.size() : words_.size(); }
  size_t documents() const { return ends_.size(); }
  // Document d is the tokens [begin(d), end(d)).
  size_t begin(size_t document) const { return document == 0 ? 0 : ends_[document - 1]; }
  size_t end(size_t document) const { return ends_[document]; }

  int32_t id(size_t token) const { return static_cast<int32_t>(packed(token) >> 1); }
  bool learnt(size_t token) const { return packed(token) & 1; }

  // Ids, marks and ends of documents.
  void add_to(Fingerprint& fingerprint) const {
    fingerprint.add(tokens());
    for (size_t i = 0; i < tokens(); ++i) fingerprint.add(uint64_t{packed(i)});
    fingerprint.add(std::as_bytes(std::span(ends_)));
  }

 private:
  uint32_t packed(size_t token) const { return narrow_ ? shorts_[token] : words_[token]; }
  bool narrow_;
  std::vector<uint16_t> shorts_;
  std::vector<uint32_t> words_;
  std::vector<uint64_t> ends_;
};

}  // namespace qnext::train
