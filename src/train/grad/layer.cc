#include "train/grad/layer.h"

namespace qnext::train {

template <class Real>
void layer_forward(Work<Real>& work, const ModelConfig& config, const LayerWeights<Real>& weights,
                   const Rotation<Real>& rotation, const Rows& rows, LayerCache<Real>& cache,
                   RoutingRecord* record, Real* stream) {
  const int64_t n = rows.count(), hidden = config.hidden_size;
  const double eps = config.rms_norm_eps;
  norm_forward(work, stream, n, hidden, eps, weights.input_norm.w, cache.input_norm);
  const Real* x = cache.input_norm.y.data();
  if (weights.kind == LayerKind::kFullAttention) {
    attention_forward(work, config, weights.attention, rotation, rows, x, cache.attention, stream);
  } else {
    delta_net_forward(work, config, weights.delta, rows, x, cache.delta, stream);
  }
  norm_forward(work, stream, n, hidden, eps, weights.post_norm.w, cache.post_norm);
  x = cache.post_norm.y.data();
  if (weights.moe) {
    experts_forward(work, config, weights.experts, x, n, cache.experts, record, stream);
  } else {
    mlp_forward<Real>(work, weights.dense, x, n, hidden, nullptr, cache.dense, stream);
  }
}

template <class Real>
void layer_backward(Work<Real>& work, const ModelConfig& config, const LayerWeights<Real>& weights,
                    const Rotation<Real>& rotation, const Rows& rows, LayerCache<Real>& cache,
                    const RouterLossGradient<Real>& losses, Real* d_stream) {
  const int64_t n = rows.count(), hidden = config.hidden_size;
  Real* dx = work.block_input.room(n * hidden);
  const Real* x = cache.post_norm.y.data();
  if (weights.moe) {
    experts_backward(work, config, weights.experts, x, n, cache.experts, losses, d_stream, dx);
  } else {
    mlp_backward<Real>(work, weights.dense, x, n, hidden, nullptr, cache.dense, d_stream, dx, false, nullptr);
  }
  norm_backward(work, cache.post_norm, dx, n, hidden, weights.post_norm, d_stream);
  x = cache.input_norm.y.data();
  if (weights.kind == LayerKind::kFullAttention) {
    attention_backward(work, config, weights.attention, rotation, rows, x, cache.attention, d_stream, dx);
  } else {
    delta_net_backward(work, config, weights.delta, rows, x, cache.delta, d_stream, dx);
  }
  norm_backward(work, cache.input_norm, dx, n, hidden, weights.input_norm, d_stream);
}

template void layer_forward(Work<float>&, const ModelConfig&, const LayerWeights<float>&,
                            const Rotation<float>&, const Rows&, LayerCache<float>&, RoutingRecord*, float*);
template void layer_forward(Work<double>&, const ModelConfig&, const LayerWeights<double>&,
                            const Rotation<double>&, const Rows&, LayerCache<double>&, RoutingRecord*,
                            double*);
template void layer_backward(Work<float>&, const ModelConfig&, const LayerWeights<float>&,
                             const Rotation<float>&, const Rows&, LayerCache<float>&,
                             const RouterLossGradient<float>&, float*);
template void layer_backward(Work<double>&, const ModelConfig&, const LayerWeights<double>&,
                             const Rotation<double>&, const Rows&, LayerCache<double>&,
                             const RouterLossGradient<double>&, double*);

}  // namespace qnext::train
