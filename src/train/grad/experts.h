// The mixture-of-experts block: router, the chosen experts of each token, the shared expert with its gate.
// Specification 3.5. Tokens are grouped by expert; an expert with its tokens is one task.
#pragma once

#include <vector>

#include "checkpoint/model_config.h"
#include "train/grad/mlp.h"
#include "train/grad/router.h"

namespace qnext::train {

template <class Real>
struct ExpertsWeights {
  Weight<Real> router;                    // [experts, hidden]
  std::vector<MlpWeights<Real>> experts;  // [experts]
  MlpWeights<Real> shared;                // width 0: none
  Weight<Real> shared_gate;               // [1, hidden]
};

template <class Real>
struct ExpertsCache {
  RouterCache<Real> router;
  Buffer<Real> gate_up;  // of the pairs, by expert: [n * top_k, 2 width]
  Buffer<Real> gate;     // [n] of the shared expert, after the sigmoid
  MlpCache<Real> shared;
};

// stream[n, hidden] += block(x[n, hidden]).
template <class Real>
void experts_forward(Work<Real>& work, const ModelConfig& config, const ExpertsWeights<Real>& weights,
                     const Real* x, int64_t n, ExpertsCache<Real>& cache, RoutingRecord* record,
                     Real* stream);

// dx[n, hidden] = the gradient of x; weights' gradients are added to.
template <class Real>
void experts_backward(Work<Real>& work, const ModelConfig& config, const ExpertsWeights<Real>& weights,
                      const Real* x, int64_t n, ExpertsCache<Real>& cache,
                      const RouterLossGradient<Real>& losses, const Real* d_out, Real* dx);

}  // namespace qnext::train
