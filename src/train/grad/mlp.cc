#include "train/grad/mlp.h"

namespace qnext::train {

template <class Real>
void mlp_forward(Work<Real>& work, const MlpWeights<Real>& weights, const Real* x, int64_t n, int64_t hidden,
                 const Real* row_weights, MlpCache<Real>& cache, Real* stream) {
  const int64_t width = weights.width;
  Real* gate_up = cache.gate_up.room(n * 2 * width);
  Real* act = work.first.room(n * width);
  multiply(work, forward_product(x, hidden, n, weights.gate_up.w, 2 * width, hidden, gate_up, 2 * width));
  for_row_blocks(work, n, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const Real* row = gate_up + i * 2 * width;
      work.math.gated_unit(row, row + width, row_weights ? row_weights[i] : Real(1), act + i * width, width);
    }
  });
  multiply(work, forward_product<Real>(act, width, n, weights.down.w, hidden, width, stream, hidden, true));
}

template <class Real>
void mlp_backward(Work<Real>& work, const MlpWeights<Real>& weights, const Real* x, int64_t n, int64_t hidden,
                  const Real* row_weights, MlpCache<Real>& cache, const Real* d_out, Real* dx, bool add,
                  Real* d_row_weights) {
  const int64_t width = weights.width;
  const Real* gate_up = cache.gate_up.data();
  Real* act = work.first.room(2 * n * width);
  Real* d_act = act + n * width;
  Real* d_gate_up = work.second.room(n * 2 * width);
  multiply(work, input_product(d_out, hidden, n, weights.down.w, hidden, width, d_act, width));
  for_row_blocks(work, n, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t at = i * 2 * width;
      const Real d = work.math.gated_unit_backward(
          gate_up + at, gate_up + at + width, row_weights ? row_weights[i] : Real(1), d_act + i * width,
          d_gate_up + at, d_gate_up + at + width, act + i * width, width);
      if (d_row_weights) d_row_weights[i] = d;
    }
  });
  multiply(work, weight_product<Real>(d_out, hidden, act, width, n, hidden, width, weights.down.g));
  multiply(work,
           weight_product<Real>(d_gate_up, 2 * width, x, hidden, n, 2 * width, hidden, weights.gate_up.g));
  multiply(work, input_product<Real>(d_gate_up, 2 * width, n, weights.gate_up.w, 2 * width, hidden, dx,
                                     hidden, add));
}

template void mlp_forward(Work<float>&, const MlpWeights<float>&, const float*, int64_t, int64_t,
                          const float*, MlpCache<float>&, float*);
template void mlp_forward(Work<double>&, const MlpWeights<double>&, const double*, int64_t, int64_t,
                          const double*, MlpCache<double>&, double*);
template void mlp_backward(Work<float>&, const MlpWeights<float>&, const float*, int64_t, int64_t,
                           const float*, MlpCache<float>&, const float*, float*, bool, float*);
template void mlp_backward(Work<double>&, const MlpWeights<double>&, const double*, int64_t, int64_t,
                           const double*, MlpCache<double>&, const double*, double*, bool, double*);

}  // namespace qnext::train
