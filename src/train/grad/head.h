// The output matrix with its cross-entropy, and the embedding. Logits are made for a few rows at a time:
// those of a whole batch are never held.
#pragma once

#include <span>

#include "train/grad/work.h"

namespace qnext::train {

template <class Real>
struct HeadCache {
  Buffer<Real> rows, d_rows, logits, loss;
  std::vector<int64_t> with_target;
};

// The sum of -ln softmax(W x)[target] over the rows of x [n, hidden] that have a target (the others cost
// nothing). Unless dx is null: dx [n, hidden] += `scale` times the sum's gradient, W's gradient likewise.
template <class Real>
double head_loss(Work<Real>& work, Weight<Real> head, int64_t vocab, int64_t hidden, const Real* x,
                 std::span<const int32_t> targets, Real scale, HeadCache<Real>& cache, Real* dx);

// logits [n, vocab] of all rows: for comparisons, not for training.
template <class Real>
void head_logits(Work<Real>& work, const Real* head, int64_t vocab, int64_t hidden, const Real* x, int64_t n,
                 Real* logits);

template <class Real>
void embed(Work<Real>& work, const Real* table, int64_t hidden, std::span<const int32_t> ids, Real* out);

// table gradient [id] += d[row] for every row, in the order of the rows.
template <class Real>
void embed_backward(Work<Real>& work, Real* gradient, int64_t hidden, std::span<const int32_t> ids,
                    const Real* d);

}  // namespace qnext::train
