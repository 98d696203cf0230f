// Measuring a model on what is held out.
#pragma once

#include <cstdint>

#include "base/thread_pool.h"
#include "train/data/corpus.h"
#include "train/run/run_log.h"

namespace qnext::train {

struct LossSum {
  double nats = 0;      // over all targets
  int64_t targets = 0;  // positions that have one
};

// Calls `loss` for all held-out sequences in batches of at most `batch_tokens`, always in the same order. The
// corpus must hold something out.
Evaluation evaluate(const Corpus& corpus, int64_t step, int64_t batch_tokens,
                    FunctionRef<LossSum(const Batch&)> loss);

// Whether something that is done every `every` steps (0: never) and after the last one is due after `step`
// steps.
inline bool due(int64_t step, int64_t every, int64_t steps) {
  return step == steps || (every > 0 && step % every == 0);
}

}  // namespace qnext::train
