#include "train/grad/delta_chunk.h"

#include <algorithm>
#include <cmath>

namespace qnext::train {
namespace {

// The quantities of the header's formulas, in scratch of the worker.
template <class Real>
struct Chunk {
  Work<Real>& work;
  const Vectors<Real>& math;
  PackSpace<Real>& space;
  const ChunkKeys<Real>& keys;
  const ChunkHead<Real>& head;
  const int64_t c, dk, dv;
  Real sum_g[kChunk];       // G
  Real from_start[kChunk];  // e^G
  Real to_end[kChunk];      // e^(G_last - G)
  Real whole = 1;           // e^(G_last)
  Real *l, *p, *decay;      // [c, c]; zero where the formulas have none
  Real* through;            // K S [c, dv]
  Real* u;                  // [c, dv]

  Chunk(Work<Real>& w, int worker, const ChunkKeys<Real>& shared, const ChunkHead<Real>& own)
      : work(w),
        math(w.math),
        space(w.pack[static_cast<size_t>(worker)]),
        keys(shared),
        head(own),
        c(shared.count),
        dk(shared.dk),
        dv(own.dv) {
    Scratch<Real>& scratch = w.scratch[static_cast<size_t>(worker)];
    l = scratch.take(c * c);
    p = scratch.take(c * c);
    decay = scratch.take(c * c);
    through = scratch.take(c * dv);
    u = scratch.take(c * dv);
  }

  // C[m, n] (+)= A B with dense operands.
  void product(int64_t m, int64_t n, int64_t k, Operand<Real> a, Operand<Real> b, Real* out, int64_t stride,
               bool add) {
    multiply(Product<Real>{m, n, k, a, b, out, stride, add}, space);
  }
  static Operand<Real> plain(const Real* x, int64_t stride) { return {x, stride, 1}; }
  static Operand<Real> transposed(const Real* x, int64_t stride) { return {x, 1, stride}; }

  void decays() {
    Real sum = 0;
    for (int64_t i = 0; i < c; ++i) sum_g[i] = sum += head.g[i];
    for (int64_t i = 0; i < c; ++i) {
      from_start[i] = std::exp(sum_g[i]);
      to_end[i] = std::exp(sum - sum_g[i]);
      Real* row = decay + i * c;
      math.exp_difference(sum_g[i], sum_g, row, i + 1);
      std::fill(row + i + 1, row + c, Real(0));
    }
    whole = from_start[c - 1];
  }

  // L, P and U for the state at the chunk's start.
  void solve(const Real* state) {
    decays();
    for (int64_t i = 0; i < c; ++i) {
      for (int64_t j = 0; j < c; ++j) {
        p[i * c + j] = decay[i * c + j] * keys.qk[i * c + j];
        l[i * c + j] = j < i ? head.beta[i] * decay[i * c + j] * keys.kk[i * c + j] : Real(0);
      }
    }
    product(c, dv, dk, plain(keys.k, dk), plain(state, dv), through, dv, false);
    for (int64_t i = 0; i < c; ++i) {
      const Real* v = head.v + i * head.v_stride;
      for (int64_t j = 0; j < dv; ++j) {
        u[i * dv + j] = head.beta[i] * (v[j] - from_start[i] * through[i * dv + j]);
      }
    }
    math.solve(l, c, u, dv);
  }
};

// out_i = factor_i x_i for rows of `width`.
template <class Real>
void scale_rows(const Vectors<Real>& math, const Real* factor, const Real* x, int64_t x_stride, int64_t rows,
                int64_t width, Real* out, int64_t out_stride) {
  for (int64_t i = 0; i < rows; ++i) math.scale(factor[i], x + i * x_stride, out + i * out_stride, width);
}

template <class Real>
struct Backward : Chunk<Real> {
  using Base = Chunk<Real>;
  using Base::c, Base::dk, Base::dv, Base::keys, Base::head, Base::math, Base::u, Base::l, Base::p,
      Base::decay, Base::through, Base::from_start, Base::to_end, Base::whole;
  using Base::plain, Base::transposed;

  const Real* state;
  const Real* d_o;
  const int64_t o_stride;
  const ChunkGradients<Real>& out;
  Real *du, *dp, *dl, *rows, *wide;  // [c, dv], [c, c] twice, [c, dv], [c, dk]
  Real d_sum[kChunk] = {};           // gradient of G

  Backward(Work<Real>& w, int worker, const ChunkKeys<Real>& shared, const ChunkHead<Real>& own,
           const Real* start, const Real* gradient, int64_t stride, const ChunkGradients<Real>& to)
      : Base(w, worker, shared, own), state(start), d_o(gradient), o_stride(stride), out(to) {
    Scratch<Real>& scratch = w.scratch[static_cast<size_t>(worker)];
    du = scratch.take(c * dv);
    dp = scratch.take(c * c);
    dl = scratch.take(c * c);
    rows = scratch.take(c * dv);
    wide = scratch.take(c * dk);
  }

  // O = diag(e^G) Q S + P U and S' = whole S + K^T diag(to_end) U, all but what reaches S.
  void output_and_next_state(const Real* dstate) {
    this->product(c, c, dv, plain(d_o, o_stride), transposed(u, dv), dp, c, false);
    this->product(c, dv, c, transposed(p, c), plain(d_o, o_stride), du, dv, false);
    // rows = diag(to_end) K dS'
    this->product(c, dv, dk, plain(keys.k, dk), plain(dstate, dv), rows, dv, false);
    for (int64_t i = 0; i < c; ++i) {
      math.scale(to_end[i], rows + i * dv, rows + i * dv, dv);
      math.add_scaled(Real(1), rows + i * dv, du + i * dv, dv);
      const Real share = math.dot(rows + i * dv, u + i * dv, dv);
      d_sum[c - 1] += share;
      d_sum[i] -= share;
    }
    d_sum[c - 1] += whole * math.dot(dstate, state, dk * dv);
    // dK += diag(to_end) U dS'^T
    scale_rows(math, to_end, u, dv, c, dv, rows, dv);
    this->product(c, dk, dv, plain(rows, dv), transposed(dstate, dv), out.dk, dk, true);
    // dQ += diag(e^G) dO S^T, whose product with Q also gives e^G its gradient
    scale_rows(math, from_start, d_o, o_stride, c, dv, rows, dv);
    this->product(c, dk, dv, plain(rows, dv), transposed(state, dv), wide, dk, false);
    for (int64_t i = 0; i < c; ++i) {
      d_sum[i] += math.dot(wide + i * dk, keys.q + i * dk, dk);
      math.add_scaled(Real(1), wide + i * dk, out.dq + i * dk, dk);
    }
  }

  // Leaves dR in `du`, dS of the chunk's start in dstate. `rows` still holds diag(e^G) dO.
  void solution(Real* dstate) {
    math.solve_transposed(l, c, du, dv);
    math.scale(whole, dstate, dstate, dk * dv);
    this->product(dk, dv, c, transposed(keys.q, dk), plain(rows, dv), dstate, dv, true);
    for (int64_t i = 0; i < c; ++i) {
      const Real* dr = du + i * dv;
      const Real inner = math.dot(dr, through + i * dv, dv) * from_start[i];
      out.dbeta[i] += math.dot(dr, head.v + i * head.v_stride, dv) - inner;
      d_sum[i] -= head.beta[i] * inner;
      math.add_scaled(head.beta[i], dr, out.dv + i * head.v_stride, dv);
      math.scale(-head.beta[i] * from_start[i], dr, rows + i * dv, dv);
    }
    this->product(c, dk, dv, plain(rows, dv), transposed(state, dv), out.dk, dk, true);
    this->product(dk, dv, c, transposed(keys.k, dk), plain(rows, dv), dstate, dv, true);
    this->product(c, c, dv, plain(du, dv), transposed(u, dv), dl, c, false);  // its negative
  }

  void shared_products() {
    for (int64_t i = 0; i < c; ++i) {
      const Real* dp_row = dp + i * c;
      const Real* dl_row = dl + i * c;
      Real through_beta = 0, row_sum = 0;
      for (int64_t j = 0; j < i; ++j) {
        const Real e = decay[i * c + j], d_l = -dl_row[j];
        through_beta += d_l * e * keys.kk[i * c + j];
        const Real moved = d_l * l[i * c + j] + dp_row[j] * p[i * c + j];
        row_sum += moved;
        d_sum[j] -= moved;
        out.dkk[i * c + j] += d_l * head.beta[i] * e;
        out.dqk[i * c + j] += dp_row[j] * e;
      }
      out.dqk[i * c + i] += dp_row[i];  // e^0
      out.dbeta[i] += through_beta;
      d_sum[i] += row_sum;
    }
    Real sum = 0;
    for (int64_t i = c - 1; i >= 0; --i) out.dg[i] += sum += d_sum[i];
  }
};

}  // namespace

template <class Real>
void delta_chunk_forward(Work<Real>& work, int worker, const ChunkKeys<Real>& keys,
                         const ChunkHead<Real>& head, Real* state, Real* o, int64_t o_stride) {
  Scratch<Real>& scratch = work.scratch[static_cast<size_t>(worker)];
  const auto before = scratch.mark();
  Chunk<Real> chunk(work, worker, keys, head);
  const int64_t c = chunk.c, dk = chunk.dk, dv = chunk.dv;
  chunk.solve(state);
  chunk.product(c, dv, dk, chunk.plain(keys.q, dk), chunk.plain(state, dv), o, o_stride, false);
  scale_rows(chunk.math, chunk.from_start, o, o_stride, c, dv, o, o_stride);
  chunk.product(c, dv, c, chunk.plain(chunk.p, c), chunk.plain(chunk.u, dv), o, o_stride, true);
  scale_rows(chunk.math, chunk.to_end, chunk.u, dv, c, dv, chunk.through, dv);
  chunk.math.scale(chunk.whole, state, state, dk * dv);
  chunk.product(dk, dv, c, chunk.transposed(keys.k, dk), chunk.plain(chunk.through, dv), state, dv, true);
  scratch.rewind(before);
}

template <class Real>
void delta_chunk_backward(Work<Real>& work, int worker, const ChunkKeys<Real>& keys,
                          const ChunkHead<Real>& head, const Real* state, const Real* d_o, int64_t o_stride,
                          Real* dstate, const ChunkGradients<Real>& out) {
  Scratch<Real>& scratch = work.scratch[static_cast<size_t>(worker)];
  const auto before = scratch.mark();
  Backward<Real> chunk(work, worker, keys, head, state, d_o, o_stride, out);
  chunk.solve(state);
  chunk.output_and_next_state(dstate);
  chunk.solution(dstate);
  chunk.shared_products();
  scratch.rewind(before);
}

template void delta_chunk_forward(Work<float>&, int, const ChunkKeys<float>&, const ChunkHead<float>&, float*,
                                  float*, int64_t);
template void delta_chunk_forward(Work<double>&, int, const ChunkKeys<double>&, const ChunkHead<double>&,
                                  double*, double*, int64_t);
template void delta_chunk_backward(Work<float>&, int, const ChunkKeys<float>&, const ChunkHead<float>&,
                                   const float*, const float*, int64_t, float*, const ChunkGradients<float>&);
template void delta_chunk_backward(Work<double>&, int, const ChunkKeys<double>&, const ChunkHead<double>&,
                                   const double*, const double*, int64_t, double*,
                                   const ChunkGradients<double>&);

}  // namespace qnext::train
