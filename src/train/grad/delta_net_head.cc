#include "train/grad/delta_net_head.h"

#include <algorithm>
#include <cmath>

namespace qnext::train {
namespace {

constexpr double kLengthEps = 1e-6;  // of the L2 norm

template <class Real>
Real softplus(Real x) {
  return x > Real(20) ? x : std::log1p(std::exp(x));
}
template <class Real>
Real sigmoid(Real x) {
  return Real(1) / (Real(1) + std::exp(-x));
}

}  // namespace

template <class Real>
DeltaNetHead<Real>::DeltaNetHead(Work<Real>& work, int worker, const ModelConfig& config,
                                 const DeltaNetWeights<Real>& weights, DeltaNetCache<Real>& cache, int64_t h,
                                 int64_t first, int64_t count, int64_t chunk)
    : work_(work),
      worker_(worker),
      scratch_(work.fresh_scratch(worker)),
      at_(config),
      weights_(weights),
      cache_(cache),
      eps_(config.rms_norm_eps),
      h_(h),
      first_(first),
      count_(count),
      chunk_(chunk),
      projected_(cache.projected.data() + first * at_.row) {
  conv_ = scratch_.take(at_.kernel * at_.width);
  before_ = scratch_.zeros(count * at_.width);
  after_ = scratch_.take(count * at_.width);
  q_ = scratch_.take(count * at_.dk);
  k_ = scratch_.take(count * at_.dk);
  q_inverse_ = scratch_.take(count);
  k_inverse_ = scratch_.take(count);
  beta_ = scratch_.take(at_.r * count);
  g_ = scratch_.take(at_.r * count);
  kk_ = scratch_.take(kChunk * kChunk);
  qk_ = scratch_.take(kChunk * kChunk);
  prepare();
}

template <class Real>
Real* DeltaNetHead<Real>::state(int64_t chunk, int64_t j) const {
  return cache_.states.data() + ((chunk_ + chunk) * at_.value_heads + h_ * at_.r + j) * at_.dk * at_.dv;
}

template <class Real>
void DeltaNetHead<Real>::prepare() {
  const int64_t width = at_.width, kernel = at_.kernel, dk = at_.dk;
  for (int64_t i = 0; i < width; ++i) {
    const Real* w = weights_.conv.w + at_.channel(h_, i) * kernel;
    for (int64_t j = 0; j < kernel; ++j) conv_[j * width + i] = w[j];
  }
  const Real scale = Real(1) / std::sqrt(static_cast<Real>(dk));
  for (int64_t t = 0; t < count_; ++t) {
    Real* sum = before_ + t * width;
    for (int64_t j = std::max<int64_t>(0, kernel - 1 - t); j < kernel; ++j) {
      const Real* column = projected_ + (t - (kernel - 1) + j) * at_.row + at_.group(h_);
      work_.math.add_product(conv_ + j * width, column, sum, width);
    }
    Real* row = after_ + t * width;
    work_.math.silu(sum, row, width);
    q_inverse_[t] = Real(1) / std::sqrt(work_.math.dot(row, row, dk) + Real(kLengthEps));
    k_inverse_[t] = Real(1) / std::sqrt(work_.math.dot(row + dk, row + dk, dk) + Real(kLengthEps));
    work_.math.scale(scale * q_inverse_[t], row, q_ + t * dk, dk);
    work_.math.scale(k_inverse_[t], row + dk, k_ + t * dk, dk);
    for (int64_t j = 0; j < at_.r; ++j) {
      const Real* gates = projected_ + t * at_.row;
      const int64_t head = h_ * at_.r + j;
      beta_[j * count_ + t] = sigmoid(gates[at_.b(h_, j)]);
      g_[j * count_ + t] =
          -std::exp(weights_.a_log.w[head]) * softplus(gates[at_.a(h_, j)] + weights_.dt_bias.w[head]);
    }
  }
}

template <class Real>
void DeltaNetHead<Real>::keys_of(int64_t begin, ChunkKeys<Real>& keys) {
  const int64_t c = std::min(kChunk, count_ - begin), dk = at_.dk;
  keys = {c, dk, q_ + begin * dk, k_ + begin * dk, kk_, qk_};
  PackSpace<Real>& space = work_.pack[static_cast<size_t>(worker_)];
  multiply(Product<Real>{c, c, dk, {keys.k, dk, 1}, {keys.k, 1, dk}, kk_, c, false}, space);
  multiply(Product<Real>{c, c, dk, {keys.q, dk, 1}, {keys.k, 1, dk}, qk_, c, false}, space);
}

template <class Real>
ChunkHead<Real> DeltaNetHead<Real>::head_of(int64_t begin, int64_t j) const {
  return {at_.dv, after_ + begin * at_.width + 2 * at_.dk + j * at_.dv, at_.width, beta_ + j * count_ + begin,
          g_ + j * count_ + begin};
}

template <class Real>
void DeltaNetHead<Real>::forward() {
  const int64_t dv = at_.dv, o_row = at_.value_heads * dv, size = at_.dk * dv;
  Real* now = scratch_.zeros(at_.r * size);
  for (int64_t begin = 0; begin < count_; begin += kChunk) {
    ChunkKeys<Real> keys;
    keys_of(begin, keys);
    for (int64_t j = 0; j < at_.r; ++j) {
      std::copy_n(now + j * size, size, state(begin / kChunk, j));
      Real* o = cache_.o.data() + (first_ + begin) * o_row + (h_ * at_.r + j) * dv;
      delta_chunk_forward(work_, worker_, keys, head_of(begin, j), now + j * size, o, o_row);
    }
  }
  for (int64_t t = 0; t < count_; ++t) {
    for (int64_t j = 0; j < at_.r; ++j) {
      const int64_t at = (first_ + t) * o_row + (h_ * at_.r + j) * dv;
      const Real* o = cache_.o.data() + at;
      work_.math.gated_norm(o, inverse_rms(work_, o, dv, eps_), weights_.norm.w,
                            projected_ + t * at_.row + at_.z(h_, j), cache_.y.data() + at, dv);
    }
  }
}

template <class Real>
void DeltaNetHead<Real>::backward(const Real* dy, Real* d_projected, Real* partial) {
  const int64_t dv = at_.dv, dk = at_.dk, r = at_.r, o_row = at_.value_heads * dv;
  dq_ = scratch_.zeros(count_ * dk);
  dk_ = scratch_.zeros(count_ * dk);
  dafter_ = scratch_.zeros(count_ * at_.width);
  dbeta_ = scratch_.zeros(r * count_);
  dg_ = scratch_.zeros(r * count_);
  Real* d_o = scratch_.take(count_ * r * dv);
  Real* da_log = partial + at_.kernel * at_.width;
  d_projected += first_ * at_.row;
  for (int64_t t = 0; t < count_; ++t) {
    for (int64_t j = 0; j < r; ++j) {
      const int64_t at = (first_ + t) * o_row + (h_ * r + j) * dv, z = t * at_.row + at_.z(h_, j);
      const Real* o = cache_.o.data() + at;
      work_.math.gated_norm_backward(o, inverse_rms(work_, o, dv, eps_), weights_.norm.w, projected_ + z,
                                     dy + at, d_o + (t * r + j) * dv, d_projected + z, da_log + 2 * r, dv);
    }
  }
  rule_backward(d_o);
  normalise_backward();
  gates_backward(d_projected, da_log, da_log + r);
  convolution_backward(d_projected, partial);
}

template <class Real>
void DeltaNetHead<Real>::rule_backward(const Real* d_o) {
  const int64_t dk = at_.dk, dv = at_.dv, r = at_.r, size = dk * dv;
  PackSpace<Real>& space = work_.pack[static_cast<size_t>(worker_)];
  Real* dstate = scratch_.zeros(r * size);
  Real* dkk = scratch_.take(kChunk * kChunk);
  Real* dqk = scratch_.take(kChunk * kChunk);
  for (int64_t begin = (count_ - 1) / kChunk * kChunk; begin >= 0; begin -= kChunk) {
    ChunkKeys<Real> keys;
    keys_of(begin, keys);
    const int64_t c = keys.count;
    std::fill_n(dkk, c * c, Real(0));
    std::fill_n(dqk, c * c, Real(0));
    Real *dq = dq_ + begin * dk, *d_k = dk_ + begin * dk;
    for (int64_t j = 0; j < r; ++j) {
      const ChunkGradients<Real> out{dq,
                                     d_k,
                                     dkk,
                                     dqk,
                                     dafter_ + begin * at_.width + 2 * dk + j * dv,
                                     dbeta_ + j * count_ + begin,
                                     dg_ + j * count_ + begin};
      delta_chunk_backward(work_, worker_, keys, head_of(begin, j), state(begin / kChunk, j),
                           d_o + (begin * r + j) * dv, r * dv, dstate + j * size, out);
    }
    multiply(Product<Real>{c, dk, c, {dqk, c, 1}, {keys.k, dk, 1}, dq, dk, true}, space);
    multiply(Product<Real>{c, dk, c, {dqk, 1, c}, {keys.q, dk, 1}, d_k, dk, true}, space);
    multiply(Product<Real>{c, dk, c, {dkk, c, 1}, {keys.k, dk, 1}, d_k, dk, true}, space);
    multiply(Product<Real>{c, dk, c, {dkk, 1, c}, {keys.k, dk, 1}, d_k, dk, true}, space);
  }
}

// y = x / |x|: dx = (dy - y (y . dy)) / |x|. q has 1 / sqrt(dk) as a factor beside.
template <class Real>
void DeltaNetHead<Real>::normalise_backward() {
  const int64_t dk = at_.dk;
  const Real root = std::sqrt(static_cast<Real>(dk)), scale = Real(1) / root;
  for (int64_t t = 0; t < count_; ++t) {
    Real* dx = dafter_ + t * at_.width;
    const Real *q = q_ + t * dk, *k = k_ + t * dk, *dq = dq_ + t * dk, *d_k = dk_ + t * dk;
    const Real q_factor = scale * q_inverse_[t], k_factor = k_inverse_[t];
    work_.math.scale(q_factor, dq, dx, dk);
    work_.math.add_scaled(-q_factor * root * root * work_.math.dot(q, dq, dk), q, dx, dk);
    work_.math.scale(k_factor, d_k, dx + dk, dk);
    work_.math.add_scaled(-k_factor * work_.math.dot(k, d_k, dk), k, dx + dk, dk);
  }
}

template <class Real>
void DeltaNetHead<Real>::gates_backward(Real* d_projected, Real* da_log, Real* ddt_bias) {
  for (int64_t j = 0; j < at_.r; ++j) {
    const int64_t head = h_ * at_.r + j;
    const Real rate = std::exp(weights_.a_log.w[head]);
    for (int64_t t = 0; t < count_; ++t) {
      const int64_t i = j * count_ + t, row = t * at_.row;
      const Real beta = beta_[i], s = projected_[row + at_.a(h_, j)] + weights_.dt_bias.w[head];
      const Real da = -rate * sigmoid(s) * dg_[i];
      d_projected[row + at_.b(h_, j)] = dbeta_[i] * beta * (1 - beta);
      d_projected[row + at_.a(h_, j)] = da;
      ddt_bias[j] += da;
      da_log[j] += dg_[i] * g_[i];
    }
  }
}

template <class Real>
void DeltaNetHead<Real>::convolution_backward(Real* d_projected, Real* dconv) {
  const int64_t width = at_.width, kernel = at_.kernel;
  work_.math.silu_backward(before_, dafter_, dafter_, count_ * width);
  for (int64_t t = 0; t < count_; ++t) {
    Real* dx = d_projected + t * at_.row + at_.group(h_);
    std::fill_n(dx, width, Real(0));
    const Real* x = projected_ + t * at_.row + at_.group(h_);
    // Row t is what weight kernel - 1 - ahead multiplies at t + ahead.
    for (int64_t ahead = 0; ahead < std::min(kernel, count_ - t); ++ahead) {
      const int64_t j = kernel - 1 - ahead;
      const Real* d = dafter_ + (t + ahead) * width;
      work_.math.add_product(conv_ + j * width, d, dx, width);
      work_.math.add_product(x, d, dconv + j * width, width);
    }
  }
}

template class DeltaNetHead<float>;
template class DeltaNetHead<double>;

}  // namespace qnext::train
