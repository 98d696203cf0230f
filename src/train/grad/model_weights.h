// The flat run of parameters (parameters.h) as the blocks see it.
#pragma once

#include <functional>
#include <string>

#include "train/grad/layer.h"
#include "train/grad/parameters.h"

namespace qnext::train {

// Multi-token prediction, specification 4: norm(layer(fc([norm(embedding), norm(hidden)]))).
template <class Real>
struct MtpWeights {
  Weight<Real> norm_embedding, norm_hidden, norm;  // [hidden]
  Weight<Real> fc;                                 // [hidden, 2 hidden], the embedding's half first
  LayerWeights<Real> layer;
};

template <class Real>
struct ModelWeights {
  Weight<Real> embedding;  // [vocab, hidden]
  Weight<Real> head;       // [vocab, hidden]; the embedding when tied
  Weight<Real> norm;       // [hidden]
  std::vector<LayerWeights<Real>> layers;
  bool has_mtp = false;
  MtpWeights<Real> mtp;
};

// Whether the gradient of the tensor of this name is of use; empty: that of every one.
using WantedGradients = std::function<bool(const std::string&)>;

// `values` and `gradients` are runs of layout.size() elements that outlive the result. A matrix of which no
// tensor is wanted has no gradient; vectors always have one.
template <class Real>
ModelWeights<Real> bind_weights(const ModelConfig& config, const ParameterLayout& layout, const Real* values,
                                Real* gradients, const WantedGradients& wanted = {});

}  // namespace qnext::train
