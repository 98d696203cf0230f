// What happens to a token before it attends: norm and rotation of its queries and keys, and writing keys and
// values to the cache.
#if defined(QNEXT_KERNELS_CPU_ATTENTION_PREPARE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_ATTENTION_PREPARE_INL_H_
#undef QNEXT_KERNELS_CPU_ATTENTION_PREPARE_INL_H_
#else
#define QNEXT_KERNELS_CPU_ATTENTION_PREPARE_INL_H_
#endif

#include <cmath>

#include "kernels/cpu/attention_panels.h"
#include "kernels/cpu/attention_plan.h"
#include "kernels/cpu/attention_rows-inl.h"
#include "kernels/cpu/simd-inl.h"
#include "tensor/block_formats.h"
#include "tensor/block_layouts.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {

inline void norm_in_place(float* x, const float* scale, float eps, int64_t n) {
  const VF inverse = set(1.0f / std::sqrt(dot(x, x, n) / static_cast<float>(n) + eps));
  for (int64_t j = 0; j < n; j += kLanes) {
    const int64_t left = n - j;
    store(hn::Mul(hn::Mul(load(x + j, left), inverse), load(scale + j, left)), x + j, left);
  }
}

// The pairs are (m, m + half).
inline void rotate(float* x, const float* cosine, const float* sine, int64_t half) {
  for (int64_t m = 0; m < half; m += kLanes) {
    const int64_t left = half - m;
    const VF a = load(x + m, left), b = load(x + half + m, left);
    const VF c = load(cosine + m, left), s = load(sine + m, left);
    store(hn::NegMulAdd(b, s, hn::Mul(a, c)), x + m, left);
    store(hn::MulAdd(a, s, hn::Mul(b, c)), x + half + m, left);
  }
}

// A block of a Q8_0 row: its scale brings the largest to 127. quantize_row() searches for a scale that is
// better by a few per cent of the rounding, at a hundred times the cost; that is for weights.
HWY_INLINE void write_block(const float* x, BlockQ8_0& out) {
  const hn::Rebind<int8_t, DF> d8;
  VF largest = zero();
  for (int64_t j = 0; j < 32; j += kLanes) largest = hn::Max(largest, hn::Abs(load(x + j)));
  out.d.set(hn::GetLane(hn::MaxOfLanes(DF(), largest)) / 127);
  const float d = out.d.value();
  const VF inverse = set(d > 0 ? 1 / d : 0.0f);
  const VF low = set(-127), high = set(127);
  for (int64_t j = 0; j < 32; j += kLanes) {
    const VF q = hn::Min(hn::Max(hn::Mul(load(x + j), inverse), low), high);
    hn::StoreU(hn::DemoteTo(d8, hn::NearestInt(q)), d8, out.q + j);
  }
}

// A row of the cache.
inline void write_row(DType dtype, const float* x, std::byte* out, int64_t n) {
  if (dtype == DType::kF32) {
    std::memcpy(out, x, static_cast<size_t>(n) * sizeof(float));
  } else if (dtype == DType::kBF16 && n % kLanes == 0) {
    for (int64_t j = 0; j < n; j += kLanes) store_bf16(round_to_bf16(load(x + j)), out + 2 * j);
  } else if (dtype == DType::kQ8_0) {
    auto* blocks = reinterpret_cast<BlockQ8_0*>(out);
    for (int64_t j = 0; j < n; j += 32) write_block(x + j, blocks[j / 32]);
  } else {
    quantize_row(dtype, x, out, n);
  }
}

// Scratch of prepare_token(): cosines and sines, and a row rounded to BF16.
inline int64_t prepare_floats(const AttentionArgs& args) { return args.rope_dim + (args.head_dim + 1) / 2; }

// Turns the queries and keys of token i of a segment into what attention compares, and fills the token's
// place in the cache, in panels (attention_panels.h) or as a row. `cosine` is scratch of prepare_floats().
inline void prepare_token(const AttentionArgs& args, const AttentionSegment& segment, int64_t i, bool panels,
                          float* cosine) {
  const int64_t row = segment.row + i, position = segment.position + i;
  const int64_t d = args.head_dim, half = args.rope_dim / 2;
  float* sine = cosine + half;
  for (int64_t m = 0; m < half; ++m) {
    const double angle =
        static_cast<float>(position) * args.inv_freq[m];  // rounded to float32, as in training
    cosine[m] = static_cast<float>(std::cos(angle)) * args.rope_factor;
    sine[m] = static_cast<float>(std::sin(angle)) * args.rope_factor;
  }
  for (int64_t h = 0; h < args.heads; ++h) {
    float* q = args.q + (row * args.heads + h) * 2 * d;
    norm_in_place(q, args.q_norm, args.eps, d);
    rotate(q, cosine, sine, half);
  }
  const KvLayerView& kv = segment.kv;
  const int64_t bytes = row_bytes(kv.dtype, d), start = position - position % kBlock;
  auto* rounded = reinterpret_cast<uint16_t*>(cosine + args.rope_dim);
  for (int64_t h = 0; h < args.kv_heads; ++h) {
    float* k = args.k + (row * args.kv_heads + h) * d;
    const float* v = args.v + (row * args.kv_heads + h) * d;
    norm_in_place(k, args.k_norm, args.eps, d);
    rotate(k, cosine, sine, half);
    if (panels) {
      write_row(kv.dtype, k, reinterpret_cast<std::byte*>(rounded), d);
      write_key(rounded, d, position - start, cache_row(kv, kv.k_offset, h, start, bytes));
      write_row(kv.dtype, v, reinterpret_cast<std::byte*>(rounded), d);
      write_value(rounded, d, position - start, cache_row(kv, kv.v_offset, h, start, bytes));
    } else {
      write_row(kv.dtype, k, cache_row(kv, kv.k_offset, h, position, bytes), d);
      write_row(kv.dtype, v, cache_row(kv, kv.v_offset, h, position, bytes), d);
    }
  }
}

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
