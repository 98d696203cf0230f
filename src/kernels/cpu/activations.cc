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

// Integers nearest to v, which are in -127 ... 127.
HWY_INLINE hn::Vec<DI32> nearest(VF v) {
#if HWY_TARGET == HWY_AVX2  // Highway's looks after those that overflow
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

// Rounds 32 values; `at` is the block's place in d, d_sum and sum.
HWY_INLINE void quantize_block(const float* x, int8_t* q, int64_t at, const Int8Rows& out) {
  constexpr int kVectors = static_cast<int>(32 / kLanes);
  const hn::RebindToUnsigned<DI32> du;
  VF v[kVectors];
  auto largest = hn::Zero(du);  // of the magnitudes, whose bits are in their order, NaN last
  HWY_UNROLL(8)
  for (int i = 0; i < kVectors; ++i) {
    v[i] = load(x + i * kLanes);
    largest = hn::Max(largest, hn::BitCast(du, hn::Abs(v[i])));
  }
  constexpr uint32_t kInfinity = 0x7f800000;
  const uint32_t bits = hn::GetLane(hn::MaxOfLanes(du, largest));
  if (bits >= kInfinity) return spoil_block(q, at, out);
  const float top = std::bit_cast<float>(bits);
  const float d = top / 127.0f;
  // Not infinite for the smallest numbers: 0 times it is 0.
  const VF inverse = set(top > 0 ? std::min(127.0f / top, std::numeric_limits<float>::max()) : 0.0f);
  hn::Vec<DI32> sums[2] = {hn::Zero(DI32()), hn::Zero(DI32())};
  hn::Vec<DI32> rounded[kVectors];
  HWY_UNROLL(8)
  for (int i = 0; i < kVectors; ++i) {
    rounded[i] = nearest(hn::Mul(v[i], inverse));
    auto& sum = sums[2 * i / kVectors];
    sum = hn::Add(sum, rounded[i]);
  }
  store_bytes(rounded, q);
  const int32_t first = hn::GetLane(hn::SumOfLanes(DI32(), sums[0]));
  const int32_t second = hn::GetLane(hn::SumOfLanes(DI32(), sums[1]));
  out.d[at] = d;
  out.d_sum[at] = d * static_cast<float>(first + second);
  out.sum[at] = -128 * (first + second);
  out.halves[2 * at] = -32 * first;
  out.halves[2 * at + 1] = -32 * second;
}

void quantize_tile(const Activations& x, int64_t t, int64_t width, int64_t cols) {
  const int64_t blocks = cols / 32;
  for (int64_t i = 0; i < width; ++i) {
    const float* row = x.rows[t + i];
    for (int64_t b = 0; b < blocks; ++b) {
      quantize_block(row + 32 * b, x.int8.q + t * cols + (b * width + i) * 32, t * blocks + b * width + i,
                     x.int8);
    }
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
