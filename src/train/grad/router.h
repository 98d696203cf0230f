// Which experts a token goes to and with what weights, and the losses that keep the choice healthy.
// Specification 3.5 and 5.
#pragma once

#include "checkpoint/model_config.h"
#include "train/grad/work.h"

namespace qnext::train {

// What the routers of one layer did since the record was cleared.
struct RoutingRecord {
  std::vector<int64_t> tokens;  // [experts] how many rows chose each
  double entropy = 0;           // sum over rows of -sum p ln p
  int64_t rows = 0;
};

template <class Real>
struct RouterCache {
  Buffer<Real> p;                   // [n, experts] softmax of the logits
  Buffer<Real> log_sum;             // [n] log sum e^logit
  Buffer<Real> weights;             // [n, top_k] of the chosen, normalised where the configuration says so
  std::vector<int32_t> ids;         // [n, top_k], falling probability, the lower id first where equal
  std::vector<int64_t> expert_end;  // [experts + 1] pairs of expert e: expert_end[e] .. expert_end[e + 1]
  std::vector<int64_t> pair_of;     // [n, top_k] the place of a token's k-th choice among all pairs
  std::vector<int64_t> token_of;    // [n * top_k] the token of a pair
  std::vector<double> p_sum;        // [experts] sum over rows of p
  double z_sum = 0;                 // sum over rows of log_sum^2
};

// The gradient of the losses on the router: of balance, d(loss)/dp[row, e] = balance[e] (null: none); of z,
// d(loss)/d(log_sum[row]) = z * log_sum[row].
template <class Real>
struct RouterLossGradient {
  const Real* balance = nullptr;
  Real z = 0;
};

// Fills the cache; adds to the record unless it is null.
template <class Real>
void route(Work<Real>& work, const ModelConfig& config, const Real* router, const Real* x, int64_t n,
           RouterCache<Real>& cache, RoutingRecord* record);

// d_logits [n, experts] from the gradients of the chosen weights [n, top_k].
template <class Real>
void route_backward(Work<Real>& work, const ModelConfig& config, const RouterCache<Real>& cache,
                    const Real* d_weights, const RouterLossGradient<Real>& losses, int64_t n, Real* d_logits);

}  // namespace qnext::train
