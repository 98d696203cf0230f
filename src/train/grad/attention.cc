#include "train/grad/attention.h"

#include <cmath>

#include "train/grad/attention_head.h"

namespace qnext::train {

template <class Real>
void Rotation<Real>::reach(int64_t positions) {
  for (auto p = static_cast<int64_t>(cos_.size()) / half_; p < positions; ++p) {
    for (float frequency : table_.inv_freq) {
      const double angle = static_cast<float>(p) * frequency;
      cos_.push_back(static_cast<Real>(std::cos(angle) * table_.factor));
      sin_.push_back(static_cast<Real>(std::sin(angle) * table_.factor));
    }
  }
}

template <class Real>
void Rotation<Real>::rotate(int64_t position, Real* head, Real sign) const {
  const Real* c = cos_.data() + position * half_;
  const Real* s = sin_.data() + position * half_;
  for (int64_t m = 0; m < half_; ++m) {
    const Real a = head[m], b = head[m + half_], sine = sign * s[m];
    head[m] = a * c[m] - b * sine;
    head[m + half_] = b * c[m] + a * sine;
  }
}

template <class Real>
void attention_forward(Work<Real>& work, const ModelConfig& config, const AttentionWeights<Real>& weights,
                       const Rotation<Real>& rotation, const Rows& rows, const Real* x,
                       AttentionCache<Real>& cache, Real* stream) {
  const int64_t n = rows.count(), hidden = config.hidden_size, width = config.num_heads * config.head_dim;
  const int64_t row = config.q_rows() + 2 * config.kv_rows();
  Real* projected = cache.projected.room(n * row);
  cache.log_sum.room(config.num_heads * n);
  cache.o.room(n * width);
  cache.gated.room(n * width);
  multiply(work, forward_product(x, hidden, n, weights.in.w, row, hidden, projected, row));
  for_heads(work, rows, config.num_kv_heads, [&](int64_t s, int64_t head, int worker) {
    AttentionHead<Real>(work, worker, config, weights, rotation, cache, n, head, rows.first(s),
                        rows.length(s))
        .forward();
  });
  multiply(work, forward_product<Real>(cache.gated.data(), width, n, weights.out.w, hidden, width, stream,
                                       hidden, true));
}

template <class Real>
void attention_backward(Work<Real>& work, const ModelConfig& config, const AttentionWeights<Real>& weights,
                        const Rotation<Real>& rotation, const Rows& rows, const Real* x,
                        AttentionCache<Real>& cache, const Real* d_out, Real* dx) {
  const int64_t n = rows.count(), hidden = config.hidden_size, width = config.num_heads * config.head_dim;
  const int64_t row = config.q_rows() + 2 * config.kv_rows(), d = config.head_dim;
  Real* d_gated = work.first.room(n * width);
  Real* d_projected = work.second.room(n * row);
  multiply(work,
           weight_product<Real>(d_out, hidden, cache.gated.data(), width, n, hidden, width, weights.out.g));
  multiply(work, input_product(d_out, hidden, n, weights.out.w, hidden, width, d_gated, width));
  const int64_t tasks = rows.sequences() * config.num_kv_heads;
  Real* partial = work.partial.zeros(tasks * 2 * d);
  for_heads(work, rows, config.num_kv_heads, [&](int64_t s, int64_t head, int worker) {
    AttentionHead<Real>(work, worker, config, weights, rotation, cache, n, head, rows.first(s),
                        rows.length(s))
        .backward(d_gated, d_projected, partial + (s * config.num_kv_heads + head) * 2 * d);
  });
  for (int64_t t = 0; t < tasks; ++t) {
    work.math.add_scaled(Real(1), partial + t * 2 * d, weights.q_norm.g, d);
    work.math.add_scaled(Real(1), partial + t * 2 * d + d, weights.k_norm.g, d);
  }
  multiply(work, weight_product(d_projected, row, x, hidden, n, row, hidden, weights.in.g));
  multiply(work, input_product(d_projected, row, n, weights.in.w, row, hidden, dx, hidden));
}

template class Rotation<float>;
template class Rotation<double>;
template void attention_forward(Work<float>&, const ModelConfig&, const AttentionWeights<float>&,
                                const Rotation<float>&, const Rows&, const float*, AttentionCache<float>&,
                                float*);
template void attention_forward(Work<double>&, const ModelConfig&, const AttentionWeights<double>&,
                                const Rotation<double>&, const Rows&, const double*, AttentionCache<double>&,
                                double*);
template void attention_backward(Work<float>&, const ModelConfig&, const AttentionWeights<float>&,
                                 const Rotation<float>&, const Rows&, const float*, AttentionCache<float>&,
                                 const float*, float*);
template void attention_backward(Work<double>&, const ModelConfig&, const AttentionWeights<double>&,
                                 const Rotation<double>&, const Rows&, const double*, AttentionCache<double>&,
                                 const double*, double*);

}  // namespace qnext::train
