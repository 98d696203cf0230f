// The Gated DeltaNet block: projections, causal convolution, gates, gated delta rule, gated norm, output
// projection. Specification 3.3 and 2 (the interleaved layout of in_proj_qkvz and in_proj_ba).
#pragma once

#include "checkpoint/model_config.h"
#include "train/grad/work.h"

namespace qnext::train {

template <class Real>
struct DeltaNetWeights {
  Weight<Real> in;       // in_proj_qkvz and in_proj_ba as one: [qkvz_rows + 2 value_heads, hidden]
  Weight<Real> conv;     // [channels, kernel]
  Weight<Real> a_log;    // [value_heads]
  Weight<Real> dt_bias;  // [value_heads]
  Weight<Real> norm;     // [value_dim]
  Weight<Real> out;      // [hidden, value_heads * value_dim]
};

template <class Real>
struct DeltaNetCache {
  Buffer<Real> projected;  // [n, qkvz_rows + 2 value_heads]
  Buffer<Real> states;     // at the start of each chunk: [chunks, value_heads, dk, dv]
  Buffer<Real> o;          // of the delta rule [n, value_heads * dv]
  Buffer<Real> y;          // after the gated norm, the input of `out`
};

// stream[n, hidden] += block(x[n, hidden]).
template <class Real>
void delta_net_forward(Work<Real>& work, const ModelConfig& config, const DeltaNetWeights<Real>& weights,
                       const Rows& rows, const Real* x, DeltaNetCache<Real>& cache, Real* stream);

// dx[n, hidden] = the gradient of x from that of the block's output; weights' gradients are added to.
template <class Real>
void delta_net_backward(Work<Real>& work, const ModelConfig& config, const DeltaNetWeights<Real>& weights,
                        const Rows& rows, const Real* x, DeltaNetCache<Real>& cache, const Real* d_out,
                        Real* dx);

}  // namespace qnext::train
