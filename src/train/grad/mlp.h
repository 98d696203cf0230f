// The gated feed-forward block, weight * down(silu(gate x) * up x), with a weight for each row: dense layers
// have 1, the shared expert its gate. All threads work on it.
#pragma once

#include "train/grad/work.h"

namespace qnext::train {

template <class Real>
struct MlpWeights {
  Weight<Real> gate_up;  // gate_proj and up_proj as one: [2 width, hidden]
  Weight<Real> down;     // [hidden, width]
  int64_t width = 0;     // 0: there is none
};

template <class Real>
struct MlpCache {
  Buffer<Real> gate_up;  // [n, 2 width]
};

// stream[n, hidden] += row_weights * mlp(x). row_weights [n] may be null for 1.
template <class Real>
void mlp_forward(Work<Real>& work, const MlpWeights<Real>& weights, const Real* x, int64_t n, int64_t hidden,
                 const Real* row_weights, MlpCache<Real>& cache, Real* stream);

// dx (+)= the gradient of x; d_row_weights [n], unless null, = that of the row weights.
template <class Real>
void mlp_backward(Work<Real>& work, const MlpWeights<Real>& weights, const Real* x, int64_t n, int64_t hidden,
                  const Real* row_weights, MlpCache<Real>& cache, const Real* d_out, Real* dx, bool add,
                  Real* d_row_weights);

}  // namespace qnext::train
