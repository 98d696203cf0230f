// How rows of a cache are read and written: BF16 rounding, rows asked for ahead of their use, and turned by
// 90 degrees in units of 32 bits (a float32, a pair of BF16, or four int8).
#if defined(QNEXT_KERNELS_CPU_ATTENTION_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_ATTENTION_ROWS_INL_H_
#undef QNEXT_KERNELS_CPU_ATTENTION_ROWS_INL_H_
#else
#define QNEXT_KERNELS_CPU_ATTENTION_ROWS_INL_H_
#endif

#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {

using DU = hn::RebindToUnsigned<DF>;
using VU = hn::Vec<DU>;

// Cache lines asked for ahead of their use, a few at each step of a loop: a burst of them would make the
// loads of the loop wait.
struct Ahead {
  const char* next;  // null: asks for nothing
  template <int kLines>
  HWY_INLINE void ask() {
    if (!next) return;
    HWY_UNROLL(8)
    for (int l = 0; l < kLines; ++l) fetch_line(next + 64 * l);
    next += 64 * kLines;
  }
};

// Of so few queries memory is the limit: they ask for what they will read themselves soon, so many bytes on
// (measured).
inline constexpr int64_t kFewQueries = 16, kNear = 8192;

// float_to_bf16() of every lane, in the high halves of lanes whose low halves are zero.
HWY_INLINE VF round_to_bf16(VF x) {
  const DU du;
  const auto bits = hn::BitCast(du, x);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1));
  const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7fff)));
  const auto number = hn::And(rounded, hn::Set(du, 0xffff0000u));
  const auto quiet = hn::And(hn::Or(bits, hn::Set(du, 0x400000)), hn::Set(du, 0xffff0000u));
  return hn::IfThenElse(hn::IsNaN(x), hn::BitCast(DF(), quiet), hn::BitCast(DF(), number));
}

// The high halves of the lanes of x, which are BF16 numbers already, at any address.
HWY_INLINE void store_bf16(VF x, void* out) {
  const hn::RebindToSigned<DF> di;
  const DU du;
  const hn::Rebind<uint16_t, DF> d16;
  const hn::Repartition<uint8_t, decltype(d16)> d8;
  const auto high = hn::BitCast(di, hn::ShiftRight<16>(hn::BitCast(du, x)));
  hn::StoreU(hn::BitCast(d8, hn::DemoteTo(d16, high)), d8, static_cast<uint8_t*>(out));
}

// The 16 bytes at `offset` of the rows l, l + kLanes / 4, ... in the 128-bit blocks of a vector.
HWY_INLINE VU gather_blocks(const std::byte* const* rows, int64_t offset) {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  auto block = [&](int l)
                   HWY_ATTR { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[l] + offset)); };
  __m512i v = _mm512_castsi128_si512(block(0));
  v = _mm512_mask_broadcast_i32x4(v, 0x00f0, block(4));
  v = _mm512_mask_broadcast_i32x4(v, 0x0f00, block(8));
  v = _mm512_mask_broadcast_i32x4(v, 0xf000, block(12));
  return VU{v};
#elif HWY_TARGET == HWY_AVX2
  const hn::Half<hn::Repartition<uint8_t, DU> > d;
  auto block = [&](int l)
                   HWY_ATTR { return hn::LoadU(d, reinterpret_cast<const uint8_t*>(rows[l] + offset)); };
  return hn::BitCast(DU(), hn::Combine(hn::Repartition<uint8_t, DU>(), block(4), block(0)));
#else
  return hn::BitCast(
      DU(), hn::LoadU(hn::Repartition<uint8_t, DU>(), reinterpret_cast<const uint8_t*>(rows[0] + offset)));
#endif
}

// Lane j of out[k] = the 32 bits number k at `offset` of row j, for kLanes rows.
HWY_INLINE void transpose(const std::byte* const* rows, int64_t offset, VU (&out)[4]) {
  const DU d;
  const hn::RepartitionToWide<DU> d64;
  // Block b of r[l]: row 4 b + l.
  const VU r0 = gather_blocks(rows, offset), r1 = gather_blocks(rows + 1, offset);
  const VU r2 = gather_blocks(rows + 2, offset), r3 = gather_blocks(rows + 3, offset);
  const auto low01 = hn::BitCast(d64, hn::InterleaveLower(d, r0, r1));
  const auto low23 = hn::BitCast(d64, hn::InterleaveLower(d, r2, r3));
  const auto high01 = hn::BitCast(d64, hn::InterleaveUpper(d, r0, r1));
  const auto high23 = hn::BitCast(d64, hn::InterleaveUpper(d, r2, r3));
  out[0] = hn::BitCast(d, hn::InterleaveLower(d64, low01, low23));
  out[1] = hn::BitCast(d, hn::InterleaveUpper(d64, low01, low23));
  out[2] = hn::BitCast(d, hn::InterleaveLower(d64, high01, high23));
  out[3] = hn::BitCast(d, hn::InterleaveUpper(d64, high01, high23));
}

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
