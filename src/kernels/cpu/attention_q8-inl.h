// Attention to a Q8_0 cache with sums of byte products (AVX512_VNNI) and of BF16 pairs (AVX512_BF16).
//
// Scores: a query becomes int8 with a scale for each block of 32 dimensions, like the keys; products of a
// block are exact integers, and the blocks are summed in float32 in rising order. Sums of values: the int8 of
// a value are exact BF16 numbers, and its scale goes into the weight before that is rounded to BF16.
#if defined(QNEXT_KERNELS_CPU_ATTENTION_Q8_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_ATTENTION_Q8_INL_H_
#undef QNEXT_KERNELS_CPU_ATTENTION_Q8_INL_H_
#else
#define QNEXT_KERNELS_CPU_ATTENTION_Q8_INL_H_
#endif

#include "kernels/cpu/attention_bf16-inl.h"
#include "tensor/block_layouts.h"

#if HWY_TARGET == HWY_AVX3_DL

HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512bf16,avx512vnni")
namespace qnext::cpu::HWY_NAMESPACE {

// ---- Queries

// A block of 32 dimensions of a query: value = scale * q. The byte products take one factor without sign: the
// keys plus 128. `start` takes that off again.
struct QueryBlock {
  int8_t q[32];
  float scale;
  int32_t start;  // -128 * sum of q
};

inline void quantize_query(const float* x, QueryBlock& out) {
  const __m512 a = _mm512_loadu_ps(x), b = _mm512_loadu_ps(x + 16);
  const float largest = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(a), _mm512_abs_ps(b)));
  out.scale = largest / 127;
  const __m512 inverse = _mm512_set1_ps(largest > 0 ? 127 / largest : 0.0f);
  const __m512i qa = _mm512_cvtps_epi32(_mm512_mul_ps(a, inverse));
  const __m512i qb = _mm512_cvtps_epi32(_mm512_mul_ps(b, inverse));
  // Numbers beyond float32 make the scale infinite or NaN, whatever the bytes are.
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out.q), _mm512_cvtsepi32_epi8(qa));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out.q + 16), _mm512_cvtsepi32_epi8(qb));
  int32_t sum = 0;
  for (int i = 0; i < 32; ++i) sum += out.q[i];
  out.start = -128 * sum;
}

// ---- Scores

// The same block of 32 keys.
struct KeyPanel {
  uint32_t bytes[8][32];  // [four dimensions][key], plus 128
  float scale[32];
};

inline void unpack_scales(const std::byte* const* rows, int64_t block, int64_t count, float* out) {
  HWY_ALIGN uint16_t halves[kBlock];
  for (int64_t j = 0; j < count; ++j) {
    std::memcpy(halves + j, rows[j] + block * static_cast<int64_t>(sizeof(BlockQ8_0)), sizeof(uint16_t));
  }
  for (int64_t j = 0; j < count; j += 16) {
    const __m256i h = _mm256_load_si256(reinterpret_cast<const __m256i*>(halves + j));
    _mm512_storeu_ps(out + j, _mm512_cvtph_ps(h));
  }
}

inline void pack_bytes(const std::byte* const* rows, int64_t blocks, Ahead ahead, KeyPanel* panels) {
  const __m512i flip = _mm512_set1_epi8(static_cast<char>(0x80));
  for (int64_t b = 0; b < blocks; ++b) {
    ahead.ask<8>();
    KeyPanel& panel = panels[b];
    unpack_scales(rows, b, 32, panel.scale);
    HWY_UNROLL(4)
    for (int part = 0; part < 4; ++part) {
      const int v = part % 2, half = part / 2;
      VU quads[4];
      transpose(rows + 16 * v, b * static_cast<int64_t>(sizeof(BlockQ8_0)) + 2 + 16 * half, quads);
      HWY_UNROLL(4)
      for (int k = 0; k < 4; ++k) {
        _mm512_storeu_si512(&panel.bytes[4 * half + k][16 * v], _mm512_xor_si512(quads[k].raw, flip));
      }
    }
  }
}

template <int R>
void score_bytes(const QueryBlock* q, int64_t blocks, const KeyPanel* panels, Ahead ahead, float* out,
                 int64_t stride) {
  __m512 acc[R][2];
  HWY_UNROLL(8)
  for (int r = 0; r < R; ++r) acc[r][0] = acc[r][1] = _mm512_setzero_ps();
  for (int64_t b = 0; b < blocks; ++b) {
    ahead.ask<4>();
    const KeyPanel& panel = panels[b];
    __m512i sum[R][2];
    HWY_UNROLL(8)
    for (int r = 0; r < R; ++r) sum[r][0] = sum[r][1] = _mm512_set1_epi32(q[r * blocks + b].start);
    HWY_UNROLL(8)
    for (int k = 0; k < 8; ++k) {
      const __m512i k0 = _mm512_loadu_si512(panel.bytes[k]), k1 = _mm512_loadu_si512(panel.bytes[k] + 16);
      HWY_UNROLL(8)
      for (int r = 0; r < R; ++r) {
        int32_t quad;
        std::memcpy(&quad, q[r * blocks + b].q + 4 * k, sizeof quad);
        const __m512i x = _mm512_set1_epi32(quad);
        sum[r][0] = _mm512_dpbusd_epi32(sum[r][0], k0, x);
        sum[r][1] = _mm512_dpbusd_epi32(sum[r][1], k1, x);
      }
    }
    const __m512 s0 = _mm512_loadu_ps(panel.scale), s1 = _mm512_loadu_ps(panel.scale + 16);
    HWY_UNROLL(8)
    for (int r = 0; r < R; ++r) {
      const __m512 s = _mm512_set1_ps(q[r * blocks + b].scale);
      acc[r][0] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum[r][0]), _mm512_mul_ps(s0, s), acc[r][0]);
      acc[r][1] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum[r][1]), _mm512_mul_ps(s1, s), acc[r][1]);
    }
  }
  HWY_UNROLL(8)
  for (int r = 0; r < R; ++r) {
    _mm512_storeu_ps(out + r * stride, acc[r][0]);
    _mm512_storeu_ps(out + r * stride + 16, acc[r][1]);
  }
}

// `count` queries, or R of more.
template <int R>
void score_some_bytes(int64_t count, const QueryBlock* q, int64_t blocks, const KeyPanel* panels, Ahead ahead,
                      float* out, int64_t stride) {
  if (count >= R) {
    score_bytes<R>(q, blocks, panels, ahead, out, stride);
  } else if constexpr (R > 1) {
    score_some_bytes<R - 1>(count, q, blocks, panels, ahead, out, stride);
  }
}

// ---- Values and their weights

// The bytes of 16 dimensions of two values, as pairs of BF16. Integers up to 127 end with the high half of
// their float32.
HWY_INLINE __m512i byte_pairs(const std::byte* first, const std::byte* second) {
  auto widen =
      [](const std::byte* p) __attribute__((always_inline, target(HWY_TARGET_STR ",avx512bf16,avx512vnni"))) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm512_castps_si512(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes)));
  };
  return _mm512_or_si512(_mm512_srli_epi32(widen(first), 16), widen(second));
}

// Block `block` of the values as [pair of positions][32 dimensions].
inline void unpack_values(const std::byte* const* rows, int64_t count, int64_t block, uint32_t* panel) {
  const int64_t offset = block * static_cast<int64_t>(sizeof(BlockQ8_0)) + 2;
  for (int64_t j = 0; j < count; j += 2, panel += 32) {
    _mm512_storeu_si512(panel, byte_pairs(rows[j] + offset, rows[j + 1] + offset));
    _mm512_storeu_si512(panel + 16, byte_pairs(rows[j] + offset + 16, rows[j + 1] + offset + 16));
  }
}

// out[j] = weight[j] * scale[j] in BF16 for j < seen, then zeros up to kBlock: a value that a query does not
// see must not reach it even if its scale is no number.
HWY_INLINE void scale_weights(const float* weights, const float* scale, int64_t seen, uint16_t* out) {
  const uint64_t mask = seen == kBlock ? ~uint64_t{0} : (uint64_t{1} << seen) - 1;
  for (int j = 0; j < kBlock; j += 32) {
    const auto low = static_cast<__mmask16>(mask >> j), high = static_cast<__mmask16>(mask >> (j + 16));
    const __m512 a =
        _mm512_maskz_mul_ps(low, _mm512_maskz_loadu_ps(low, weights + j), _mm512_loadu_ps(scale + j));
    const __m512 b = _mm512_maskz_mul_ps(high, _mm512_maskz_loadu_ps(high, weights + j + 16),
                                         _mm512_loadu_ps(scale + j + 16));
    _mm512_storeu_si512(out + j, reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(b, a)));
  }
}

// ---- The arithmetic (attention_f32-inl.h says what one is)

class Q8Arithmetic {
 public:
  using Weights = FloatWeights;

  Q8Arithmetic(Layout& layout, const AttentionArgs& args, int64_t queries)
      : args_(args), blocks_(args.head_dim / 32) {
    q_ = take<QueryBlock>(layout, queries * blocks_);
    keys_ = take<KeyPanel>(layout, blocks_);
    values_ = take<uint32_t>(layout, kBlock / 2 * args.head_dim);
    scale_ = layout.take(blocks_ * kBlock);
  }

  static bool fits(const AttentionArgs& args, DType dtype) {
    return dtype == DType::kQ8_0 && args.head_dim % 32 == 0;
  }

  void load_queries(const Piece& piece) {
    for (int64_t i = 0; i < piece.queries(); ++i) {
      for (int64_t b = 0; b < blocks_; ++b) quantize_query(piece.q(args_, i) + 32 * b, q_[i * blocks_ + b]);
    }
  }

  void score(const BlockRows& keys, DType, int64_t begin, int64_t end, float* out, int64_t stride) {
    const auto* ahead = reinterpret_cast<const char*>(keys.ahead);
    const int64_t packing = blocks_ * 8 * 64, scoring = blocks_ * 4 * 64;  // bytes asked for
    for (int64_t j = 0; j < keys.count; j += 32) {
      pack_bytes(keys.at + j, blocks_, {ahead}, keys_);
      if (ahead) ahead += packing;
      for (int64_t q = begin; q < end; q += kQueries) {
        score_some_bytes<kQueries>(end - q, q_ + q * blocks_, blocks_, keys_, {q == begin ? ahead : nullptr},
                                   out + q * stride + j, stride);
      }
      if (ahead) ahead += scoring;
    }
  }

  void load_values(const BlockRows& values, DType) {
    for (int64_t b = 0; b < blocks_; ++b) {
      unpack_scales(values.at, b, kBlock, scale_ + b * kBlock);
      unpack_values(values.at, values.count, b, values_ + b * 32 * (kBlock / 2));
    }
  }

  void sum(const BlockRows& values, int64_t begin, int64_t end, int64_t seen, const void* weights,
           int64_t stride, float* sums) const {
    const int64_t width = args_.head_dim;
    const auto* row = static_cast<const float*>(weights);
    const std::byte* ahead = values.ahead;
    HWY_ALIGN uint16_t scaled[kPairQueries][kBlock];
    for (int64_t b = 0; b < blocks_; ++b) {
      const PanelPairs source{values_ + b * 32 * (kBlock / 2)};
      for (int64_t q = begin; q < end; q += kPairQueries) {
        const int64_t count = std::min<int64_t>(kPairQueries, end - q);
        for (int64_t r = 0; r < count; ++r) {
          scale_weights(row + (q - begin + r) * stride, scale_ + b * kBlock, seen, scaled[r]);
        }
        const BlockAhead strip(ahead && q == begin ? ahead + b * kBlock * 64 : nullptr);
        sum_some_pairs<kPairQueries>(count, reinterpret_cast<const uint32_t*>(scaled[0]), kBlock / 2, seen,
                                     source, strip, sums + q * width + 32 * b, width);
      }
    }
  }

 private:
  static constexpr int kQueries = 4;  // of a register tile: two sums each, and two that are built from them

  template <class T>
  static T* take(Layout& layout, int64_t count) {
    return reinterpret_cast<T*>(layout.take((count * static_cast<int64_t>(sizeof(T)) + 3) / 4));
  }

  const AttentionArgs& args_;
  int64_t blocks_;    // of 32 dimensions
  QueryBlock* q_;     // [queries, blocks]
  KeyPanel* keys_;    // [blocks]
  uint32_t* values_;  // [blocks][pair of positions][32 dimensions], pairs of BF16
  float* scale_;      // [blocks, kBlock], of the values
};

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_POP_ATTRIBUTES

#endif
#endif
