// Attention to a BF16 cache with products of pairs of BF16 (AVX512_BF16). Queries and weights are rounded to
// BF16, sums are float32.
//
// A score is one accumulator over pairs of dimensions, a sum of values one over pairs of positions, both in
// rising order, so a query's result does not depend on the tile it falls into. The cache is kept in the order
// in which the products read it (attention_panels.h), unless its blocks are too small for that: then rows are
// packed on the way.
#if defined(QNEXT_KERNELS_CPU_ATTENTION_BF16_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_ATTENTION_BF16_INL_H_
#undef QNEXT_KERNELS_CPU_ATTENTION_BF16_INL_H_
#else
#define QNEXT_KERNELS_CPU_ATTENTION_BF16_INL_H_
#endif

#include "kernels/cpu/attention_panels.h"
#include "kernels/cpu/attention_plan.h"
#include "kernels/cpu/attention_rows-inl.h"
#include "kernels/cpu/attention_weights-inl.h"
#include "kernels/cpu/scratch.h"

#if HWY_TARGET == HWY_AVX3_DL

HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512bf16,avx512vnni")
namespace qnext::cpu::HWY_NAMESPACE {

// Queries of a register tile. Eight are the group of a key/value head of the published model.
inline constexpr int kPairQueries = 8;

HWY_INLINE __m512 load_acc(const float* p) { return _mm512_loadu_ps(p); }
// acc + the products of a pair in every lane with the pair at `pair`.
HWY_INLINE __m512 multiply_pairs(__m512 acc, __m512i v, __m512i pair) {
  return _mm512_dpbf16_ps(acc, reinterpret_cast<__m512bh>(v), reinterpret_cast<__m512bh>(pair));
}

// What a block of the cache asks for while it is read from front to back: with few queries what it will read
// itself soon; many take long enough to bring all of the next block.
class BlockAhead {
 public:
  static int64_t distance(int64_t queries, int64_t block_bytes) {
    return queries <= kFewQueries ? std::min(kNear, block_bytes) : block_bytes;
  }

  // From there on; null: asks for nothing.
  explicit BlockAhead(const std::byte* next = nullptr) : lines_(from(next)) {}
  // Reading begins at byte `offset` of a block of `bytes`.
  BlockAhead(const BlockRows& rows, int64_t bytes, int64_t distance, int64_t offset) : lines_(from(nullptr)) {
    const int64_t to_end = bytes - offset - distance;
    if (to_end > 0) {
      lines_ = from(rows.at[0] + offset + distance);
      left_ = to_end;
      then_ = rows.ahead;
    } else if (rows.ahead) {
      lines_ = from(rows.ahead - to_end);
    }
  }
  template <int kLines>
  HWY_INLINE void ask() {
    if (!lines_.next) return;
    lines_.ask<kLines>();
    if ((left_ -= 64 * kLines) > 0) return;
    lines_ = from(then_);
    left_ = INT64_MAX;
  }

 private:
  static Ahead from(const std::byte* p) { return {reinterpret_cast<const char*>(p)}; }

  Ahead lines_;
  int64_t left_ = INT64_MAX;  // bytes to the end of the block
  const std::byte* then_ = nullptr;
};

// ---- Scores

// Transposes 32 keys to [pair of dimensions][32 keys], asking for two lines for every pair.
inline void pack_pairs(const std::byte* const* rows, int64_t dims, Ahead ahead, uint32_t* panel) {
  for (int64_t i = 0; i < dims; i += 8, panel += 4 * 32) {
    ahead.ask<8>();
    HWY_UNROLL(2)
    for (int v = 0; v < 2; ++v) {
      VU quads[4];
      transpose(rows + 16 * v, 2 * i, quads);
      HWY_UNROLL(4)
      for (int k = 0; k < 4; ++k) _mm512_storeu_si512(panel + 32 * k + 16 * v, quads[k].raw);
    }
  }
}

// out[r * stride + j] = query r . key j of the panel. q: [R, pairs]. Asks for two lines for every pair.
template <int R>
void score_pairs(const uint32_t* HWY_RESTRICT q, int64_t pairs, const uint32_t* HWY_RESTRICT panel,
                 BlockAhead ahead, float* HWY_RESTRICT out, int64_t stride) {
  __m512 acc[R][2];
  HWY_UNROLL(8)
  for (int r = 0; r < R; ++r) acc[r][0] = acc[r][1] = _mm512_setzero_ps();
  for (int64_t i = 0; i < pairs; ++i, panel += 32) {
    ahead.ask<2>();
    const __m512i k0 = _mm512_loadu_si512(panel), k1 = _mm512_loadu_si512(panel + 16);
    HWY_UNROLL(8)
    for (int r = 0; r < R; ++r) {
      const __m512i x = _mm512_set1_epi32(static_cast<int>(q[r * pairs + i]));
      acc[r][0] = multiply_pairs(acc[r][0], k0, x);
      acc[r][1] = multiply_pairs(acc[r][1], k1, x);
    }
  }
  HWY_UNROLL(8)
  for (int r = 0; r < R; ++r) {
    _mm512_storeu_ps(out + r * stride, acc[r][0]);
    _mm512_storeu_ps(out + r * stride + 16, acc[r][1]);
  }
}

// `count` <= R queries.
template <int R = kPairQueries>
void score_pairs(int64_t count, const uint32_t* q, int64_t pairs, const uint32_t* panel, BlockAhead ahead,
                 float* out, int64_t stride) {
  if (count == R) {
    score_pairs<R>(q, pairs, panel, ahead, out, stride);
  } else if constexpr (R > 1) {
    score_pairs<R - 1>(count, q, pairs, panel, ahead, out, stride);
  }
}

// ---- Sums of values

// Order of elements that makes pairs of two vectors' elements.
struct Interleaving {
  uint16_t low[32]{}, high[32]{};
  constexpr Interleaving() {
    for (int i = 0; i < 16; ++i) {
      low[2 * i] = static_cast<uint16_t>(i), low[2 * i + 1] = static_cast<uint16_t>(32 + i);
      high[2 * i] = static_cast<uint16_t>(16 + i), high[2 * i + 1] = static_cast<uint16_t>(48 + i);
    }
  }
};

// Where 32 dimensions of pairs of values come from: rows of the cache, interleaved on the way ...
struct RowPairs {
  const std::byte* const* rows;
  int64_t offset;  // of the first dimension, in bytes
  __m512i low, high;

  RowPairs(const std::byte* const* at, int64_t bytes) : rows(at), offset(bytes) {
    HWY_ALIGN static constexpr Interleaving kOrder{};
    low = _mm512_load_si512(kOrder.low);
    high = _mm512_load_si512(kOrder.high);
  }
  // With `single`, zeros instead of the pair's second row, which a query may not see.
  HWY_INLINE void load(int64_t pair, bool single, __m512i& v0, __m512i& v1) const {
    const __m512i a = _mm512_loadu_si512(rows[2 * pair] + offset);
    const __m512i b = single ? _mm512_setzero_si512() : _mm512_loadu_si512(rows[2 * pair + 1] + offset);
    v0 = _mm512_permutex2var_epi16(a, low, b);
    v1 = _mm512_permutex2var_epi16(a, high, b);
  }
};
// ... or a panel [pair of positions][32 dimensions].
struct PanelPairs {
  const uint32_t* panel;
  HWY_INLINE void load(int64_t pair, bool single, __m512i& v0, __m512i& v1) const {
    const __m512i keep = _mm512_set1_epi32(single ? 0xffff : -1);
    v0 = _mm512_and_si512(_mm512_loadu_si512(panel + pair * 32), keep);
    v1 = _mm512_and_si512(_mm512_loadu_si512(panel + pair * 32 + 16), keep);
  }
};

// sums[r * width + i] += sum_j<seen weight j of r * value j[i] for 32 dimensions. Two weights lie in each
// element of `weights`, a query's `stride` elements apart; an odd last one is followed by 0.
template <int R, class Source>
HWY_INLINE void sum_pairs(const uint32_t* HWY_RESTRICT weights, int64_t stride, int64_t seen,
                          const Source& source, BlockAhead ahead, float* HWY_RESTRICT sums, int64_t width) {
  __m512 acc[R][2];
  HWY_UNROLL(8)
  for (int r = 0; r < R; ++r) {
    acc[r][0] = load_acc(sums + r * width);
    acc[r][1] = load_acc(sums + r * width + 16);
  }
  auto step = [&](int64_t pair, bool single)
      __attribute__((always_inline, target(HWY_TARGET_STR ",avx512bf16,avx512vnni"))) {
    ahead.ask<2>();
    __m512i v0, v1;
    source.load(pair, single, v0, v1);
    HWY_UNROLL(8)
    for (int r = 0; r < R; ++r) {
      const __m512i x = _mm512_set1_epi32(static_cast<int>(weights[r * stride + pair]));
      acc[r][0] = multiply_pairs(acc[r][0], v0, x);
      acc[r][1] = multiply_pairs(acc[r][1], v1, x);
    }
  };
  const int64_t pairs = seen / 2;
  for (int64_t i = 0; i < pairs; ++i) step(i, false);
  if (seen % 2 != 0) step(pairs, true);
  HWY_UNROLL(8)
  for (int r = 0; r < R; ++r) {
    _mm512_storeu_ps(sums + r * width, acc[r][0]);
    _mm512_storeu_ps(sums + r * width + 16, acc[r][1]);
  }
}

template <int R, class Source>
void sum_some_pairs(int64_t count, const uint32_t* weights, int64_t stride, int64_t seen,
                    const Source& source, BlockAhead ahead, float* sums, int64_t width) {
  if (count >= R) {
    sum_pairs<R>(weights, stride, seen, source, ahead, sums, width);
  } else if constexpr (R > 1) {
    sum_some_pairs<R - 1>(count, weights, stride, seen, source, ahead, sums, width);
  }
}

// ---- The arithmetic (attention_f32-inl.h says what one is)

class Bf16Arithmetic {
 public:
  using Weights = Bf16Weights;

  Bf16Arithmetic(Layout& layout, const AttentionArgs& args, int64_t queries)
      : args_(args), pairs_(args.head_dim / 2) {
    q_ = reinterpret_cast<uint32_t*>(layout.take(queries * pairs_));
    panel_ = reinterpret_cast<uint32_t*>(layout.take(pairs_ * 32));
    values_ = reinterpret_cast<uint32_t*>(layout.take(kBlock * pairs_));
  }

  static bool fits(const AttentionArgs& args, DType dtype) {
    return dtype == DType::kBF16 && args.head_dim % 32 == 0;
  }

  void load_queries(const Piece& piece) {
    panels_ = in_panels(piece.segment->kv);
    several_ = piece.queries() > kPairQueries;
    distance_ = panels_ ? BlockAhead::distance(piece.queries(), block_bytes()) : block_bytes();
    for (int64_t i = 0; i < piece.queries(); ++i) {
      const float* q = piece.q(args_, i);
      auto* out = reinterpret_cast<std::byte*>(q_ + i * pairs_);
      for (int64_t j = 0; j < args_.head_dim; j += kLanes) {
        store_bf16(round_to_bf16(load(q + j)), out + 2 * j);
      }
    }
  }

  void score(const BlockRows& keys, DType, int64_t begin, int64_t end, float* out, int64_t stride) {
    for (int64_t j = 0; j < keys.count; j += kKeyPanel) {
      const uint32_t* panel = key_panel(keys, j);
      for (int64_t q = begin; q < end; q += kPairQueries) {
        score_pairs(std::min<int64_t>(kPairQueries, end - q), q_ + q * pairs_, pairs_, panel,
                    panels_ && q == begin ? ahead_of(keys, j * 4 * pairs_) : BlockAhead(),
                    out + q * stride + j, stride);
      }
    }
  }

  // Many queries share one interleaving of the values.
  void load_values(const BlockRows& values, DType) {
    if (panels_) {
      strips_ = reinterpret_cast<const uint32_t*>(values.at[0]);
      return;
    }
    strips_ = several_ ? values_ : nullptr;
    if (!several_) return;
    for (int64_t i = 0; i < args_.head_dim; i += 32) {
      const RowPairs rows(values.at, 2 * i);
      uint32_t* out = values_ + i * (kBlock / 2);
      for (int64_t pair = 0; pair < kBlock / 2; ++pair, out += 32) {
        __m512i v0, v1;
        rows.load(pair, false, v0, v1);
        _mm512_storeu_si512(out, v0);
        _mm512_storeu_si512(out + 16, v1);
      }
    }
  }

  void sum(const BlockRows& values, int64_t begin, int64_t end, int64_t seen, const void* weights,
           int64_t stride, float* sums) const {
    for (int64_t i = 0; i < args_.head_dim; i += 32) {
      if (strips_) {
        sum_strip(PanelPairs{strips_ + i * (kBlock / 2)}, i, values, begin, end, seen, weights, stride, sums);
      } else {
        sum_strip(RowPairs(values.at, 2 * i), i, values, begin, end, seen, weights, stride, sums);
      }
    }
  }

 protected:
  int64_t block_bytes() const { return 2 * kBlock * args_.head_dim; }
  // What keys or values ask for that are read from byte `offset` of their block on.
  BlockAhead ahead_of(const BlockRows& rows, int64_t offset) const {
    return {rows, block_bytes(), distance_, offset};
  }
  // kKeyPanel keys from the j-th on, in the cache or packed.
  const uint32_t* key_panel(const BlockRows& keys, int64_t j) {
    if (panels_) return reinterpret_cast<const uint32_t*>(keys.at[0]) + j * pairs_;
    const auto* ahead = reinterpret_cast<const char*>(keys.ahead);
    pack_pairs(keys.at + j, args_.head_dim, {ahead ? ahead + j * 4 * pairs_ : nullptr}, panel_);
    return panel_;
  }

  const AttentionArgs& args_;
  int64_t pairs_;                     // of dimensions
  uint32_t* q_;                       // [queries, pairs]
  uint32_t* panel_;                   // [pairs, 32 keys]
  uint32_t* values_;                  // [strip of 32 dimensions][pair of positions][32 dimensions]
  const uint32_t* strips_ = nullptr;  // the same, here or in the cache; null: rows are interleaved on the way
  bool several_ = false, panels_ = false;
  int64_t distance_ = 0;  // bytes from what is read to what is asked for

 private:
  // sum() for the 32 dimensions from `i` on.
  template <class Source>
  void sum_strip(const Source& source, int64_t i, const BlockRows& values, int64_t begin, int64_t end,
                 int64_t seen, const void* weights, int64_t stride, float* sums) const {
    const int64_t width = args_.head_dim;
    for (int64_t q = begin; q < end; q += kPairQueries) {
      const BlockAhead strip = q == begin ? ahead_of(values, i * 2 * kBlock) : BlockAhead();
      sum_some_pairs<kPairQueries>(end - q, static_cast<const uint32_t*>(weights) + (q - begin) * stride,
                                   stride, seen, source, strip, sums + q * width + i, width);
    }
  }
};

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_POP_ATTRIBUTES

#endif
#endif
