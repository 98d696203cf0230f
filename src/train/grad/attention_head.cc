#include "train/grad/attention_head.h"

#include <algorithm>
#include <cmath>

namespace qnext::train {

template <class Real>
AttentionHead<Real>::AttentionHead(Work<Real>& work, int worker, const ModelConfig& config,
                                   const AttentionWeights<Real>& weights, const Rotation<Real>& rotation,
                                   AttentionCache<Real>& cache, int64_t n, int64_t kv_head, int64_t first,
                                   int64_t count)
    : work_(work),
      space_(work.pack[static_cast<size_t>(worker)]),
      scratch_(work.fresh_scratch(worker)),
      weights_(weights),
      rotation_(rotation),
      cache_(cache),
      eps_(config.rms_norm_eps),
      d_(config.head_dim),
      row_(config.q_rows() + 2 * config.kv_rows()),
      heads_(config.num_heads),
      group_(config.num_heads / config.num_kv_heads),
      n_(n),
      kv_head_(kv_head),
      first_(first),
      count_(count),
      k_column_(config.q_rows() + kv_head * d_),
      v_column_(k_column_ + config.kv_rows()),
      scale_(Real(1) / std::sqrt(static_cast<Real>(d_))),
      projected_(cache.projected.data() + first * row_),
      v_(projected_ + v_column_) {
  k_ = scratch_.take(count * d_);
  q_ = scratch_.take(count * d_);
  norm_rotate(projected_ + k_column_, weights.k_norm.w, k_);
}

template <class Real>
void AttentionHead<Real>::product(int64_t m, int64_t n, int64_t k, Operand<Real> a, Operand<Real> b, Real* c,
                                  int64_t stride, bool add) {
  multiply(Product<Real>{m, n, k, a, b, c, stride, add}, space_);
}

template <class Real>
void AttentionHead<Real>::norm_rotate(const Real* from, const Real* norm, Real* out) const {
  for (int64_t t = 0; t < count_; ++t) {
    const Real* x = from + t * row_;
    work_.math.norm(x, inverse_rms(work_, x, d_, eps_), norm, out + t * d_, d_);
    rotation_.forward(t, out + t * d_);
  }
}

template <class Real>
void AttentionHead<Real>::norm_rotate_backward(const Real* from, const Real* norm, Real* dy, Real* dx,
                                               Real* dw) const {
  for (int64_t t = 0; t < count_; ++t) {
    rotation_.backward(t, dy + t * d_);
    const Real* x = from + t * row_;
    std::fill_n(dx + t * row_, d_, Real(0));
    work_.math.norm_backward(x, inverse_rms(work_, x, d_, eps_), norm, dy + t * d_, dx + t * row_, dw, d_);
  }
}

// p[c, begin + c]; beyond the diagonal 0.
template <class Real>
void AttentionHead<Real>::probabilities(const Real* q, int64_t begin, int64_t c, Real* log_sum, bool known,
                                        Real* p) {
  const int64_t keys = begin + c;
  product(c, keys, d_, {q + begin * d_, d_, 1}, {k_, 1, d_}, p, keys, false);
  for (int64_t i = 0; i < c; ++i) {
    Real* row = p + i * keys;
    const int64_t seen = begin + i + 1;
    work_.math.scale(scale_, row, row, seen);
    if (known) {
      work_.math.exp_sum(row, log_sum[begin + i], seen);
    } else {
      const Real top = work_.math.maximum(row, seen);
      const Real sum = work_.math.exp_sum(row, top, seen);
      work_.math.scale(Real(1) / sum, row, row, seen);
      log_sum[begin + i] = top + std::log(sum);
    }
    std::fill(row + seen, row + keys, Real(0));
  }
}

template <class Real>
void AttentionHead<Real>::forward() {
  const int64_t width = heads_ * d_;
  Real* p = scratch_.take(std::min(kQueries, count_) * count_);
  for (int64_t head = kv_head_ * group_; head < (kv_head_ + 1) * group_; ++head) {
    norm_rotate(query(0, head), weights_.q_norm.w, q_);
    Real* log_sum = cache_.log_sum.data() + head * n_ + first_;
    for (int64_t begin = 0; begin < count_; begin += kQueries) {
      const int64_t c = std::min(kQueries, count_ - begin), keys = begin + c;
      probabilities(q_, begin, c, log_sum, false, p);
      Real* o = cache_.o.data() + (first_ + begin) * width + head * d_;
      product(c, d_, keys, {p, keys, 1}, {v_, row_, 1}, o, width, false);
      for (int64_t i = 0; i < c; ++i) {
        Real* gated = cache_.gated.data() + (first_ + begin + i) * width + head * d_;
        work_.math.sigmoid_gate(o + i * width, query(begin + i, head) + d_, gated, d_);
      }
    }
  }
}

template <class Real>
void AttentionHead<Real>::query_head_backward(int64_t head, const Real* d_gated, Real* d_projected, Real* dk,
                                              Real* dv, Real* dq_norm) {
  const auto before = scratch_.mark();
  const int64_t width = heads_ * d_, block = std::min(kQueries, count_);
  Real* p = scratch_.take(block * count_);
  Real* dp = scratch_.take(block * count_);
  Real* d_o = scratch_.take(block * d_);
  Real* dq = scratch_.take(count_ * d_);
  Real* log_sum = cache_.log_sum.data() + head * n_ + first_;
  norm_rotate(query(0, head), weights_.q_norm.w, q_);
  for (int64_t begin = 0; begin < count_; begin += kQueries) {
    const int64_t c = std::min(kQueries, count_ - begin), keys = begin + c;
    probabilities(q_, begin, c, log_sum, true, p);
    for (int64_t i = 0; i < c; ++i) {
      const int64_t t = begin + i, at = (first_ + t) * width + head * d_;
      work_.math.sigmoid_gate_backward(cache_.o.data() + at, query(t, head) + d_, d_gated + at, d_o + i * d_,
                                       d_projected + t * row_ + head * 2 * d_ + d_, d_);
    }
    product(keys, d_, c, {p, 1, keys}, {d_o, d_, 1}, dv, d_, true);
    product(c, keys, d_, {d_o, d_, 1}, {v_, 1, row_}, dp, keys, false);
    // dscore = p (dp - sum p dp), and that sum is o . do
    for (int64_t i = 0; i < c; ++i) {
      const Real* o = cache_.o.data() + (first_ + begin + i) * width + head * d_;
      const Real mean = work_.math.dot(o, d_o + i * d_, d_);
      Real* row = dp + i * keys;
      const Real* weight = p + i * keys;
      for (int64_t j = 0; j < keys; ++j) row[j] = scale_ * weight[j] * (row[j] - mean);
    }
    product(c, d_, keys, {dp, keys, 1}, {k_, d_, 1}, dq + begin * d_, d_, false);
    product(keys, d_, c, {dp, 1, keys}, {q_ + begin * d_, d_, 1}, dk, d_, true);
  }
  norm_rotate_backward(query(0, head), weights_.q_norm.w, dq, d_projected + head * 2 * d_, dq_norm);
  scratch_.rewind(before);
}

template <class Real>
void AttentionHead<Real>::backward(const Real* d_gated, Real* d_projected, Real* partial) {
  d_projected += first_ * row_;
  Real* dk = scratch_.zeros(count_ * d_);
  Real* dv = scratch_.zeros(count_ * d_);
  for (int64_t head = kv_head_ * group_; head < (kv_head_ + 1) * group_; ++head) {
    query_head_backward(head, d_gated, d_projected, dk, dv, partial);
  }
  norm_rotate_backward(projected_ + k_column_, weights_.k_norm.w, dk, d_projected + k_column_, partial + d_);
  for (int64_t t = 0; t < count_; ++t) std::copy_n(dv + t * d_, d_, d_projected + t * row_ + v_column_);
}

template class AttentionHead<float>;
template class AttentionHead<double>;

}  // namespace qnext::train
