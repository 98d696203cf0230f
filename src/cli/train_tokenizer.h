// A byte-level BPE vocabulary learnt from files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace qnext {

struct TrainTokenizerOptions {
  std::vector<std::string> files;    // UTF-8 text, or JSONL by its name
  std::vector<std::string> special;  // further special tokens
  std::string out;                   // the folder to write
  int64_t vocab_size = 0;            // the 256 bytes and the added tokens included
  int64_t threads = 0;               // 0: one per processor
};

// Shows progress on a terminal. `option` is what errors call the vocabulary's size.
Status train_tokenizer(const TrainTokenizerOptions& options, const std::string& option = "--vocab-size");

}  // namespace qnext
