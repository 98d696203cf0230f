// Token ids to text, as they come.
#pragma once

#include <cstdint>
#include <string>

#include "text/tokenizer.h"

namespace qnext {

// Text leaves as soon as it is whole characters and not before; bytes that can no longer become a character
// leave as U+FFFD. What all calls return, put together, is Tokenizer::decode of all ids.
class Detokenizer {
 public:
  // The tokenizer outlives this object.
  explicit Detokenizer(const Tokenizer& tokenizer, bool skip_special = true)
      : tokenizer_(tokenizer), skip_special_(skip_special) {}

  // The text that this token completes: only what is new, often nothing.
  std::string push(int32_t id);
  // The end of the ids: bytes still held back leave as U+FFFD. Ids may then start anew.
  std::string finish();

 private:
  const Tokenizer& tokenizer_;
  bool skip_special_;
  std::string held_;  // the beginning of a character, at most 3 bytes
};

}  // namespace qnext
