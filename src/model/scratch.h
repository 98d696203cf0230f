// Activations of one step, grown on demand and reused by the next step.
#pragma once

#include <cstdint>
#include <vector>

#include "model/model.h"

namespace qnext {

struct Model::Scratch {
  std::vector<float> x;                      // [n, hidden], the residual stream
  std::vector<float> normed;                 // [n, hidden], input of a mixer or feed-forward block
  std::vector<float> delta;                  // [n, hidden], its output, added to x
  std::vector<float> q, k, v;                // attention projections
  std::vector<float> qkv, z, ba;             // Gated DeltaNet projections
  std::vector<float> mixed;                  // [n, heads * head_dim] or [n, value_heads * value_dim]
  std::vector<float> router, route_weights;  // [n, experts], [n, top_k]
  std::vector<int32_t> route_ids;            // [n, top_k]
  std::vector<float> pair;   // [n, 2 * hidden], input of the multi-token-prediction projection
  std::vector<int32_t> ids;  // [n]
};

// The vector's storage, at least `size` elements long; the contents are unspecified.
template <class T>
T* room(std::vector<T>& buffer, int64_t size) {
  if (static_cast<int64_t>(buffer.size()) < size) buffer.resize(static_cast<size_t>(size));
  return buffer.data();
}

}  // namespace qnext
