// One key-value head of an attention block over one sequence, with the query heads that read it: what lies
// between the two projections. Internal to attention.cc.
#pragma once

#include "train/grad/attention.h"

namespace qnext::train {

template <class Real>
class AttentionHead {
 public:
  // Rows [first, first + count) of a batch of n rows.
  AttentionHead(Work<Real>& work, int worker, const ModelConfig& config,
                const AttentionWeights<Real>& weights, const Rotation<Real>& rotation,
                AttentionCache<Real>& cache, int64_t n, int64_t kv_head, int64_t first, int64_t count);
  void forward();
  // d_gated: gradient of cache.gated. d_projected gets the columns of these heads. partial: gradients of
  // q_norm and k_norm, [2, head_dim], added to.
  void backward(const Real* d_gated, Real* d_projected, Real* partial);

 private:
  static constexpr int64_t kQueries = 64;  // rows of scores at a time

  const Real* query(int64_t t, int64_t head) const { return projected_ + t * row_ + head * 2 * d_; }
  // norm and rotation of `count` rows of `width` apart.
  void norm_rotate(const Real* from, const Real* norm, Real* out) const;
  // The same backwards: from dy (overwritten) to dx with rows row_ apart, dw added to.
  void norm_rotate_backward(const Real* from, const Real* norm, Real* dy, Real* dx, Real* dw) const;
  // e^(scores) of query rows [begin, begin + c), each divided by its sum or by e^log_sum when that is known.
  void probabilities(const Real* q, int64_t begin, int64_t c, Real* log_sum, bool known, Real* p);
  void query_head_backward(int64_t head, const Real* d_gated, Real* d_projected, Real* dk, Real* dv,
                           Real* dq_norm);
  void product(int64_t m, int64_t n, int64_t k, Operand<Real> a, Operand<Real> b, Real* c, int64_t stride,
               bool add);

  Work<Real>& work_;
  PackSpace<Real>& space_;
  Scratch<Real>& scratch_;
  const AttentionWeights<Real>& weights_;
  const Rotation<Real>& rotation_;
  AttentionCache<Real>& cache_;
  const double eps_;
  const int64_t d_, row_, heads_, group_, n_, kv_head_, first_, count_;
  const int64_t k_column_, v_column_;
  const Real scale_;
  const Real* projected_;  // the sequence's rows
  const Real* v_;          // row t at v_ + t * row_
  Real* k_;                // [count, d], normed and rotated
  Real* q_;                // [count, d] of the query head at work
};

}  // namespace qnext::train
