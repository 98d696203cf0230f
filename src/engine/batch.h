// Several sequences of made-up tokens that move together, for measuring speed.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "model/model.h"
#include "state/block_pool.h"
#include "state/sequence.h"

namespace qnext {

class Batch {
 public:
  static constexpr int64_t kPiece = 1024;

  // `context` is the most tokens of each sequence, `rows` about the most tokens of a step. The model outlives
  // the batch.
  Batch(Model& model, int64_t sequences, int64_t context, int64_t rows = kPiece);

  // Processes `tokens` more tokens of every sequence as a prompt, piece() of each in a step, and the last
  // row's logits at the end.
  Status prompt(int64_t tokens);
  // Tokens of each sequence in a step of a prompt: `rows` of all together, but for many sequences still a
  // chunk of the delta rule of each.
  int64_t piece() const;
  // Processes one token of every sequence in one step, with logits.
  Status decode();

  int64_t position() const { return sequences_.front()->position(); }
  // Remembers the position, and goes back to it.
  void mark();
  void rewind();

 private:
  Status step(int64_t tokens, LogitsWanted logits);
  Model& model_;
  int64_t rows_;
  BlockPool pool_;
  std::vector<std::unique_ptr<Sequence>> sequences_;
  std::vector<std::shared_ptr<const Snapshot>> marks_;
  std::vector<int32_t> tokens_;  // of a step, sequences in order
  StepOutput output_;
};

}  // namespace qnext
