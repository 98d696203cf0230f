// The order in which a run sees its corpus.
#pragma once

#include <cstdint>
#include <vector>

#include "train/data/batch.h"
#include "train/data/corpus.h"

namespace qnext::train {

// An endless row of epochs, cut into batches. In an epoch every stretch comes as often as its source's weight
// says, in an order that is a function of (seed, epoch); a batch takes the next ones that fit, across the end
// of an epoch too. So the batch of a step is a function of the corpus, the options and the step, and a run is
// resumed by its step alone.
class Batches {
 public:
  struct Options {
    uint64_t seed = 0;
    int64_t tokens = 0;  // most of a batch; one stretch is taken in any case
  };
  // The corpus must outlive this.
  Batches(const Corpus& corpus, Options options);

  // Steps count from 0. Asked in rising order, which is how training asks, it costs no more than the copying.
  Batch at(int64_t step);
  // Epochs that are over when the batch that at() gave last has been learnt, with the part of the running
  // one.
  double epochs() const;

 private:
  void start();
  void open_epoch(int64_t epoch);
  template <class Visit>
  void take_batch(const Visit& visit);

  const Corpus& corpus_;
  Options options_;
  int64_t step_ = 0;                   // of the batch that take_batch() gives next
  int64_t epoch_ = 0;                  // it begins in
  size_t next_ = 0;                    // and here in that epoch's order
  std::vector<const Stretch*> order_;  // of the epoch
};

// The sequences of a batch in pieces of at most `tokens` (one sequence at least), for what does not fit into
// memory at once.
std::vector<Batch> split_batch(const Batch& batch, int64_t tokens);

}  // namespace qnext::train
