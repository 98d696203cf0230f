// The gated delta rule over one chunk of tokens and one value head, forward and backward. Specification 3.3:
//   L_ij = beta_i e^(G_i - G_j) (k_i . k_j) for j < i,   P_ij = e^(G_i - G_j) (q_i . k_j) for j <= i
//   (I + L) U = diag(beta) (V - diag(e^G) K S),   O = diag(e^G) Q S + P U
//   S' = e^(G_last) S + K^T diag(e^(G_last - G)) U
// Exponents are formed as differences first: all that are used are <= 0.
#pragma once

#include <cstdint>

#include "train/grad/work.h"

namespace qnext::train {

inline constexpr int64_t kChunk = 64;

// What the value heads of a key head share in a chunk of `count` <= kChunk tokens.
template <class Real>
struct ChunkKeys {
  int64_t count = 0, dk = 0;
  const Real *q = nullptr, *k = nullptr;    // [count, dk], normalised, q scaled
  const Real *kk = nullptr, *qk = nullptr;  // [count, count] k_i . k_j and q_i . k_j
};

template <class Real>
struct ChunkHead {
  int64_t dv = 0;
  const Real* v = nullptr;  // row i at v + i * v_stride
  int64_t v_stride = 0;
  const Real* beta = nullptr;  // [count]
  const Real* g = nullptr;     // [count] log of the decay, <= 0
};

// Gradients of one head; all are added to.
template <class Real>
struct ChunkGradients {
  Real *dq = nullptr, *dk = nullptr;     // [count, dk]
  Real *dkk = nullptr, *dqk = nullptr;   // [count, count], of the shared products
  Real* dv = nullptr;                    // row i at dv + i * v_stride
  Real *dbeta = nullptr, *dg = nullptr;  // [count]
};

// o[count, dv] (rows o_stride apart) from state[dk, dv], which moves on to the chunk's end.
template <class Real>
void delta_chunk_forward(Work<Real>& work, int worker, const ChunkKeys<Real>& keys,
                         const ChunkHead<Real>& head, Real* state, Real* o, int64_t o_stride);

// `state` is that of the chunk's start. `dstate` holds the gradient of the state at the chunk's end and gets
// that of its start.
template <class Real>
void delta_chunk_backward(Work<Real>& work, int worker, const ChunkKeys<Real>& keys,
                          const ChunkHead<Real>& head, const Real* state, const Real* d_o, int64_t o_stride,
                          Real* dstate, const ChunkGradients<Real>& out);

}  // namespace qnext::train
