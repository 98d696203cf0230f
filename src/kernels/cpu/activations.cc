#include "kernels/cpu/targets.h"
//
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/activations.cc"
#include <hwy/foreach_target.h>
//
#include <bit>
#include <limits>

#include "kernels/cpu/activations-inl.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {
namespace {

using DI32 = hn::Rebind<int32_t, DF>;
using DI8 = hn::Rebind<int8_t, DF>;

// A block whose every product is NaN.
void spoil_block(int8_t* q, int64_t at, const Int8Rows& out) {
  std::fill(q, q + 32, int8_t{0});
  out.d[at] = out.d_sum[at] = std::numeric_limits<float>::quiet_NaN();
  out.sum[at] = out.halves[2 * at] = out.halves[2 * at + 1] = 0;
}

// One lane for each of four blocks.
using DI4 = hn::FixedTag<int32_t, 4>;
using DU4 = hn::FixedTag<uint32_t, 4>;
using DF4 = hn::FixedTag<float, 4>;

// op(lower half, upper half) until four lanes are left.
template <class D, class Op>
HWY_INLINE auto fold(D d, hn::Vec<D> v, Op op) {
  if constexpr (hn::MaxLanes(D()) == 4) {
    return v;
  } else {
    const hn::Half<D> half;
    return fold(half, op(hn::LowerHalf(half, v), hn::UpperHalf(half, v)), op);
  }
}
// Lane i: op over all lanes of v[i].
template <class D, class Op>
HWY_INLINE auto reduce_four(D d, const hn::Vec<D> (&v)[4], Op op) {
  const hn::RepartitionToWide<D> wide;
  const auto pairs = [&](hn::Vec<D> a, hn::Vec<D> b)
                         HWY_ATTR { return op(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b)); };
  const auto first = hn::BitCast(wide, pairs(v[0], v[1])), second = hn::BitCast(wide, pairs(v[2], v[3]));
  return fold(d,
              op(hn::BitCast(d, hn::InterleaveLower(wide, first, second)),
                 hn::BitCast(d, hn::InterleaveUpper(wide, first, second))),
              op);
}

// Integers nearest to v, which are in -127 ... 127: Highway's looks after those that overflow.
HWY_INLINE hn::Vec<DI32> nearest(VF v) {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  return hn::Vec<DI32>{_mm512_cvtps_epi32(v.raw)};
#elif HWY_TARGET == HWY_AVX2
  return hn::Vec<DI32>{_mm256_cvtps_epi32(v.raw)};
#else
  return hn::NearestInt(v);
#endif
}

// 32 integers in -127 ... 127 as bytes.
template <int kVectors>
HWY_INLINE void store_bytes(const hn::Vec<DI32> (&v)[kVectors], int8_t* out) {
#if HWY_TARGET == HWY_AVX2  // in one store, half the work of four
  const __m256i low = _mm256_packs_epi32(v[0].raw, v[1].raw), high = _mm256_packs_epi32(v[2].raw, v[3].raw);
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  const __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(low, high), order);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), bytes);
#else
  HWY_UNROLL(8)
  for (int i = 0; i < kVectors; ++i) hn::StoreU(hn::DemoteTo(DI8(), v[i]), DI8(), out + i * kLanes);
#endif
}

// Rounds four blocks, which become blocks at ... at + 3 of `out`. What is one number for a block is computed
// for all four at a time.
HWY_INLINE void quantize_four(const float* const (&x)[4], int64_t at, const Int8Rows& out) {
  constexpr int kVectors = static_cast<int>(32 / kLanes);
  const hn::RebindToUnsigned<DI32> du;
  const DI4 d_int;
  const DF4 d_float;
  hn::Vec<decltype(du)> magnitudes[4];  // whose bits are in their order, NaN last
  HWY_UNROLL(4)
  for (int b = 0; b < 4; ++b) {
    magnitudes[b] = hn::BitCast(du, hn::Abs(load(x[b])));
    HWY_UNROLL(8)
    for (int i = 1; i < kVectors; ++i) {
      magnitudes[b] = hn::Max(magnitudes[b], hn::BitCast(du, hn::Abs(load(x[b] + i * kLanes))));
    }
  }
  const auto larger = [](auto a, auto b) HWY_ATTR { return hn::Max(a, b); };
  const auto largest = reduce_four(du, magnitudes, larger);
  const auto top = hn::BitCast(d_float, largest);
  const auto d = hn::Div(top, hn::Set(d_float, 127.0f));
  // Not infinite for the smallest numbers: 0 times it is 0.
  const auto inverse =
      hn::Min(hn::Div(hn::Set(d_float, 127.0f), top), hn::Set(d_float, std::numeric_limits<float>::max()));
  HWY_ALIGN float factors[4];
  hn::Store(inverse, d_float, factors);

  hn::Vec<DI32> first[4], second[4];  // halves' sums
  HWY_UNROLL(4)
  for (int b = 0; b < 4; ++b) {
    hn::Vec<DI32> rounded[kVectors];
    HWY_UNROLL(8)
    for (int i = 0; i < kVectors; ++i) {
      rounded[i] = nearest(hn::Mul(load(x[b] + i * kLanes), set(factors[b])));
    }
    first[b] = rounded[0];
    second[b] = rounded[kVectors / 2];
    HWY_UNROLL(4)
    for (int i = 1; i < kVectors / 2; ++i) {
      first[b] = hn::Add(first[b], rounded[i]);
      second[b] = hn::Add(second[b], rounded[kVectors / 2 + i]);
    }
    store_bytes(rounded, out.q + 32 * (at + b));
  }
  const auto sum = [](auto a, auto b) HWY_ATTR { return hn::Add(a, b); };
  const auto sum1 = reduce_four(DI32(), first, sum), sum2 = reduce_four(DI32(), second, sum);
  const auto both = hn::Add(sum1, sum2);
  hn::StoreU(d, d_float, out.d + at);
  hn::StoreU(hn::Mul(d, hn::ConvertTo(d_float, both)), d_float, out.d_sum + at);
  hn::StoreU(hn::Neg(hn::ShiftLeft<7>(both)), d_int, out.sum + at);
  const auto half1 = hn::Neg(hn::ShiftLeft<5>(sum1)), half2 = hn::Neg(hn::ShiftLeft<5>(sum2));
  hn::StoreU(hn::InterleaveLower(d_int, half1, half2), d_int, out.halves + 2 * at);
  hn::StoreU(hn::InterleaveUpper(d_int, half1, half2), d_int, out.halves + 2 * at + 4);

  const auto infinity = hn::Set(d_int, 0x7f7fffff);
  if (HWY_LIKELY(hn::AllFalse(d_int, hn::Gt(hn::BitCast(d_int, largest), infinity)))) return;
  HWY_ALIGN uint32_t bits[4];
  hn::Store(largest, DU4(), bits);
  for (int b = 0; b < 4; ++b) {
    if (bits[b] >= 0x7f800000) spoil_block(out.q + 32 * (at + b), at + b, out);
  }
}

// Fewer than four blocks in all: as four, of which the last count several times.
void quantize_few(const float* const (&x)[4], int64_t count, int64_t at, const Int8Rows& out) {
  int8_t q[128];
  float d[4], d_sum[4];
  int32_t sum[4], halves[8];
  Int8Rows four;
  four.q = q, four.d = d, four.d_sum = d_sum, four.sum = sum, four.halves = halves;
  quantize_four(x, 0, four);
  std::copy(q, q + 32 * count, out.q + 32 * at);
  std::copy(d, d + count, out.d + at);
  std::copy(d_sum, d_sum + count, out.d_sum + at);
  std::copy(sum, sum + count, out.sum + at);
  std::copy(halves, halves + 2 * count, out.halves + 2 * at);
}

void quantize_tile(const Activations& x, int64_t t, int64_t width, int64_t cols) {
  const int64_t begin = t * (cols / 32), count = width * (cols / 32);
  const float* blocks[4];
  int64_t i = 0, input = 0, column = 0;  // block i of the tile is that of input i % width
  for (; i + 4 <= count; i += 4) {
    for (const float*& block : blocks) {
      block = x.rows[t + input] + column;
      if (++input < width) continue;
      input = 0;
      column += 32;
    }
    quantize_four(blocks, begin + i, x.int8);
  }
  if (i == count) return;
  // The last four begin so early that they are four.
  const int64_t from = std::max<int64_t>(0, count - 4);
  for (int64_t b = 0; b < 4; ++b) {
    const int64_t at = std::min(from + b, count - 1);
    blocks[b] = x.rows[t + at % width] + at / width * 32;
  }
  if (count >= 4) {
    quantize_four(blocks, begin + from, x.int8);
  } else {
    quantize_few(blocks, count, begin, x.int8);
  }
}

void pair_tile(const Activations& x, int64_t t, int64_t width, int64_t cols) {
  float* out = x.pairs + t * cols;
  for (int64_t i = 0; i < width; ++i) {
    const float* row = x.rows[t + i];
    for (int64_t j = 0; j < cols; j += 2) std::memcpy(out + j * width + 2 * i, row + j, 2 * sizeof(float));
  }
}

// Round to nearest, ties to even; a NaN stays one.
HWY_INLINE hn::Vec<DI32> bf16_bits(VF x) {
  const hn::RebindToUnsigned<DI32> du;
  const auto bits = hn::BitCast(du, x);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1));
  const auto rounded = hn::ShiftRight<16>(hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7fff))));
  const auto nan = hn::RebindMask(du, hn::IsNaN(x));
  return hn::BitCast(DI32(), hn::IfThenElse(nan, hn::Set(du, 0x7fc0), rounded));
}

void bf16_tile(const Activations& x, int64_t t, int64_t width, int64_t cols) {
  uint16_t* out = x.bf16 + t * cols;
  constexpr int64_t kPiece = 256;
  HWY_ALIGN uint32_t pairs[kPiece / 2];
  for (int64_t i = 0; i < width; ++i) {
    const float* row = x.rows[t + i];
    for (int64_t begin = 0; begin < cols; begin += kPiece) {
      const int64_t end = std::min(begin + kPiece, cols);
      for (int64_t j = begin; j < end; j += kLanes) {
        const auto bits = bf16_bits(load(row + j, end - j));
        const hn::Rebind<int16_t, DF> d16;
        hn::StoreU(hn::TruncateTo(hn::RebindToUnsigned<decltype(d16)>(),
                                  hn::BitCast(hn::RebindToUnsigned<DI32>(), bits)),
                   hn::RebindToUnsigned<decltype(d16)>(), reinterpret_cast<uint16_t*>(pairs) + j - begin);
      }
      for (int64_t j = begin; j < end; j += 2)
        std::memcpy(out + j * width + 2 * i, pairs + (j - begin) / 2, 4);
    }
  }
}

// Tile t of up to kAmxInputs: see amx_columns().
void amx_bf16_tile(const Activations& x, int64_t t, int64_t width, int64_t cols) {
  const hn::RebindToUnsigned<hn::Rebind<int16_t, DF>> d16;
  uint16_t* out = x.bf16 + t * amx_columns(cols);
  for (int64_t i = 0; i < width; ++i) {
    const float* row = x.rows[t + i];
    for (int64_t j = 0; j < amx_columns(cols); j += kLanes) {
      const auto bits = bf16_bits(load(row + std::min(j, cols), std::clamp<int64_t>(cols - j, 0, kLanes)));
      hn::StoreU(hn::TruncateTo(d16, hn::BitCast(hn::RebindToUnsigned<DI32>(), bits)), d16,
                 out + (j / 32 * width + i) * 32 + j % 32);
    }
  }
}

}  // namespace

void Forms::add(const Matrix& w) {
  if (w.panels() == 0) return;
  if (is_quantised(w.dtype)) {
    int8 = true;
  } else {
    (w.dtype == DType::kBF16 && round_to_bf16 ? bf16 : pairs) = true;
  }
}

Activations Activations::from(int64_t begin, int64_t cols, const Inputs& inputs) const {
  Activations part = *this;
  part.rows = inputs;
  const int64_t blocks = begin * (cols / 32);
  if (int8.q) {
    part.int8 = {int8.q + begin * cols,
                 int8.d + blocks,
                 int8.d_sum + blocks,
                 int8.sum + blocks,
                 int8.halves + 2 * blocks,
                 int8.amx,
                 int8.vnni};
  }
  if (pairs) part.pairs = pairs + begin * cols;
  if (bf16) part.bf16 = bf16 + begin * (bf16_amx ? amx_columns(cols) : cols);
  return part;
}

Activations lay_out_activations(Layout& layout, const Forms& forms, int64_t n, int64_t cols) {
  Activations x;
  x.in_order = forms.in_order;
  if (forms.int8) {
    const int64_t blocks = n * (cols / 32);
    x.int8.amx = forms.amx;
    x.int8.vnni = forms.vnni;
    x.int8.q = reinterpret_cast<int8_t*>(layout.take(n * cols / 4));
    x.int8.d = layout.take(blocks);
    x.int8.d_sum = layout.take(blocks);
    x.int8.sum = reinterpret_cast<int32_t*>(layout.take(blocks));
    x.int8.halves = reinterpret_cast<int32_t*>(layout.take(2 * blocks));
  }
  if (forms.pairs) x.pairs = layout.take(n * cols);
  x.bf16_amx = forms.amx;
  const int64_t bf16_columns = forms.amx ? amx_columns(cols) : cols;
  if (forms.bf16) x.bf16 = reinterpret_cast<uint16_t*>(layout.take(n * bf16_columns / 2));
  return x;
}

void pack_activations(const Activations& x, const Forms& forms, int64_t begin, int64_t end, int64_t cols) {
  if (forms.int8) {
    for (int64_t t = begin, width; t < end; t += width) {
      width = tile_at(t, end, kTile, x.int8.widest());
      quantize_tile(x, t, width, cols);
    }
  }
  const bool amx = forms.bf16 && forms.amx, bf16 = forms.bf16 && !forms.amx;
  for (int64_t t = begin, width; amx && t < end; t += width) {
    width = std::min(kAmxInputs, end - t);
    amx_bf16_tile(x, t, width, cols);
  }
  for (int64_t t = begin, width; (forms.pairs || bf16) && t < end; t += width) {
    width = tile_at(t, end, kFloatTile);
    if (forms.pairs) pair_tile(x, t, width, cols);
    if (bf16) bf16_tile(x, t, width, cols);
  }
}

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
