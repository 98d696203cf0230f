#include "train/run/evaluate.h"

#include "base/check.h"

namespace qnext::train {
namespace {

double mean(const LossSum& sum) { return sum.nats / static_cast<double>(sum.targets); }

}  // namespace

Evaluation evaluate(const Corpus& corpus, int64_t step, int64_t batch_tokens,
                    FunctionRef<LossSum(const Batch&)> loss) {
  QN_CHECK(!corpus.held_out().empty(), "something is held out");
  Evaluation evaluation{step, 0, {}};
  LossSum all;
  for (const Corpus::Part& part : corpus.held_out()) {
    LossSum sum;
    for (const Batch& batch : corpus.held_out_batches(part, batch_tokens)) {
      const LossSum one = loss(batch);
      sum.nats += one.nats;
      sum.targets += one.targets;
    }
    evaluation.by_source.emplace_back(part.name, mean(sum));
    all.nats += sum.nats;
    all.targets += sum.targets;
  }
  evaluation.held_out = mean(all);
  return evaluation;
}

}  // namespace qnext::train
