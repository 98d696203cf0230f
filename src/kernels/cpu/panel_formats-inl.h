// How a vector's worth of rows of a panel (tensor/panels.h) becomes bytes or floats to multiply with.
//
// A "strip" is the part of a panel that one vector of 32-bit lanes holds: kLanes of its 16 rows. Strip s of
// every 64 bytes of the interleaved fields starts at byte 4 kLanes s.
//
// A format of integer weights, for products with VNNI or without, has
//   kVnni           which of these
//   kGroups         groups of 32 weights in a block column
//   kBytes          of a panel's part of a block column
//   kLargest        the largest byte that word() gives
//   kOffset         what is added to the weights to make them bytes without sign: 0, 8, 32 or 128
//   Open, open()    the scales of a block column, as floats
//   word()          weights 4 j ... 4 j + 3 of a group, of each row: j is 0 ... 7
//   products()      with VNNI: the products of words [kFirst, kFirst + 4) and inputs, added up. Weights stay
//                   where in a byte they are, and the sums are shifted instead, which is exact.
// and value = scale (weight - kOffset) - minimum.
#if defined(QNEXT_KERNELS_CPU_PANEL_FORMATS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_PANEL_FORMATS_INL_H_
#undef QNEXT_KERNELS_CPU_PANEL_FORMATS_INL_H_
#else
#define QNEXT_KERNELS_CPU_PANEL_FORMATS_INL_H_
#endif

#include "kernels/cpu/decode-inl.h"
#include "tensor/panels.h"

HWY_BEFORE_NAMESPACE();
#if HWY_TARGET == HWY_AVX3_DL
QNEXT_BEGIN_VNNI
#endif
namespace qnext::cpu::HWY_NAMESPACE {

inline constexpr int64_t kStrips = kPanelRows / kLanes;

using DB = hn::Repartition<uint8_t, DF>;  // four bytes a row
using DI = hn::RebindToSigned<hn::Repartition<uint32_t, DF>>;
using VB = hn::Vec<DB>;
using VI = hn::Vec<DI>;

// ---- Sums of four byte products per lane

// VNNI adds them up in one instruction: always with AVX3_DL, and some machines with AVX2 have it (AVX-VNNI).
inline constexpr bool kAlwaysVnni = HWY_TARGET == HWY_AVX3_DL, kMaybeVnni = HWY_TARGET == HWY_AVX2;

// x86 without it: sums of two products in the 16-bit halves of a lane, of w without sign and below 64 and x
// in -127 ... 127, and the sum of the halves.
inline constexpr bool kPairSums = HWY_ARCH_X86;
#if HWY_TARGET == HWY_AVX3
HWY_INLINE VI pair_products(VB w, VB x) { return VI{_mm512_maddubs_epi16(w.raw, x.raw)}; }
HWY_INLINE VI sum_of_halves(VI v) { return VI{_mm512_madd_epi16(v.raw, _mm512_set1_epi16(1))}; }
#elif HWY_TARGET == HWY_AVX2
HWY_INLINE VI pair_products(VB w, VB x) { return VI{_mm256_maddubs_epi16(w.raw, x.raw)}; }
HWY_INLINE VI sum_of_halves(VI v) { return VI{_mm256_madd_epi16(v.raw, _mm256_set1_epi16(1))}; }
#elif HWY_TARGET == HWY_SSE4
HWY_INLINE VI pair_products(VB w, VB x) { return VI{_mm_maddubs_epi16(w.raw, x.raw)}; }
HWY_INLINE VI sum_of_halves(VI v) { return VI{_mm_madd_epi16(v.raw, _mm_set1_epi16(1))}; }
#else  // never called
HWY_INLINE VI pair_products(VB, VB) { return hn::Zero(DI()); }
HWY_INLINE VI sum_of_halves(VI v) { return v; }
#endif
// GCC makes trees of sums of integers, and has no registers for their leaves. So each sum waits for the one
// before it.
HWY_INLINE VI in_order(VI sum) {
#if HWY_ARCH_X86
  asm("" : "+v"(sum.raw));
#endif
  return sum;
}
HWY_INLINE VI add_halves(VI a, VI b) {
  const hn::Repartition<int16_t, DI> d16;
  return in_order(hn::BitCast(DI(), hn::Add(hn::BitCast(d16, a), hn::BitCast(d16, b))));
}
// How many words' products a half holds: 8, 4, 2 or 1.
template <int kLargest>
constexpr int words_in_a_half() {
  int words = 8;
  while (words > 1 && words * 2 * 127 * kLargest > 32767) words /= 2;
  return words;
}

// acc + w . x, w without sign and below 64 (any with VNNI), x in -127 ... 127.
template <bool kVnni>
HWY_INLINE VI dot_bytes(VI acc, VB w, VB x) {
#if HWY_TARGET == HWY_AVX3_DL
  return VI{_mm512_dpbusd_epi32(acc.raw, w.raw, x.raw)};
#elif HWY_TARGET == HWY_NEON
  const int8x16_t a = vreinterpretq_s8_u8(w.raw), b = vreinterpretq_s8_u8(x.raw);
  const int16x8_t low = vmull_s8(vget_low_s8(a), vget_low_s8(b));
  const int16x8_t high = vmull_s8(vget_high_s8(a), vget_high_s8(b));
  return hn::Add(acc, VI{vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high))});
#else
#if HWY_TARGET == HWY_AVX2
  if constexpr (kVnni) {
    // Its intrinsic may only be called by functions that are compiled for AVX-VNNI, and all are shared.
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(acc.raw) : "x"(w.raw), "x"(x.raw));
    return acc;
  }
#endif
  return in_order(hn::Add(acc, sum_of_halves(pair_products(w, x))));
#endif
}

// The same for w with sign, without VNNI.
HWY_INLINE VI dot_signed(VI acc, VB w, VB x) {
#if HWY_TARGET == HWY_AVX3
  const __m512i turned =
      _mm512_mask_sub_epi8(x.raw, _mm512_movepi8_mask(w.raw), _mm512_setzero_si512(), x.raw);
  return dot_bytes<false>(acc, VB{_mm512_abs_epi8(w.raw)}, VB{turned});
#elif HWY_TARGET == HWY_AVX2
  return dot_bytes<false>(acc, VB{_mm256_abs_epi8(w.raw)}, VB{_mm256_sign_epi8(x.raw, w.raw)});
#elif HWY_TARGET == HWY_SSE4
  return dot_bytes<false>(acc, VB{_mm_abs_epi8(w.raw)}, VB{_mm_sign_epi8(x.raw, w.raw)});
#else
  return dot_bytes<false>(acc, w, x);
#endif
}

HWY_INLINE VB load_strip(const std::byte* p) { return hn::LoadU(DB(), reinterpret_cast<const uint8_t*>(p)); }
HWY_INLINE VB low_bits(VB v, int count) {
  return hn::And(v, hn::Set(DB(), static_cast<uint8_t>((1 << count) - 1)));
}
// Bits [shift, shift + count) of every byte.
HWY_INLINE VB bits_at(VB v, int shift, int count) {
  const hn::Repartition<uint16_t, DB> d16;
  return low_bits(hn::BitCast(DB(), hn::ShiftRightSame(hn::BitCast(d16, v), shift)), count);
}
template <int kShift>
HWY_INLINE VB shift_left(VB v) {  // of bytes whose top kShift bits are 0
  const hn::Repartition<uint16_t, DB> d16;
  return hn::BitCast(DB(), hn::ShiftLeft<kShift>(hn::BitCast(d16, v)));
}

// With VNNI: the sum of products of four words at w, 64 bytes apart, of which the bits of a mask count, and
// four inputs.
HWY_INLINE VI masked_products(const std::byte* w, int mask, const VB* x) {
  const VB bits = hn::Set(DB(), static_cast<uint8_t>(mask));
  VI acc = hn::Zero(DI());
  HWY_UNROLL(4)
  for (int j = 0; j < 4; ++j) acc = dot_bytes<true>(acc, hn::And(load_strip(w + 64 * j), bits), x[j]);
  return acc;
}

HWY_INLINE VF load_halves(const std::byte* p) { return half_to_float(load_bits(DU16(), p)); }

// ---- Blocks of 32

template <bool kWithVnni>
struct PanelQ8_0 {
  static constexpr bool kVnni = kWithVnni;
  static constexpr int kGroups = 1;
  static constexpr int64_t kBytes = kPanelRows * sizeof(BlockQ8_0);
  static constexpr bool kSigned = !kVnni;
  static constexpr int kLargest = 255;
  static constexpr int kOffset = kSigned ? 0 : 128;
  static constexpr bool kMinima = false, kHalves = false;
  struct Open {
    VF scale;
  };
  static HWY_INLINE Open open(const std::byte*, const std::byte* front, int64_t strip) {
    return {load_halves(front + 2 * kLanes * strip)};
  }
  static HWY_INLINE VF scale(const Open& open, int) { return open.scale; }
  static HWY_INLINE VB word(const std::byte* main, int, int j) {
    const VB w = load_strip(main + 64 * j);
    if constexpr (kSigned) return w;
    return hn::Xor(w, hn::Set(DB(), 0x80));
  }
  template <int kFirst>
  static HWY_INLINE VI products(const std::byte* main, int g, const VB (&x)[8]) {
    VI acc = hn::Zero(DI());
    HWY_UNROLL(4)
    for (int j = kFirst; j < kFirst + 4; ++j) acc = dot_bytes<true>(acc, word(main, g, j), x[j]);
    return acc;
  }
};

template <bool kWithVnni>
struct PanelQ4_0 {
  static constexpr bool kVnni = kWithVnni;
  static constexpr int kGroups = 1;
  static constexpr int64_t kBytes = kPanelRows * sizeof(BlockQ4_0);
  static constexpr bool kSigned = false;
  static constexpr int kLargest = 15;
  static constexpr int kOffset = 8;
  static constexpr bool kMinima = false, kHalves = false;
  using Open = typename PanelQ8_0<kVnni>::Open;
  static HWY_INLINE Open open(const std::byte* main, const std::byte* front, int64_t strip) {
    return PanelQ8_0<kVnni>::open(main, front, strip);
  }
  static HWY_INLINE VF scale(const Open& open, int) { return open.scale; }
  static HWY_INLINE VB word(const std::byte* main, int, int j) {
    const VB both = load_strip(main + 64 * (j % 4));
    return j < 4 ? low_bits(both, 4) : bits_at(both, 4, 4);
  }
  template <int kFirst>
  static HWY_INLINE VI products(const std::byte* main, int, const VB (&x)[8]) {
    if constexpr (kFirst == 0) return masked_products(main, 0x0f, x);
    return hn::ShiftRight<4>(masked_products(main, 0xf0, x + 4));
  }
};

// ---- Blocks of 256

// d times the eight 6-bit scales and dmin times the eight 6-bit minima of Q4_K and Q5_K, per row.
struct ScalesAndMinima {
  HWY_ALIGN float scales[8 * kLanes], minima[8 * kLanes];
};
// `packed`: the interleaved fields of 12, 2 and 2 bytes, from the strip on.
HWY_INLINE void open_scales(const std::byte* packed, int64_t strip, ScalesAndMinima& out) {
  const DI d32;
  const std::byte* words = packed + 4 * kLanes * strip;
  const VI w0 = load_bits(d32, words), w1 = load_bits(d32, words + 64), w2 = load_bits(d32, words + 128);
  const VF d = load_halves(packed + 192 + 2 * kLanes * strip);
  const VF dmin = load_halves(packed + 224 + 2 * kLanes * strip);
  const VI k63 = hn::Set(d32, 63), k15 = hn::Set(d32, 15), k48 = hn::Set(d32, 48);
  HWY_UNROLL(4)
  for (int g = 0; g < 4; ++g) {
    const VI s0 = hn::ShiftRightSame(w0, 8 * g), s1 = hn::ShiftRightSame(w1, 8 * g);
    const VI s2 = hn::ShiftRightSame(w2, 8 * g);
    const VI scale_high = hn::Or(hn::And(s2, k15), hn::And(hn::ShiftRight<2>(s0), k48));
    const VI min_high = hn::Or(hn::And(hn::ShiftRight<4>(s2), k15), hn::And(hn::ShiftRight<2>(s1), k48));
    hn::Store(hn::Mul(d, hn::ConvertTo(DF(), hn::And(s0, k63))), DF(), out.scales + g * kLanes);
    hn::Store(hn::Mul(dmin, hn::ConvertTo(DF(), hn::And(s1, k63))), DF(), out.minima + g * kLanes);
    hn::Store(hn::Mul(d, hn::ConvertTo(DF(), scale_high)), DF(), out.scales + (g + 4) * kLanes);
    hn::Store(hn::Mul(dmin, hn::ConvertTo(DF(), min_high)), DF(), out.minima + (g + 4) * kLanes);
  }
}

// What Q4_K and Q5_K share. Their scales come after kBytes of other fields.
template <int kBytes>
struct PanelScalesAndMinima {
  static constexpr int kGroups = 8;
  static constexpr bool kSigned = false;
  static constexpr int kOffset = 0;
  static constexpr bool kMinima = true, kHalves = false;
  using Open = ScalesAndMinima;
  static HWY_INLINE Open open(const std::byte* main, const std::byte*, int64_t strip) {
    Open out;
    open_scales(main + kBytes * kPanelRows, strip, out);
    return out;
  }
  static HWY_INLINE VF scale(const Open& open, int g) { return hn::Load(DF(), open.scales + g * kLanes); }
  static HWY_INLINE VF minimum(const Open& open, int g) { return hn::Load(DF(), open.minima + g * kLanes); }
};

template <bool kWithVnni>
struct PanelQ4_K : PanelScalesAndMinima<128> {
  static constexpr bool kVnni = kWithVnni;
  static constexpr int kLargest = 15;
  static constexpr int64_t kBytes = kPanelRows * sizeof(BlockQ4_K);
  static HWY_INLINE VB word(const std::byte* main, int g, int j) {
    return bits_at(load_strip(main + g / 2 * 32 * kPanelRows + 64 * j), g % 2 * 4, 4);
  }
  template <int kFirst>
  static HWY_INLINE VI products(const std::byte* main, int g, const VB (&x)[8]) {
    const int shift = g % 2 * 4;
    const std::byte* words = main + g / 2 * 32 * kPanelRows + 64 * kFirst;
    return hn::ShiftRightSame(masked_products(words, 0x0f << shift, x + kFirst), shift);
  }
};

template <bool kWithVnni>
struct PanelQ5_K : PanelScalesAndMinima<160> {
  static constexpr bool kVnni = kWithVnni;
  static constexpr int kLargest = 31;
  static constexpr int64_t kBytes = kPanelRows * sizeof(BlockQ5_K);
  static HWY_INLINE VB word(const std::byte* main, int g, int j) {
    const std::byte *low = main + g / 2 * 32 * kPanelRows, *high = main + 128 * kPanelRows;
    const VB nibble = bits_at(load_strip(low + 64 * j), g % 2 * 4, 4);
    return hn::Or(nibble, shift_left<4>(bits_at(load_strip(high + 64 * j), g, 1)));
  }
  template <int kFirst>
  static HWY_INLINE VI products(const std::byte* main, int g, const VB (&x)[8]) {
    const int shift = g % 2 * 4;
    const std::byte* low = main + g / 2 * 32 * kPanelRows + 64 * kFirst;
    const std::byte* high = main + 128 * kPanelRows + 64 * kFirst;
    const VI nibbles = hn::ShiftRightSame(masked_products(low, 0x0f << shift, x + kFirst), shift);
    const VI bits = hn::ShiftLeft<4>(masked_products(high, 1 << g, x + kFirst));
    return hn::Add(nibbles, hn::ShiftRightSame(bits, g));
  }
};

template <bool kWithVnni>
struct PanelQ6_K {
  static constexpr bool kVnni = kWithVnni;
  static constexpr int kGroups = 8;
  static constexpr int64_t kBytes = kPanelRows * sizeof(BlockQ6_K);
  static constexpr bool kSigned = false;
  static constexpr int kLargest = 63;
  static constexpr int kOffset = 32;
  static constexpr bool kMinima = false, kHalves = true;  // a scale for every 16 weights
  struct Open {
    HWY_ALIGN float scales[16 * kLanes];
  };
  static HWY_INLINE Open open(const std::byte* main, const std::byte* front, int64_t strip) {
    Open out;
    const hn::Rebind<int8_t, DF> d8;
    const VF d = load_halves(front + 2 * kLanes * strip);
    const auto* packed = reinterpret_cast<const int8_t*>(main + 192 * kPanelRows + kLanes * strip);
    HWY_UNROLL(16)
    for (int i = 0; i < 16; ++i) {
      const auto q = hn::PromoteTo(DI(), hn::LoadU(d8, packed + i * kPanelRows));
      hn::Store(hn::Mul(d, hn::ConvertTo(DF(), q)), DF(), out.scales + i * kLanes);
    }
    return out;
  }
  // Of half h of group g.
  static HWY_INLINE VF scale(const Open& open, int g, int h = 0) {
    return hn::Load(DF(), open.scales + (2 * g + h) * kLanes);
  }
  static HWY_INLINE VB word(const std::byte* main, int g, int j) {
    const int half = g / 4, quarter = g % 4;
    const std::byte* low = main + (64 * half + 32 * (quarter % 2)) * kPanelRows;
    const std::byte* high = main + (128 + 32 * half) * kPanelRows;
    const VB nibble = bits_at(load_strip(low + 64 * j), quarter / 2 * 4, 4);
    return hn::Or(nibble, shift_left<4>(bits_at(load_strip(high + 64 * j), 2 * quarter, 2)));
  }
  template <int kFirst>
  static HWY_INLINE VI products(const std::byte* main, int g, const VB (&x)[8]) {
    const int half = g / 4, quarter = g % 4, shift = quarter / 2 * 4;
    const std::byte* low = main + (64 * half + 32 * (quarter % 2)) * kPanelRows + 64 * kFirst;
    const std::byte* high = main + (128 + 32 * half) * kPanelRows + 64 * kFirst;
    const VI nibbles = hn::ShiftRightSame(masked_products(low, 0x0f << shift, x + kFirst), shift);
    const VI bits = hn::ShiftLeft<4>(masked_products(high, 3 << (2 * quarter), x + kFirst));
    return hn::Add(nibbles, hn::ShiftRightSame(bits, 2 * quarter));
  }
};

// ---- Floating point: one lane of the panel's 32-bit chunks per row
//
//   kWeights, weight<I>()                 of a chunk
//   kSpecial, special(), special_weight() whether there are chunks with weights that take longer, whether one
//                                         of the lanes has such, and any weight

struct PanelBF16 {
  static constexpr int kWeights = 2;
  using Chunk = hn::Vec<DU32>;
  template <int I>
  static HWY_INLINE VF weight(Chunk both) {
    if constexpr (I == 0) return hn::BitCast(DF(), hn::ShiftLeft<16>(both));
    return hn::BitCast(DF(), hn::And(both, hn::Set(DU32(), 0xffff0000u)));
  }
  static constexpr bool kSpecial = false;
  static HWY_INLINE bool special(Chunk) { return false; }
};

// E4M3 shifted to where float32 has exponent and mantissa is the number 2^-120 times as large, subnormals
// included; only NaN (0x7f), which no sensible file has, needs more.
struct PanelF8 {
  static constexpr int kWeights = 4;
  static constexpr bool kSpecial = true;
  using Chunk = hn::Vec<DU32>;
  // The byte is the highest of a lane: its sign stays there, the rest goes to bits 26 to 20.
  static HWY_INLINE VF value(Chunk high_byte) {
    const auto spread = hn::BitCast(DU32(), hn::ShiftRight<4>(hn::BitCast(DI32(), high_byte)));
    const auto bits = hn::And(spread, hn::Set(DU32(), 0x87f00000u));
    return hn::Mul(hn::BitCast(DF(), bits), set(0x1p120f));
  }
  template <int I>
  static HWY_INLINE VF weight(Chunk all) {
    return value(hn::ShiftLeft<8 * (3 - I)>(all));
  }
  // A NaN.
  static HWY_INLINE bool special(Chunk all) {
    const hn::Repartition<uint8_t, DU32> bytes;
    const auto magnitudes = hn::And(hn::BitCast(bytes, all), hn::Set(bytes, 0x7f));
    return !hn::AllFalse(bytes, hn::Eq(magnitudes, hn::Set(bytes, 0x7f)));
  }
  template <int I>
  static HWY_INLINE VF special_weight(Chunk all) {
    const auto high_byte = hn::ShiftLeft<8 * (3 - I)>(all);
    const auto magnitude = hn::And(high_byte, hn::Set(DU32(), 0x7f000000));
    const auto nan = hn::RebindMask(DF(), hn::Eq(magnitude, hn::Set(DU32(), 0x7f000000)));
    return hn::IfThenElse(nan, hn::BitCast(DF(), hn::Set(DU32(), 0x7fc00000u)), value(high_byte));
  }
};

}  // namespace qnext::cpu::HWY_NAMESPACE
#if HWY_TARGET == HWY_AVX3_DL
QNEXT_END_VNNI
#endif
HWY_AFTER_NAMESPACE();

#endif
