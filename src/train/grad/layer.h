// A decoder layer: h = x + mixer(norm(x)), x' = h + feed_forward(norm(h)). Specification 3.2.
#pragma once

#include "train/grad/attention.h"
#include "train/grad/delta_net.h"
#include "train/grad/experts.h"
#include "train/grad/norm.h"

namespace qnext::train {

template <class Real>
struct LayerWeights {
  LayerKind kind = LayerKind::kFullAttention;
  bool moe = false;
  Weight<Real> input_norm, post_norm;  // [hidden]
  AttentionWeights<Real> attention;    // kFullAttention
  DeltaNetWeights<Real> delta;         // kLinearAttention
  ExpertsWeights<Real> experts;        // moe
  MlpWeights<Real> dense;              // not moe
};

// What the backward pass needs of the forward pass.
template <class Real>
struct LayerCache {
  NormCache<Real> input_norm, post_norm;
  AttentionCache<Real> attention;
  DeltaNetCache<Real> delta;
  ExpertsCache<Real> experts;
  MlpCache<Real> dense;
};

// In place on stream[n, hidden]. `record` may be null.
template <class Real>
void layer_forward(Work<Real>& work, const ModelConfig& config, const LayerWeights<Real>& weights,
                   const Rotation<Real>& rotation, const Rows& rows, LayerCache<Real>& cache,
                   RoutingRecord* record, Real* stream);

// d_stream holds the gradient of the layer's output and gets that of its input.
template <class Real>
void layer_backward(Work<Real>& work, const ModelConfig& config, const LayerWeights<Real>& weights,
                    const Rotation<Real>& rotation, const Rows& rows, LayerCache<Real>& cache,
                    const RouterLossGradient<Real>& losses, Real* d_stream);

}  // namespace qnext::train
