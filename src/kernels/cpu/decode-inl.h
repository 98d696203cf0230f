// Decoders of weight types that are vectorised: how kLanes consecutive weights become a vector of float32.
// The values are those of dequantize_row(), bit for bit: every product here is exact (at most 24 bits), so
// only the subtraction of a minimum rounds, once, fused or not.
//
// A decoder has
//   Block           what lies in memory; blocks follow each other without gaps, at any address
//   kGroups         groups of 32 weights in a block
//   Open, open()    what is computed once per block; `row_scale` is FP8's factor (1 for other types)
//   lanes<G>()      weights 32 G + lane ... + kLanes - 1 of the block; lane is a multiple of kLanes
#if defined(QNEXT_KERNELS_CPU_DECODE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_DECODE_INL_H_
#undef QNEXT_KERNELS_CPU_DECODE_INL_H_
#else
#define QNEXT_KERNELS_CPU_DECODE_INL_H_
#endif

#include "kernels/cpu/simd-inl.h"
#include "tensor/block_layouts.h"
#include "tensor/dtype.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {

using DU8 = hn::Rebind<uint8_t, DF>;
using DU16 = hn::Rebind<uint16_t, DF>;
using DU32 = hn::Rebind<uint32_t, DF>;
using DI32 = hn::Rebind<int32_t, DF>;

// One lane of D per float lane, from any address.
template <class D>
HWY_INLINE hn::Vec<D> load_bits(D d, const void* p) {
  const hn::Repartition<uint8_t, D> bytes;
  return hn::BitCast(d, hn::LoadU(bytes, static_cast<const uint8_t*>(p)));
}

HWY_INLINE VF half_to_float(hn::Vec<DU16> bits) {
  const VF value = hn::PromoteTo(DF(), hn::BitCast(hn::Rebind<hwy::float16_t, DF>(), bits));
#if HWY_TARGET == HWY_SSE4  // Highway's emulation takes infinities and NaN for numbers
  const auto wide = hn::PromoteTo(DU32(), bits);
  const auto magnitude = hn::And(wide, hn::Set(DU32(), 0x7fff));
  const auto special =
      hn::Or(hn::Or(hn::ShiftLeft<16>(hn::And(wide, hn::Set(DU32(), 0x8000))), hn::Set(DU32(), 0x7f800000)),
             hn::ShiftLeft<13>(hn::And(wide, hn::Set(DU32(), 0x3ff))));
  const auto is_special = hn::Gt(hn::BitCast(DI32(), magnitude), hn::Set(DI32(), 0x7bff));
  return hn::IfThenElse(hn::RebindMask(DF(), is_special), hn::BitCast(DF(), special), value);
#else
  return value;
#endif
}
// A block's scale in every lane.
HWY_INLINE VF half_to_float(const StoredHalf& half) {
  return half_to_float(hn::Set(DU16(), static_cast<uint16_t>(half.low | (half.high << 8))));
}

HWY_INLINE VF to_float(hn::Vec<DU8> v) { return hn::ConvertTo(DF(), hn::PromoteTo(DI32(), v)); }
HWY_INLINE hn::Vec<DU8> load_bytes(const uint8_t* p) { return hn::LoadU(DU8(), p); }
HWY_INLINE hn::Vec<DU8> bytes_of(int value) { return hn::Set(DU8(), static_cast<uint8_t>(value)); }

// ---- Plain types: "blocks" of 32 elements, the last of a row possibly cut (then the caller pads a copy)

template <int kBytes>
struct PlainBlock {
  static constexpr int kElementBytes = kBytes;
  uint8_t bytes[32 * kBytes];
};
struct Nothing {};

struct DecodeF32 {
  using Block = PlainBlock<4>;
  static constexpr int kGroups = 1;
  using Open = Nothing;
  static HWY_INLINE Open open(const Block&, float) { return {}; }
  template <int G>
  static HWY_INLINE VF lanes(const Block& b, const Open&, int64_t lane) {
    return load_bits(DF(), b.bytes + 4 * lane);
  }
};

struct DecodeF16 {
  using Block = PlainBlock<2>;
  static constexpr int kGroups = 1;
  using Open = Nothing;
  static HWY_INLINE Open open(const Block&, float) { return {}; }
  template <int G>
  static HWY_INLINE VF lanes(const Block& b, const Open&, int64_t lane) {
    return half_to_float(load_bits(DU16(), b.bytes + 2 * lane));
  }
};

struct DecodeBF16 {
  using Block = PlainBlock<2>;
  static constexpr int kGroups = 1;
  using Open = Nothing;
  static HWY_INLINE Open open(const Block&, float) { return {}; }
  template <int G>
  static HWY_INLINE VF lanes(const Block& b, const Open&, int64_t lane) {
    const auto bits = hn::PromoteTo(DU32(), load_bits(DU16(), b.bytes + 2 * lane));
    return hn::BitCast(DF(), hn::ShiftLeft<16>(bits));
  }
};

// E4M3 has half as many exponent bits as would fill binary16's, so shifted into place it is the binary16
// number 2^-8 times as large, subnormals included; only NaN (0x7f) needs its exponent set.
struct DecodeF8 {
  using Block = PlainBlock<1>;
  static constexpr int kGroups = 1;
  struct Open {
    float scale;
  };
  static HWY_INLINE Open open(const Block&, float row_scale) { return {row_scale}; }
  template <int G>
  static HWY_INLINE VF lanes(const Block& b, const Open& open, int64_t lane) {
    const DU16 d;
    const auto bits = hn::PromoteTo(d, load_bytes(b.bytes + lane));
    const auto magnitude = hn::And(bits, hn::Set(d, 0x7f));
    const auto carry = hn::And(hn::Add(magnitude, hn::Set(d, 1)), hn::Set(d, 0x80));
    const auto half =
        hn::Or(hn::ShiftLeft<8>(hn::And(bits, hn::Set(d, 0x80))), hn::ShiftLeft<7>(hn::Or(magnitude, carry)));
    return hn::Mul(hn::Mul(half_to_float(half), set(256.0f)), set(open.scale));
  }
};

// ---- Blocks of 32

struct DecodeQ8_0 {
  using Block = BlockQ8_0;
  static constexpr int kGroups = 1;
  struct Open {
    VF d;
  };
  static HWY_INLINE Open open(const Block& b, float) { return {half_to_float(b.d)}; }
  template <int G>
  static HWY_INLINE VF lanes(const Block& b, const Open& open, int64_t lane) {
    const auto q = hn::LoadU(hn::Rebind<int8_t, DF>(), b.q + lane);
    return hn::Mul(open.d, hn::ConvertTo(DF(), hn::PromoteTo(DI32(), q)));
  }
};

struct DecodeQ4_0 {
  using Block = BlockQ4_0;
  static constexpr int kGroups = 1;
  struct Open {
    VF d;
  };
  static HWY_INLINE Open open(const Block& b, float) { return {half_to_float(b.d)}; }
  template <int G>
  static HWY_INLINE VF lanes(const Block& b, const Open& open, int64_t lane) {
    const auto bytes = load_bytes(b.qs + lane % 16);
    const auto q = lane < 16 ? hn::And(bytes, bytes_of(15)) : hn::ShiftRight<4>(bytes);
    return hn::Mul(open.d, hn::Sub(to_float(q), set(8.0f)));
  }
};

// ---- Blocks of 256

// d times the eight scales and dmin times the eight minima of Q4_K and Q5_K.
struct ScalesAndMins {
  float scale[8], min[8];
};
HWY_INLINE void to_floats(uint64_t bytes, VF factor, float out[8]) {
  const hn::CappedTag<float, 8> d;
  const hn::Rebind<uint8_t, decltype(d)> d8;
  const hn::Rebind<int32_t, decltype(d)> di;
  uint8_t raw[8];
  std::memcpy(raw, &bytes, 8);
  const auto f = hn::Set(d, hn::GetLane(factor));
  for (size_t i = 0; i < 8; i += hn::Lanes(d)) {
    hn::StoreU(hn::Mul(f, hn::ConvertTo(d, hn::PromoteTo(di, hn::LoadU(d8, raw + i)))), d, out + i);
  }
}
// unpack_scale_min() for all eight at once.
template <class Block>
HWY_INLINE ScalesAndMins unpack_scales(const Block& b) {
  uint32_t w[3];
  std::memcpy(w, b.scales, sizeof w);
  constexpr uint32_t k6 = 0x3f3f3f3f, k4 = 0x0f0f0f0f, k2 = 0x03030303;
  const uint64_t scale_high = (w[2] & k4) | (((w[0] >> 6) & k2) << 4);
  const uint64_t min_high = ((w[2] >> 4) & k4) | (((w[1] >> 6) & k2) << 4);
  ScalesAndMins out;
  to_floats((w[0] & k6) | (scale_high << 32), half_to_float(b.d), out.scale);
  to_floats((w[1] & k6) | (min_high << 32), half_to_float(b.dmin), out.min);
  return out;
}

struct DecodeQ4_K {
  using Block = BlockQ4_K;
  static constexpr int kGroups = 8;
  using Open = ScalesAndMins;
  static HWY_INLINE Open open(const Block& b, float) { return unpack_scales(b); }
  template <int G>
  static HWY_INLINE VF lanes(const Block& b, const Open& open, int64_t lane) {
    const auto bytes = load_bytes(b.qs + 32 * (G / 2) + lane);
    const auto q = G % 2 == 0 ? hn::And(bytes, bytes_of(15)) : hn::ShiftRight<4>(bytes);
    return hn::MulSub(to_float(q), set(open.scale[G]), set(open.min[G]));
  }
};

struct DecodeQ5_K {
  using Block = BlockQ5_K;
  static constexpr int kGroups = 8;
  using Open = ScalesAndMins;
  static HWY_INLINE Open open(const Block& b, float) { return unpack_scales(b); }
  template <int G>
  static HWY_INLINE VF lanes(const Block& b, const Open& open, int64_t lane) {
    const auto bytes = load_bytes(b.qs + 32 * (G / 2) + lane);
    const auto low = G % 2 == 0 ? hn::And(bytes, bytes_of(15)) : hn::ShiftRight<4>(bytes);
    const auto bit = hn::And(load_bytes(b.qh + lane), bytes_of(1 << G));  // to be moved to bit 4
    const auto high =
        G <= 4 ? hn::ShiftLeft<(G <= 4 ? 4 - G : 0)>(bit) : hn::ShiftRight<(G > 4 ? G - 4 : 0)>(bit);
    return hn::MulSub(to_float(hn::Or(low, high)), set(open.scale[G]), set(open.min[G]));
  }
};

struct DecodeQ6_K {
  using Block = BlockQ6_K;
  static constexpr int kGroups = 8;
  struct Open {
    float scale[16];
  };
  static HWY_INLINE Open open(const Block& b, float) {
    Open out;
    const hn::RebindToSigned<DU8> d8;
    const VF d = half_to_float(b.d);
    for (int64_t i = 0; i < 16; i += kLanes) {
      const auto q = hn::PromoteTo(DI32(), hn::LoadU(d8, b.scales + i));
      store(hn::Mul(d, hn::ConvertTo(DF(), q)), out.scale + i);
    }
    return out;
  }
  template <int G>
  static HWY_INLINE VF lanes(const Block& b, const Open& open, int64_t lane) {
    constexpr int kHalf = G / 4, kQuarter = G % 4;
    const auto ql = load_bytes(b.ql + 64 * kHalf + 32 * (kQuarter % 2) + lane);
    const auto low = kQuarter < 2 ? hn::And(ql, bytes_of(15)) : hn::ShiftRight<4>(ql);
    const auto bits = hn::And(load_bytes(b.qh + 32 * kHalf + lane), bytes_of(3 << (2 * kQuarter)));
    const auto high =
        kQuarter <= 2 ? hn::ShiftLeft<(kQuarter <= 2 ? 4 - 2 * kQuarter : 0)>(bits) : hn::ShiftRight<2>(bits);
    const VF scale = set(open.scale[2 * G + lane / 16]);
    return hn::Mul(scale, hn::Sub(to_float(hn::Or(low, high)), set(32.0f)));
  }
};

// Calls visitor(decoder) for a vectorised type and returns true; returns false for the others.
template <class Visitor>
HWY_INLINE bool visit_decoder(DType dtype, Visitor&& visitor) {
  switch (dtype) {
    case DType::kF32:
      visitor(DecodeF32());
      return true;
    case DType::kF16:
      visitor(DecodeF16());
      return true;
    case DType::kBF16:
      visitor(DecodeBF16());
      return true;
    case DType::kF8E4M3:
      visitor(DecodeF8());
      return true;
    case DType::kQ8_0:
      visitor(DecodeQ8_0());
      return true;
    case DType::kQ4_0:
      visitor(DecodeQ4_0());
      return true;
    case DType::kQ4_K:
      visitor(DecodeQ4_K());
      return true;
    case DType::kQ5_K:
      visitor(DecodeQ5_K());
      return true;
    case DType::kQ6_K:
      visitor(DecodeQ6_K());
      return true;
    default:
      return false;
  }
}

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
