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

// The sum of 16 bytes.
HWY_INLINE int32_t sum_of_half(const int8_t* q) {
  const hn::CappedTag<uint8_t, 16> d;
  const auto raised = hn::Xor(hn::LoadU(d, reinterpret_cast<const uint8_t*>(q)), hn::Set(d, 0x80));
  const auto sums = hn::SumsOf8(raised);
  return static_cast<int32_t>(hn::ExtractLane(sums, 0) + hn::ExtractLane(sums, 1)) - 16 * 128;
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
  const VF inverse = set(top > 0 ? 127.0f / top : 0.0f);
  HWY_UNROLL(8)
  for (int i = 0; i < kVectors; ++i) {
    const auto rounded = hn::NearestInt(hn::Mul(v[i], inverse));
    hn::StoreU(hn::DemoteTo(DI8(), rounded), DI8(), q + i * kLanes);
  }
  const int32_t first = sum_of_half(q), second = sum_of_half(q + 16);
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
    part.int8 = {int8.q + begin * cols, int8.d + blocks,          int8.d_sum + blocks,
                 int8.sum + blocks,     int8.halves + 2 * blocks, int8.amx};
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
      width = tile_at(t, end, x.int8.widest());
      quantize_tile(x, t, width, cols);
    }
  }
  const bool amx = forms.bf16 && forms.amx, bf16 = forms.bf16 && !forms.amx;
  for (int64_t t = begin, width; amx && t < end; t += width) {
    width = std::min(kAmxInputs, end - t);
    amx_bf16_tile(x, t, width, cols);
  }
  for (int64_t t = begin, width; (forms.pairs || bf16) && t < end; t += width) {
    width = tile_at(t, end);
    if (forms.pairs) pair_tile(x, t, width, cols);
    if (bf16) bf16_tile(x, t, width, cols);
  }
}

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
