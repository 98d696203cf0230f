// The gated delta rule of the value heads that share a key head: what it works in, and its form token by
// token. delta_rule_chunk-inl.h has the form by chunks of 64.
#if defined(QNEXT_KERNELS_CPU_DELTA_RULE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_DELTA_RULE_INL_H_
#undef QNEXT_KERNELS_CPU_DELTA_RULE_INL_H_
#else
#define QNEXT_KERNELS_CPU_DELTA_RULE_INL_H_
#endif

#include "kernels/cpu/gdn_ahead-inl.h"
#include "kernels/cpu/scratch.h"
#include "kernels/cpu/simd-inl.h"
#include "kernels/ops.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {

// Cells of the state, which is computed with in float32 however they are stored. As float32 they are as is.
HWY_INLINE VF load_cells(const float* p) { return load(p); }
HWY_INLINE void store_cells(VF v, float* p) { store(v, p); }

// BF16: the upper half of float32, rounded to nearest even; a NaN stays one.
HWY_INLINE VF load_cells(const uint16_t* p) {
  const hn::Repartition<uint32_t, DF> d32;
  const hn::Rebind<uint16_t, DF> d16;
  return hn::BitCast(DF(), hn::ShiftLeft<16>(hn::PromoteTo(d32, hn::LoadU(d16, p))));
}
HWY_INLINE void store_cells(VF v, uint16_t* p) {
  const hn::Repartition<uint32_t, DF> d32;
  const hn::Repartition<int32_t, DF> signed32;
  const hn::Rebind<uint16_t, DF> d16;
  const auto bits = hn::BitCast(d32, v);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d32, 1));
  const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(d32, 0x7fff)));
  const auto quiet = hn::Or(bits, hn::Set(d32, 0x400000));
  const auto cells = hn::IfThenElse(hn::RebindMask(d32, hn::IsNaN(v)), quiet, rounded);
  hn::StoreU(hn::DemoteTo(d16, hn::BitCast(signed32, hn::ShiftRight<16>(cells))), d16, p);
}

// Columns of the state that the chunked form takes at a time: with all their rows they fit the first cache.
inline constexpr int kPanelVectors = kManyRegisters ? 4 : 2;

// Up to kGdnChunk tokens of one key head and of one of its value heads at a time. Rows are padded with zeros
// to `dk` and `dv`, multiples of kLanes.
struct DeltaScratch {
  DeltaScratch(Layout& layout, int64_t keys, int64_t values, Ahead* next)
      : ahead(next), key_dim(keys), dk(round_up(keys, kLanes)), dv(round_up(values, kLanes)) {
    constexpr int64_t kSquare = kGdnChunk * kGdnChunk, kPanel = kPanelVectors * kLanes;
    q = layout.take(kGdnChunk * dk);
    k = layout.take(kGdnChunk * dk);
    k_transposed = layout.take(dk * kGdnChunk);
    kk = layout.take(kSquare);
    qk = layout.take(kSquare);
    v = layout.take(kGdnChunk * dv);
    o = layout.take(kGdnChunk * dv);
    for (float** row : {&beta, &g, &sum, &sum_rest, &from_start, &to_end}) *row = layout.take(kGdnChunk);
    minus_l = layout.take(kSquare);
    d_qk = layout.take(kSquare);
    panel = layout.take(keys * kPanel);
    u = layout.take(kGdnChunk * kPanel);
    state = layout.take(keys * dv);
  }
  Ahead* ahead;  // a few steps of it for every tile
  int64_t key_dim, dk, dv;
  // Of the key head.
  float* q;             // [64, dk], normalised and scaled
  float* k;             // [64, dk], normalised
  float* k_transposed;  // [dk, 64]
  float *kk, *qk;       // [64, 64], K K^T and Q K^T for j <= i
  // Of the value head.
  float* v;               // [64, dv]
  float* o;               // [64, dv], result
  float* beta;            // [64]
  float* g;               // [64], logarithm of the decay
  float *sum, *sum_rest;  // [64], running sums of g, and what float32 cuts off them
  float* from_start;      // [64], e^G; token by token e^g
  float* to_end;          // [64], e^(G_C - G)
  float* minus_l;         // [64, 64], -L
  float* d_qk;            // [64, 64], D o Q K^T
  float* panel;           // [key_dim, kPanelVectors vectors], columns of the state
  float* u;               // [64, kPanelVectors vectors], what is written to memory in these columns
  float* state;           // [key_dim, dv] cells, where the caller's rows are not whole vectors
};

// ---- Recurrent: S = e^g S; u = beta (v - S^T k); S += k u^T; o = S^T q

// One token of a value head. Both products with the state come from one pass over the old state, for S^T q =
// e^g S_old^T q + (k . q) u; the second pass finds it in the cache.
struct Token {
  const float *q, *k, *v;
  float kq, alpha, beta;
  float* o;
};

// A state is read for the first time in its row order, mostly from memory. The processor's own prefetching
// stops at pages; this far ahead, it goes on into the next head's state.
inline constexpr int64_t kRowsAhead = 32;

// V vectors of columns of the state, which do not depend on the other columns.
template <int V, class Cell>
HWY_INLINE void recurrent_columns(const Token& token, int64_t key_dim, int64_t stride, int64_t column,
                                  Cell* HWY_RESTRICT state) {
  constexpr int kPerLine = std::max(1, 64 / static_cast<int>(kLanes * sizeof(Cell)));
  VF u[V], o[V];
  HWY_UNROLL(8)
  for (int v = 0; v < V; ++v) u[v] = o[v] = zero();
  for (int64_t i = 0; i < key_dim; ++i) {
    const Cell* row = state + i * stride + column;
    const VF ki = set(token.k[i]), qi = set(token.q[i]);
    HWY_UNROLL(8)
    for (int v = 0; v < V; ++v) {
      if (v % kPerLine == 0) fetch_line(row + kRowsAhead * stride + v * kLanes);
      const VF cells = load_cells(row + v * kLanes);
      u[v] = hn::MulAdd(ki, cells, u[v]);
      o[v] = hn::MulAdd(qi, cells, o[v]);
    }
  }
  const VF alpha = set(token.alpha), beta = set(token.beta), kq = set(token.kq);
  HWY_UNROLL(8)
  for (int v = 0; v < V; ++v) {
    u[v] = hn::Mul(beta, hn::NegMulAdd(alpha, u[v], load(token.v + column + v * kLanes)));
    store(hn::MulAdd(kq, u[v], hn::Mul(alpha, o[v])), token.o + column + v * kLanes);
  }
  for (int64_t i = 0; i < key_dim; ++i) {
    Cell* row = state + i * stride + column;
    const VF ki = set(token.k[i]);
    HWY_UNROLL(8)
    for (int v = 0; v < V; ++v) {
      store_cells(hn::MulAdd(ki, u[v], hn::Mul(alpha, load_cells(row + v * kLanes))), row + v * kLanes);
    }
  }
}

// The first `count` tokens of the scratch. Whole rows of the usual 128 columns at a time, so that memory is
// read in order.
template <class Cell>
HWY_INLINE void recurrent(const DeltaScratch& s, int64_t count, Cell* state) {
  constexpr int kVectors = kManyRegisters ? 8 : 4;
  for (int64_t t = 0; t < count; t += kLanes) store(exp(load(s.g + t)), s.from_start + t);
  for (int64_t t = 0; t < count; ++t) {
    const float *q = s.q + t * s.dk, *k = s.k + t * s.dk;
    const Token token{q, k, s.v + t * s.dv, dot(k, q, s.dk), s.from_start[t], s.beta[t], s.o + t * s.dv};
    int64_t column = 0;
    for (; column + kVectors * kLanes <= s.dv; column += kVectors * kLanes) {
      recurrent_columns<kVectors>(token, s.key_dim, s.dv, column, state);
    }
    for (; column < s.dv; column += kLanes) recurrent_columns<1>(token, s.key_dim, s.dv, column, state);
  }
}

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
