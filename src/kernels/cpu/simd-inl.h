// Vectors of float32 in the widest form of the instruction set, with the few helpers that all operations
// share. Included once per instruction set (see hwy/foreach_target.h).
#if defined(QNEXT_KERNELS_CPU_SIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_SIMD_INL_H_
#undef QNEXT_KERNELS_CPU_SIMD_INL_H_
#else
#define QNEXT_KERNELS_CPU_SIMD_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using DF = hn::ScalableTag<float>;
using VF = hn::Vec<DF>;
inline constexpr int64_t kLanes = HWY_LANES(float);
static_assert(kLanes == 4 || kLanes == 8 || kLanes == 16, "decoders split groups of 32 into such vectors");

// How many sums a register tile may hold: AVX-512 and NEON have 32 registers, the others 16.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_NEON
inline constexpr bool kManyRegisters = true;
#else
inline constexpr bool kManyRegisters = false;
#endif

HWY_INLINE VF zero() { return hn::Zero(DF()); }
HWY_INLINE VF set(float x) { return hn::Set(DF(), x); }
HWY_INLINE VF load(const float* p) { return hn::LoadU(DF(), p); }
HWY_INLINE void store(VF v, float* p) { hn::StoreU(v, DF(), p); }

// Asks for the cache line at p, which may be any address. To the second cache: a core has few places (24 in
// Zen 4) for lines on their way to the first, and a line from memory would hold one all the way.
HWY_INLINE void fetch_line(const void* p) { __builtin_prefetch(p, 0, 2); }

// The first `count` < kLanes elements and zeros; touches no others.
HWY_INLINE VF load_part(const float* p, int64_t count) {
  HWY_ALIGN float lanes[kLanes] = {};
  std::memcpy(lanes, p, static_cast<size_t>(count) * sizeof(float));
  return hn::Load(DF(), lanes);
}
HWY_INLINE void store_part(VF v, float* p, int64_t count) {
  HWY_ALIGN float lanes[kLanes];
  hn::Store(v, DF(), lanes);
  std::memcpy(p, lanes, static_cast<size_t>(count) * sizeof(float));
}

// For loops `for (i = 0; i < n; i += kLanes)`: `left` = n - i elements remain.
HWY_INLINE VF load(const float* p, int64_t left) { return left >= kLanes ? load(p) : load_part(p, left); }
HWY_INLINE void store(VF v, float* p, int64_t left) {
  if (left >= kLanes) {
    store(v, p);
  } else {
    store_part(v, p, left);
  }
}

// Sum of the lanes, always by the same tree.
HWY_INLINE float sum(VF v) { return hn::GetLane(hn::SumOfLanes(DF(), v)); }

// x . y; lane l sums the elements i with i % kLanes == l in rising order.
HWY_INLINE float dot(const float* x, const float* y, int64_t n) {
  VF acc = zero();
  for (int64_t i = 0; i < n; i += kLanes) acc = hn::MulAdd(load(x + i, n - i), load(y + i, n - i), acc);
  return sum(acc);
}

// e^r for |r| <= ln(2)/2: its Taylor series to r^7, whose next term is below 2^-27.
HWY_INLINE VF exp_series(VF r) {
  VF p = set(1.0f / 5040);
  p = hn::MulAdd(p, r, set(1.0f / 720));
  p = hn::MulAdd(p, r, set(1.0f / 120));
  p = hn::MulAdd(p, r, set(1.0f / 24));
  p = hn::MulAdd(p, r, set(1.0f / 6));
  p = hn::MulAdd(p, r, set(0.5f));
  return hn::Add(hn::MulAdd(p, hn::Mul(r, r), r), set(1.0f));
}

// e^x to within 2 units in the last place; 0 and infinity where float32 ends; NaN stays NaN.
// x = n ln 2 + r with |r| <= ln(2)/2, e^r by its Taylor series to r^7 (next term below 2^-27).
HWY_INLINE VF exp(VF x) {
  const DF d;
  const hn::RebindToSigned<DF> di;
  const VF bounded = hn::Max(set(-104.0f), hn::Min(x, set(89.0f)));
  const VF n = hn::Round(hn::Mul(bounded, set(1.44269504f)));
  // ln 2 in two parts, the first with so few bits that n times it is exact.
  VF r = hn::NegMulAdd(n, set(0.693359375f), bounded);
  r = hn::NegMulAdd(n, set(-2.12194440e-4f), r);
  const VF p = exp_series(r);
  // Times 2^n in two steps, since 2^n alone may lie outside the normal numbers.
  const auto exponent = hn::ConvertTo(di, n);
  const auto half = hn::ShiftRight<1>(exponent);
  const auto bias = hn::Set(di, 127);
  const VF scale1 = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(half, bias)));
  const VF scale2 = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(hn::Sub(exponent, half), bias)));
  const VF result = hn::Mul(hn::Mul(p, scale1), scale2);
  return hn::IfThenElse(hn::IsNaN(x), x, result);
}

HWY_INLINE VF sigmoid(VF x) { return hn::Div(set(1.0f), hn::Add(set(1.0f), exp(hn::Neg(x)))); }
HWY_INLINE VF silu(VF x) { return hn::Div(x, hn::Add(set(1.0f), exp(hn::Neg(x)))); }

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
