// Activations of one step, grown on demand and reused by the next step.
#pragma once

#include <cstdint>
#include <vector>

#include "model/model.h"

namespace qnext {

using Floats = std::vector<float, LargeAllocator<float>>;

struct Model::Scratch {
  Floats x;                        // [n, hidden], the residual stream
  Floats normed;                   // [n, hidden], input of a mixer or feed-forward block
  Floats delta;                    // [n, hidden], its output, added to x
  Floats q, k, v;                  // attention projections
  Floats qkv, z, ba;               // Gated DeltaNet projections
  Floats mixed;                    // [n, heads * head_dim] or [n, value_heads * value_dim]
  Floats router, route_weights;    // [n, experts], [n, top_k]
  std::vector<int32_t> route_ids;  // [n, top_k]
  Floats pair;                     // [n, 2 * hidden], input of the multi-token-prediction projection
  std::vector<int32_t> ids;        // [n]
};

// The vector's storage, at least `size` elements long; the contents are unspecified.
template <class T, class Allocator>
T* room(std::vector<T, Allocator>& buffer, int64_t size) {
  if (static_cast<int64_t>(buffer.size()) < size) buffer.resize(static_cast<size_t>(size));
  return buffer.data();
}

}  // namespace qnext
