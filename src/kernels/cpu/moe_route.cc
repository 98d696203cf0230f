// Softmax over the experts and the choice of the largest.
#include "kernels/cpu/targets.h"
//
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/moe_route.cc"
#include <hwy/foreach_target.h>
//
#include <bit>
#include <cmath>
#include <functional>

#include "kernels/cpu/kernels.h"
#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {
namespace {

// A number that orders as the logit does, and among equal logits lower indices as the larger. A NaN orders
// below all, so that the choice stays defined.
uint64_t sort_key(float logit, int64_t index) {
  const uint32_t bits = std::bit_cast<uint32_t>(logit + 0.0f);  // -0 becomes 0
  uint32_t ordered = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
  if (std::isnan(logit)) ordered = 0;
  return (static_cast<uint64_t>(ordered) << 32) | static_cast<uint32_t>(~static_cast<uint32_t>(index));
}
int32_t index_of(uint64_t key) { return static_cast<int32_t>(~static_cast<uint32_t>(key)); }

// p[i] = e^(logits[i] - top); returns their sum.
float exponentials(const float* logits, float top, int64_t n, float* p) {
  VF total = zero();
  for (int64_t i = 0; i < n; i += kLanes) {
    const int64_t left = n - i;
    VF e = exp(hn::Sub(load(logits + i, left), set(top)));
    if (left < kLanes) e = hn::IfThenElseZero(hn::FirstN(DF(), static_cast<size_t>(left)), e);
    store(e, p + i, left);
    total = hn::Add(total, e);
  }
  return sum(total);
}

struct RouteScratch {
  RouteScratch(float* memory, int64_t experts) : layout(memory) {
    p = layout.take(experts);
    keys = reinterpret_cast<uint64_t*>(layout.take(2 * experts));
  }
  Layout layout;
  float* p;
  uint64_t* keys;
};

void route_row(const float* logits, int64_t experts, int64_t top_k, bool normalise,
               const RouteScratch& scratch, int32_t* ids, float* weights) {
  for (int64_t e = 0; e < experts; ++e) scratch.keys[e] = sort_key(logits[e], e);
  std::partial_sort(scratch.keys, scratch.keys + top_k, scratch.keys + experts, std::greater<>());
  const float total = exponentials(logits, logits[index_of(scratch.keys[0])], experts, scratch.p);
  double chosen = 0;  // up to all experts, one after the other
  for (int64_t k = 0; k < top_k; ++k) {
    ids[k] = index_of(scratch.keys[k]);
    weights[k] = scratch.p[ids[k]];
    chosen += weights[k];
  }
  const float divisor = normalise ? static_cast<float>(chosen) : total;
  for (int64_t k = 0; k < top_k; ++k) weights[k] /= divisor;
}

}  // namespace

void moe_route(Workspace& workspace, const float* logits, int64_t n, int64_t experts, int64_t top_k,
               bool normalise, int32_t* ids, float* weights) {
  workspace.reserve_workers(RouteScratch(nullptr, experts).layout.used());
  workspace.pool().parallel_for(n, 8, [&](int64_t begin, int64_t end, int worker) HWY_ATTR {
    const RouteScratch scratch(workspace.worker(worker), experts);
    for (int64_t i = begin; i < end; ++i) {
      route_row(logits + i * experts, experts, top_k, normalise, scratch, ids + i * top_k,
                weights + i * top_k);
    }
  });
}

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace qnext::cpu {

HWY_EXPORT(moe_route);

void choose_moe_route(const Target& target, Kernels& kernels) {
  kernels.moe_route = HWY_DISPATCH_TABLE(moe_route)[target.index];
}

}  // namespace qnext::cpu
#endif
