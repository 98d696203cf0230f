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
#include <limits>

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

// Groups of experts that a bound is taken from; more than any usual top_k.
constexpr int64_t kGroups = 32;

// A number that at least top_k logits reach, NaN counting as minus infinity: the top_k-th largest of the
// groups' maxima. In a usual row few others reach it.
float lower_bound(const float* logits, int64_t experts, int64_t top_k) {
  constexpr int64_t kVectors = kGroups / kLanes;
  const VF lowest = set(-std::numeric_limits<float>::infinity());
  HWY_ALIGN float maxima[kGroups];
  if (top_k > kGroups) return -std::numeric_limits<float>::infinity();
  for (int64_t v = 0; v < kVectors; ++v) {
    VF best = lowest;
    for (int64_t e = v * kLanes; e < experts; e += kGroups) {
      const int64_t left = experts - e;
      VF x = load(logits + e, left);
      if (left < kLanes) x = hn::IfThenElse(hn::FirstN(DF(), static_cast<size_t>(left)), x, lowest);
      best = hn::Max(best, hn::IfThenElse(hn::IsNaN(x), lowest, x));
    }
    store(best, maxima + v * kLanes);
  }
  std::nth_element(maxima, maxima + top_k - 1, maxima + kGroups, std::greater<>());
  return maxima[top_k - 1];
}

// The keys of all logits that reach `bound`.
int64_t collect(const float* logits, int64_t experts, float bound, uint64_t* keys) {
  int64_t count = 0;
  for (int64_t first = 0; first < experts; first += kLanes) {
    const int64_t left = std::min(experts - first, kLanes);
    // Not below: a NaN passes, so that rows of little else still have top_k.
    uint8_t bytes[8] = {};
    hn::StoreMaskBits(DF(), hn::Not(hn::Lt(load(logits + first, left), set(bound))), bytes);
    uint32_t bits = bytes[0] | static_cast<uint32_t>(bytes[1]) << 8;
    if (left < kLanes) bits &= (1u << left) - 1;
    for (; bits; bits &= bits - 1) {
      const int64_t e = first + std::countr_zero(bits);
      keys[count++] = sort_key(logits[e], e);
    }
  }
  return count;
}

// Sum of e^(logits[i] - top).
float sum_exponentials(const float* logits, float top, int64_t n) {
  VF total = zero();
  for (int64_t i = 0; i < n; i += kLanes) {
    const int64_t left = n - i;
    VF e = exp(hn::Sub(load(logits + i, left), set(top)));
    if (left < kLanes) e = hn::IfThenElseZero(hn::FirstN(DF(), static_cast<size_t>(left)), e);
    total = hn::Add(total, e);
  }
  return sum(total);
}

void route_row(const float* logits, int64_t experts, int64_t top_k, bool normalise, uint64_t* keys,
               int32_t* ids, float* weights) {
  const int64_t count = collect(logits, experts, lower_bound(logits, experts, top_k), keys);
  std::partial_sort(keys, keys + top_k, keys + count, std::greater<>());
  const float top = logits[index_of(keys[0])];
  for (int64_t k = 0; k < top_k; ++k) {
    ids[k] = index_of(keys[k]);
    weights[k] = logits[ids[k]] - top;
  }
  for (int64_t k = 0; k < top_k; k += kLanes)
    store(exp(load(weights + k, top_k - k)), weights + k, top_k - k);
  double chosen = 0;  // up to all experts, one after the other
  for (int64_t k = 0; k < top_k; ++k) chosen += weights[k];
  const float divisor = normalise ? static_cast<float>(chosen) : sum_exponentials(logits, top, experts);
  for (int64_t k = 0; k < top_k; ++k) weights[k] /= divisor;
}

}  // namespace

void moe_route(Workspace& workspace, const float* logits, int64_t n, int64_t experts, int64_t top_k,
               bool normalise, int32_t* ids, float* weights) {
  workspace.reserve_workers(2 * experts);  // a 64-bit key each
  workspace.pool().parallel_for(n, 8, [&](int64_t begin, int64_t end, int worker) HWY_ATTR {
    auto* keys = reinterpret_cast<uint64_t*>(workspace.worker(worker));
    for (int64_t i = begin; i < end; ++i) {
      route_row(logits + i * experts, experts, top_k, normalise, keys, ids + i * top_k, weights + i * top_k);
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
