// The gated attention block: projections, norms of q and k, partial rotary embedding, causal softmax
// attention with grouped heads, sigmoid output gate, output projection. Specification 3.4.
#pragma once

#include "checkpoint/model_config.h"
#include "model/rope.h"
#include "train/grad/work.h"

namespace qnext::train {

template <class Real>
struct AttentionWeights {
  Weight<Real> in;              // q_proj, k_proj, v_proj as one: [q_rows + 2 kv_rows, hidden]
  Weight<Real> q_norm, k_norm;  // [head_dim]
  Weight<Real> out;             // [hidden, heads * head_dim]
};

// Cosines and sines of the rotary embedding by position. The angle is formed in float32, as in inference.
template <class Real>
class Rotation {
 public:
  explicit Rotation(const ModelConfig& config)
      : table_(make_rope_table(config)), half_(config.rope_dim / 2) {}
  void reach(int64_t positions);  // makes the table at least this long
  void forward(int64_t position, Real* head) const { rotate(position, head, Real(1)); }
  void backward(int64_t position, Real* head) const { rotate(position, head, Real(-1)); }

 private:
  void rotate(int64_t position, Real* head, Real sign) const;
  RopeTable table_;
  int64_t half_;
  std::vector<Real> cos_, sin_;  // [positions, half]
};

template <class Real>
struct AttentionCache {
  Buffer<Real> projected;  // [n, q_rows + 2 kv_rows]
  Buffer<Real> log_sum;    // [heads, n] log of the softmax's denominator
  Buffer<Real> o;          // [n, heads * head_dim], before the gate
  Buffer<Real> gated;      // after it, the input of `out`
};

// stream[n, hidden] += block(x[n, hidden]).
template <class Real>
void attention_forward(Work<Real>& work, const ModelConfig& config, const AttentionWeights<Real>& weights,
                       const Rotation<Real>& rotation, const Rows& rows, const Real* x,
                       AttentionCache<Real>& cache, Real* stream);

// dx[n, hidden] = the gradient of x from that of the block's output; weights' gradients are added to.
template <class Real>
void attention_backward(Work<Real>& work, const ModelConfig& config, const AttentionWeights<Real>& weights,
                        const Rotation<Real>& rotation, const Rows& rows, const Real* x,
                        AttentionCache<Real>& cache, const Real* d_out, Real* dx);

}  // namespace qnext::train
