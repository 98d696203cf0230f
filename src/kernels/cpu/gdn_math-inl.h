// Functions of vectors that only Gated DeltaNet needs.
#if defined(QNEXT_KERNELS_CPU_GDN_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_GDN_MATH_INL_H_
#undef QNEXT_KERNELS_CPU_GDN_MATH_INL_H_
#else
#define QNEXT_KERNELS_CPU_GDN_MATH_INL_H_
#endif

#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {

// x / (1 + e^-x) to about 3 units in the last place for |x| < 86; beyond that e^-x stays at e^86 or e^-86,
// where the result is x or next to 0 all the same. A prompt takes 384 of these per token and key head, so
// this is shorter than silu(): no results outside the normal numbers, one part of ln 2, one factor 2^n.
HWY_INLINE VF bounded_silu(VF x) {
  const DF d;
  const hn::RebindToSigned<DF> di;
  const VF bounded = hn::Max(set(-86.0f), hn::Min(x, set(86.0f)));
  // Adding 1.5 * 2^23 rounds to a whole number, which the low bits of the sum then hold.
  const VF shifted = hn::MulAdd(bounded, set(-1.44269504f), set(12582912.0f));
  const VF n = hn::Sub(shifted, set(12582912.0f));
  const VF r = hn::MulAdd(n, set(0.693147180f), bounded);  // -x = n ln 2 - r
  // e^-r for |r| <= ln(2)/2, through the Chebyshev points; off by 2e-8 at most.
  VF p = set(0.00139336742f);
  p = hn::MulAdd(p, r, set(-0.00836917479f));
  p = hn::MulAdd(p, r, set(0.041666463f));
  p = hn::MulAdd(p, r, set(-0.166665047f));
  p = hn::MulAdd(p, r, set(0.5f));
  p = hn::MulAdd(p, r, set(-1.0f));
  p = hn::MulAdd(p, r, set(1.0f));
  const VF e = hn::BitCast(d, hn::Add(hn::BitCast(di, p), hn::ShiftLeft<23>(hn::BitCast(di, shifted))));
  return hn::Div(x, hn::Add(set(1.0f), e));
}

// ln(1 + e^x) = max(x, 0) + ln(1 + t) with t = e^-|x|; ln(1 + t) = 2 artanh(t / (2 + t)) by its series, whose
// argument is at most 1/3.
HWY_INLINE VF softplus(VF x) {
  const VF t = exp(hn::Neg(hn::Abs(x)));
  const VF s = hn::Div(t, hn::Add(t, set(2.0f))), s2 = hn::Mul(s, s);
  VF p = set(1.0f / 15);
  p = hn::MulAdd(p, s2, set(1.0f / 13));
  p = hn::MulAdd(p, s2, set(1.0f / 11));
  p = hn::MulAdd(p, s2, set(1.0f / 9));
  p = hn::MulAdd(p, s2, set(1.0f / 7));
  p = hn::MulAdd(p, s2, set(1.0f / 5));
  p = hn::MulAdd(p, s2, set(1.0f / 3));
  p = hn::MulAdd(p, s2, set(1.0f));
  const VF log = hn::Mul(hn::Add(s, s), p);
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Add(hn::Max(x, zero()), log));
}

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
