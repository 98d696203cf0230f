// Multi-token prediction while training. Specification 4 and 5. Step d = 1, 2, ... of a sequence of T tokens
// has rows t = 0 .. T - 1 - d: from the hidden row t of step d - 1 (of the main model, after its final norm,
// for d = 1) and the token at t + d, the block predicts what follows that token. One block serves all steps,
// as drafts use it.
#pragma once

#include "train/data/batch.h"
#include "train/grad/head.h"
#include "train/grad/model_weights.h"

namespace qnext::train {

// The rows of one step.
struct MtpRows {
  Rows rows;
  std::vector<int64_t> hidden_row;  // of the step before, or of the main model
  std::vector<int32_t> ids;         // the token at t + d
  std::vector<int32_t> targets;     // what follows it, Batch::kNoTarget where no loss is taken
  int64_t with_target = 0;
};

// Step d from the one before (null for d = 1). Sequences that are too short have no rows and no entry in
// `rows`.
MtpRows mtp_rows(const Batch& batch, int64_t d);

template <class Real>
struct MtpCache {
  NormCache<Real> norm_embedding, norm_hidden, norm;
  Buffer<Real> gathered, pair, stream;  // [n, hidden], [n, 2 hidden], [n, hidden]
  LayerCache<Real> layer;
  const Real* output() const { return norm.y.data(); }  // [n, hidden], what the head reads
};

// hidden: rows of the step before. Leaves the block's output in the cache.
template <class Real>
void mtp_forward(Work<Real>& work, const ModelConfig& config, const ModelWeights<Real>& weights,
                 const Rotation<Real>& rotation, const MtpRows& rows, const Real* hidden,
                 MtpCache<Real>& cache, RoutingRecord* record);

// d_output [n, hidden]: gradient of the block's output. d_hidden += that of the rows of the step before;
// weights' gradients are added to, the embedding's too.
template <class Real>
void mtp_backward(Work<Real>& work, const ModelConfig& config, const ModelWeights<Real>& weights,
                  const Rotation<Real>& rotation, const MtpRows& rows, MtpCache<Real>& cache,
                  const Real* d_output, Real* d_hidden);

}  // namespace qnext::train
