// Panels of integer weights times inputs rounded to int8.
#if defined(QNEXT_KERNELS_CPU_PANEL_INT8_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_PANEL_INT8_INL_H_
#undef QNEXT_KERNELS_CPU_PANEL_INT8_INL_H_
#else
#define QNEXT_KERNELS_CPU_PANEL_INT8_INL_H_
#endif

#include "kernels/cpu/activations-inl.h"
#include "kernels/cpu/panel_formats-inl.h"

HWY_BEFORE_NAMESPACE();
#if HWY_TARGET == HWY_AVX3_DL
QNEXT_BEGIN_VNNI
#endif
namespace qnext::cpu::HWY_NAMESPACE {

HWY_INLINE VB broadcast_bytes(const int8_t* p) {
  int32_t four;
  std::memcpy(&four, p, sizeof four);
  return hn::BitCast(DB(), hn::Set(DI(), four));
}

template <class Format>
HWY_INLINE VI dot_word(VI acc, VB w, const int8_t* x) {
  if constexpr (Format::kSigned) {
    return dot_signed(acc, w, broadcast_bytes(x));
  } else {
    return dot_bytes(acc, w, broadcast_bytes(x));
  }
}

// Minus the offset times the sum of the inputs of a block.
template <int kOffset>
HWY_INLINE VI start_of_sum(int32_t sum) {  // -128 times it
  if constexpr (kOffset == 0) return hn::Zero(DI());
  if constexpr (kOffset == 128) return hn::Set(DI(), sum);
  if constexpr (kOffset == 8) return hn::Set(DI(), sum >> 4);
}

// What the products of one input with a group of 32 columns add up to, per row: of each half where the
// halves have scales of their own.
template <class Format>
struct GroupSums {
  VI sums[Format::kHalves ? 2 : 1];
};

// Minus the offset's part, which the products are added to.
template <class Format>
HWY_INLINE GroupSums<Format> start_of_sums(const Int8Rows& x, int64_t at) {
  if constexpr (Format::kHalves) {
    return {{hn::Set(DI(), x.halves[2 * at]), hn::Set(DI(), x.halves[2 * at + 1])}};
  } else {
    return {{start_of_sum<Format::kOffset>(x.sum[at])}};
  }
}

template <class Format>
HWY_INLINE VF add_sums(VF acc, const GroupSums<Format>& s, const typename Format::Open& open, int g,
                       const Int8Rows& x, int64_t at) {
  VF sum = hn::Mul(hn::ConvertTo(DF(), s.sums[0]), Format::scale(open, g));
  if constexpr (Format::kHalves) {
    sum = hn::MulAdd(hn::ConvertTo(DF(), s.sums[1]), Format::scale(open, g, 1), sum);
  }
  acc = hn::MulAdd(sum, set(x.d[at]), acc);
  if constexpr (Format::kMinima) acc = hn::NegMulAdd(Format::minimum(open, g), set(x.d_sum[at]), acc);
  return acc;
}

// One input's part of a group.
template <class Format>
HWY_INLINE VF add_group(VF acc, const VB (&w)[8], const typename Format::Open& open, int g, const Int8Rows& x,
                        int64_t at) {
  const int8_t* q = x.q + 32 * at;
  GroupSums<Format> s = start_of_sums<Format>(x, at);
  HWY_UNROLL(8)
  for (int j = 0; j < 8; ++j) {
    VI& sum = s.sums[Format::kHalves ? j / 4 : 0];
    sum = dot_word<Format>(sum, w[j], q + 4 * j);
  }
  return add_sums<Format>(acc, s, open, g, x, at);
}

// One strip of a panel times a tile of T inputs.
template <class Format, int T>
HWY_INLINE void int8_tile(const std::byte* panel, const PanelFormat& format, int64_t strip, int64_t cols,
                          const Int8Rows& x, float* out, int64_t out_stride) {
  const int64_t columns = cols / format.elements;
  const std::byte* blocks = panel + columns * format.front_bytes;
  VF acc[T];
  HWY_UNROLL(16)
  for (int t = 0; t < T; ++t) acc[t] = zero();
  int64_t at = 0;
  for (int64_t c = 0; c < columns; ++c) {
    const std::byte* main = blocks + c * format.main_bytes;
    // By equal steps through the panel, fields in front included.
    const int64_t step = (format.main_bytes + format.front_bytes) / Format::kGroups;
    const std::byte* reached = panel + c * Format::kGroups * step;
    const auto open = Format::open(main, panel + c * format.front_bytes, strip);
    for (int g = 0; g < Format::kGroups; ++g, at += T) {
      VB w[8];
      if constexpr (T <= kFewInputs) read_ahead(reached + g * step, step);
      Format::weights(main + 4 * kLanes * strip, g, w);
      HWY_UNROLL(16)
      for (int t = 0; t < T; ++t) acc[t] = add_group<Format>(acc[t], w, open, g, x, at + t);
    }
  }
  HWY_UNROLL(16)
  for (int t = 0; t < T; ++t) store(acc[t], out + t * out_stride + strip * kLanes);
}

}  // namespace qnext::cpu::HWY_NAMESPACE
#if HWY_TARGET == HWY_AVX3_DL
QNEXT_END_VNNI
#endif
HWY_AFTER_NAMESPACE();

#endif
