// From the scores of a query with a span of positions to the weights of their values.
#if defined(QNEXT_KERNELS_CPU_ATTENTION_WEIGHTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_ATTENTION_WEIGHTS_INL_H_
#undef QNEXT_KERNELS_CPU_ATTENTION_WEIGHTS_INL_H_
#else
#define QNEXT_KERNELS_CPU_ATTENTION_WEIGHTS_INL_H_
#endif

#include <limits>

#include "kernels/cpu/attention_rows-inl.h"
#include "kernels/cpu/scratch.h"
#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {

// exp() of simd-inl.h for x <= 0 or NaN, with less to do: numbers below e^-87 become 0, so one factor 2^n
// will do, and the rounding to n is that of adding a number whose last bit is 1.
HWY_INLINE VF exp_of_negative(VF x) {
  const DF d;
  const DU du;
  const VF big = set(12582912.0f);  // 1.5 * 2^23
  const VF shifted = hn::MulAdd(x, set(1.44269504f), big);
  const VF n = hn::Sub(shifted, big);
  VF r = hn::NegMulAdd(n, set(0.693359375f), x);
  r = hn::NegMulAdd(n, set(-2.12194440e-4f), r);
  const VF p = exp_series(r);
  const VU exponent = hn::ShiftLeft<23>(hn::Add(hn::BitCast(du, shifted), hn::Set(du, 127)));
  return hn::IfThenZeroElse(hn::Lt(x, set(-87.0f)), hn::Mul(p, hn::BitCast(d, exponent)));
}

// How weights are kept in the place of the scores, and what they are normalised by: the sum of put()'s
// results.
struct FloatWeights {
  static HWY_INLINE VF put(VF weight, float* row, int64_t column) {
    store(weight, row + column);
    return weight;
  }
  static const void* at(const float* row, int64_t column) { return row + column; }
};

// As BF16, half as long as the scores were. The sum is that of the rounded weights: they are what the values
// are multiplied by.
struct Bf16Weights {
  static HWY_INLINE VF put(VF weight, float* row, int64_t column) {
    // Dekker's split: the nearest number of 8 bits, NaN for NaN.
    const VF wide = hn::Mul(weight, set(65537.0f));
    const VF rounded = hn::Sub(wide, hn::Sub(wide, weight));
    store_bf16(rounded, reinterpret_cast<std::byte*>(row) + 2 * column);
    return rounded;
  }
  static const void* at(const float* row, int64_t column) {
    return reinterpret_cast<const std::byte*>(row) + 2 * column;
  }
};

struct Weighed {
  float top;    // the largest score, scaled
  float total;  // of the weights
};

// Turns the first `count` > 0 scores of a query, times `scale`, into weights e^(score - top), in place. Zeros
// follow them up to a multiple of 32.
template <class Weights>
Weighed weigh(float scale, float* row, int64_t count) {
  const int64_t padded = round_up(count, 32);
  std::fill(row + count, row + padded, -std::numeric_limits<float>::infinity());
  VF largest = load(row);
  for (int64_t j = kLanes; j < padded; j += kLanes) largest = hn::Max(largest, load(row + j));
  const VF top = hn::Mul(hn::MaxOfLanes(DF(), largest), set(scale));
  VF total = zero();
  for (int64_t j = 0; j < padded; j += kLanes) {
    const VF below = hn::MulSub(load(row + j), set(scale), top);
    total = hn::Add(total, Weights::put(exp_of_negative(below), row, j));
  }
  return {hn::GetLane(top), sum(total)};
}

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
