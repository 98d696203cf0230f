// The gated delta rule of one value head, token by token and by chunks of 64 (docs/numerics.md derives the
// chunked form).
#if defined(QNEXT_KERNELS_CPU_DELTA_RULE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_DELTA_RULE_INL_H_
#undef QNEXT_KERNELS_CPU_DELTA_RULE_INL_H_
#else
#define QNEXT_KERNELS_CPU_DELTA_RULE_INL_H_
#endif

#include <cmath>
#include <limits>

#include "kernels/cpu/scratch.h"
#include "kernels/cpu/tile-inl.h"
#include "kernels/ops.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {

// Up to kGdnChunk tokens of one value head, and what the chunked form computes in between. Rows are padded
// with zeros to `dk` and `dv`, multiples of kLanes. The state is [key_dim, dv].
struct HeadScratch {
  HeadScratch(float* memory, int64_t keys, int64_t values)
      : layout(memory), key_dim(keys), dk(round_up(keys, kLanes)), dv(round_up(values, kLanes)) {
    q = layout.take(kGdnChunk * dk);
    k = layout.take(kGdnChunk * dk);
    u = layout.take(kGdnChunk * dv);
    o = layout.take(kGdnChunk * dv);
    beta = layout.take(kGdnChunk);
    g = layout.take(kGdnChunk);
    minus_l = layout.take(kGdnChunk * kGdnChunk);
    d_qk = layout.take(kGdnChunk * kGdnChunk);
    decay = layout.take(kGdnChunk);
    from_start = layout.take(kGdnChunk);
    state = layout.take(keys * dv);
  }
  Layout layout;
  int64_t key_dim, dk, dv;
  float* q;           // [64, dk], normalised and scaled
  float* k;           // [64, dk], normalised
  float* u;           // [64, dv]; v on entry, then what is written to memory
  float* o;           // [64, dv], result
  float* beta;        // [64]
  float* g;           // [64], logarithm of the decay
  float* minus_l;     // [64, 64], -L
  float* d_qk;        // [64, 64], D o Q K^T
  float* decay;       // [64], a row of D
  float* from_start;  // [64], e^G
  float* state;       // [key_dim, dv], where the caller's rows are not whole vectors
};

// ---- Recurrent: S = e^g S; u = beta (v - S^T k); S += k u^T; o = S^T q

// V vectors of columns of the state, which do not depend on the other columns.
template <int V>
HWY_INLINE void recurrent_columns(const HeadScratch& s, int64_t t, float alpha, float* HWY_RESTRICT state,
                                  int64_t column) {
  const float *q = s.q + t * s.dk, *k = s.k + t * s.dk;
  float *u_row = s.u + t * s.dv + column, *o_row = s.o + t * s.dv + column;
  const VF decay = set(alpha), beta = set(s.beta[t]);
  VF u[V], o[V];
  HWY_UNROLL(8)
  for (int v = 0; v < V; ++v) u[v] = o[v] = zero();
  for (int64_t i = 0; i < s.key_dim; ++i) {
    const float* row = state + i * s.dv + column;
    const VF ki = set(k[i]);
    HWY_UNROLL(8)
    for (int v = 0; v < V; ++v) u[v] = hn::MulAdd(ki, hn::Mul(decay, load(row + v * kLanes)), u[v]);
  }
  HWY_UNROLL(8)
  for (int v = 0; v < V; ++v) u[v] = hn::Mul(beta, hn::Sub(load(u_row + v * kLanes), u[v]));
  for (int64_t i = 0; i < s.key_dim; ++i) {
    float* row = state + i * s.dv + column;
    const VF ki = set(k[i]), qi = set(q[i]);
    HWY_UNROLL(8)
    for (int v = 0; v < V; ++v) {
      const VF cell = hn::MulAdd(ki, u[v], hn::Mul(decay, load(row + v * kLanes)));
      store(cell, row + v * kLanes);
      o[v] = hn::MulAdd(qi, cell, o[v]);
    }
  }
  HWY_UNROLL(8)
  for (int v = 0; v < V; ++v) store(o[v], o_row + v * kLanes);
}

HWY_INLINE void recurrent(const HeadScratch& s, int64_t count, float* state) {
  constexpr int kVectors = 4;
  for (int64_t t = 0; t < count; ++t) {
    const float alpha = std::exp(s.g[t]);
    int64_t column = 0;
    for (; column + kVectors * kLanes <= s.dv; column += kVectors * kLanes) {
      recurrent_columns<kVectors>(s, t, alpha, state, column);
    }
    for (; column < s.dv; column += kLanes) recurrent_columns<1>(s, t, alpha, state, column);
  }
}

// ---- Chunked

HWY_INLINE void scale_row(float* row, float factor, int64_t n) {
  for (int64_t j = 0; j < n; j += kLanes) store(hn::Mul(load(row + j), set(factor)), row + j);
}

// out[i][j] = a[i] . k[j] for j <= i; some of j > i too.
HWY_INLINE void causal_products(const float* a, const HeadScratch& s, float* out) {
  constexpr int64_t kRows = 4;
  for (int64_t i = 0; i < kGdnChunk; i += kRows) {
    const float* rows[kRows];
    for (int64_t r = 0; r < kRows; ++r) rows[r] = a + (i + r) * s.dk;
    for (int64_t r = 0; r < kRows; r += kTileInputs) {
      const int n = static_cast<int>(std::min<int64_t>(kTileInputs, kRows - r));
      dot_inputs(s.k, s.dk, i + kRows, rows + r, n, s.dk, out + (i + r) * kGdnChunk, kGdnChunk);
    }
  }
}

// D[i][j] = e^(G_i - G_j) for j <= i, else 0: differences first, then the mask, then exp. The running sums
// are in double, for differences of large sums keep few digits.
HWY_INLINE void decay_row(const double* sums, int64_t i, float* out) {
  for (int64_t j = 0; j < kGdnChunk; ++j) {
    out[j] = j <= i ? static_cast<float>(sums[i] - sums[j]) : -std::numeric_limits<float>::infinity();
  }
  for (int64_t j = 0; j < kGdnChunk; j += kLanes) store(exp(load(out + j)), out + j);
}

// -L and D o Q K^T from the plain products. Their upper triangles become 0, -L's diagonal too.
HWY_INLINE void apply_decay(const HeadScratch& s, const double* sums) {
  for (int64_t i = 0; i < kGdnChunk; ++i) {
    decay_row(sums, i, s.decay);
    float *l = s.minus_l + i * kGdnChunk, *qk = s.d_qk + i * kGdnChunk;
    for (int64_t j = 0; j <= i; ++j) {
      l[j] = j < i ? -s.beta[i] * s.decay[j] * l[j] : 0.0f;
      qk[j] *= s.decay[j];
    }
    std::fill(l + i + 1, l + kGdnChunk, 0.0f);
    std::fill(qk + i + 1, qk + kGdnChunk, 0.0f);
  }
}

// u = T (diag(beta) V - diag(beta e^G) K S), by forward substitution in blocks of four rows.
HWY_INLINE void solve(const HeadScratch& s, const float* state) {
  std::fill(s.o, s.o + kGdnChunk * s.dv, 0.0f);
  add_scaled_rows({s.k, s.dk, 1}, kGdnChunk, s.key_dim, state, s.dv, s.o, s.dv, s.dv);  // K S
  for (int64_t i = 0; i < kGdnChunk; ++i) {
    float *u = s.u + i * s.dv, *ks = s.o + i * s.dv;
    const VF beta = set(s.beta[i]), from_start = set(s.from_start[i]);
    for (int64_t j = 0; j < s.dv; j += kLanes) {
      store(hn::Mul(beta, hn::NegMulAdd(from_start, load(ks + j), load(u + j))), u + j);
    }
  }
  constexpr int64_t kRows = 4;
  for (int64_t i = 0; i < kGdnChunk; i += kRows) {
    const float* l = s.minus_l + i * kGdnChunk;
    float* u = s.u + i * s.dv;
    add_scaled_rows({l, kGdnChunk, 1}, kRows, i, s.u, s.dv, u, s.dv, s.dv);
    for (int64_t r = 1; r < kRows; ++r) {
      add_scaled_rows({l + r * kGdnChunk + i, kGdnChunk, 1}, 1, r, u, s.dv, u + r * s.dv, s.dv, s.dv);
    }
  }
}

// o = diag(e^G) Q S + (D o Q K^T) U
HWY_INLINE void outputs(const HeadScratch& s, const float* state) {
  std::fill(s.o, s.o + kGdnChunk * s.dv, 0.0f);
  add_scaled_rows({s.q, s.dk, 1}, kGdnChunk, s.key_dim, state, s.dv, s.o, s.dv, s.dv);
  for (int64_t i = 0; i < kGdnChunk; ++i) scale_row(s.o + i * s.dv, s.from_start[i], s.dv);
  constexpr int64_t kRows = 4;
  for (int64_t i = 0; i < kGdnChunk; i += kRows) {
    add_scaled_rows({s.d_qk + i * kGdnChunk, kGdnChunk, 1}, kRows, i + kRows, s.u, s.dv, s.o + i * s.dv, s.dv,
                    s.dv);
  }
}

// S = e^(G_C) S + K^T diag(e^(G_C - G)) U; consumes u.
HWY_INLINE void advance_state(const HeadScratch& s, const double* sums, float* state) {
  decay_row(sums, kGdnChunk - 1, s.decay);
  for (int64_t i = 0; i < kGdnChunk; ++i) scale_row(s.u + i * s.dv, s.decay[i], s.dv);
  const float whole = s.from_start[kGdnChunk - 1];
  for (int64_t i = 0; i < s.key_dim; ++i) scale_row(state + i * s.dv, whole, s.dv);
  add_scaled_rows({s.k, 1, s.dk}, s.key_dim, kGdnChunk, s.u, s.dv, state, s.dv, s.dv);
}

HWY_INLINE void chunk(const HeadScratch& s, float* state) {
  double sums[kGdnChunk], sum_so_far = 0;
  for (int64_t i = 0; i < kGdnChunk; ++i) {
    sums[i] = sum_so_far += s.g[i];
    s.from_start[i] = static_cast<float>(sums[i]);
  }
  for (int64_t i = 0; i < kGdnChunk; i += kLanes) store(exp(load(s.from_start + i)), s.from_start + i);
  causal_products(s.k, s, s.minus_l);
  causal_products(s.q, s, s.d_qk);
  apply_decay(s, sums);
  solve(s, state);
  outputs(s, state);
  advance_state(s, sums, state);
}

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
