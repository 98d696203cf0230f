// Attention in float32, for every type of cache and every shape.
//
// Scores: lanes run along keys, which are transposed once for all queries of a piece; a score is one
// accumulator in rising order of the dimension. Sums of values: lanes run along dimensions; an element is one
// accumulator in rising order of the position.
#if defined(QNEXT_KERNELS_CPU_ATTENTION_F32_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_ATTENTION_F32_INL_H_
#undef QNEXT_KERNELS_CPU_ATTENTION_F32_INL_H_
#else
#define QNEXT_KERNELS_CPU_ATTENTION_F32_INL_H_
#endif

#include "kernels/cpu/attention_plan.h"
#include "kernels/cpu/attention_rows-inl.h"
#include "kernels/cpu/attention_weights-inl.h"
#include "kernels/cpu/dot_rows-inl.h"
#include "kernels/cpu/scratch.h"
#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {

// An arithmetic, of which this is one, is what attention_span-inl.h is made with:
//   Arithmetic(layout, args, queries)   takes its scratch, for pieces of at most so many queries
//   load_queries(piece)                 before the blocks of a piece
//   score(keys, dtype, begin, end, out, stride)
//       out[q * stride + j] = query q . key j for q in [begin, end), j < keys.count. Up to kBlock columns are
//       overwritten.
//   Weights                             what sum() reads in the place of scores (attention_weights-inl.h)
//   load_values(values, dtype)          before sum() of a block
//   sum(values, begin, end, seen, weights, stride, sums)
//       sums[q * width + i] += sum_j<seen weight j of q * value j[i] for q in [begin, end); `weights` are
//       those of query `begin`, the next query's lie `stride` float32 behind; width is head_dim rounded up to
//       32
// What it computes for a query does not depend on begin and end.
class F32Arithmetic {
 public:
  using Weights = FloatWeights;

  F32Arithmetic(Layout& layout, const AttentionArgs& args, int64_t queries)
      : args_(args), width_(round_up(args.head_dim, 32)) {
    q_ = layout.take(queries * width_);
    rows_ = layout.take(kBlock * width_);
    panel_ = layout.take(kPanelKeys * width_);
  }

  void load_queries(const Piece& piece) {
    for (int64_t i = 0; i < piece.queries(); ++i) {
      float* out = q_ + i * width_;
      std::memcpy(out, piece.q(args_, i), static_cast<size_t>(args_.head_dim) * sizeof(float));
      std::fill(out + args_.head_dim, out + width_, 0.0f);
    }
  }

  void score(const BlockRows& keys, DType dtype, int64_t begin, int64_t end, float* out, int64_t stride) {
    const char* ahead = in_place(dtype) ? reinterpret_cast<const char*>(keys.ahead) : nullptr;
    const int64_t asked = kPanelKeys * width_ * 2;  // bytes, by each of packing and scoring
    for (int64_t j = 0; j < keys.count; j += kPanelKeys) {
      if (in_pairs(dtype)) {
        pack_pairs(keys, j);
      } else {
        pack(keys, dtype, j, {ahead});
      }
      if (ahead) ahead += asked;
      for (int64_t q = begin; q < end; q += kQueries) {
        score_queries<kQueries>(q_ + q * width_, end - q, {q == begin ? ahead : nullptr},
                                out + q * stride + j, stride);
      }
      if (ahead) ahead += asked;
    }
  }

  void load_values(const BlockRows& values, DType dtype) {
    if (in_place(dtype) && values.contiguous) {
      values_ = reinterpret_cast<const float*>(values.at[0]);
      return;
    }
    decode(values, dtype, 0, values.count);
    values_ = rows_;
  }

  void sum(const BlockRows& values, int64_t begin, int64_t end, int64_t seen, const void* weights,
           int64_t stride, float* sums) const {
    const auto* row = static_cast<const float*>(weights);
    const char* ahead = values_ != rows_ ? reinterpret_cast<const char*>(values.ahead) : nullptr;
    constexpr int64_t kStep = kVectors * kLanes;
    for (int64_t i = 0; i < width_; i += kStep) {
      for (int64_t q = begin; q < end; q += kQueries) {
        const Ahead strip{ahead && q == begin ? ahead + i * 4 * kBlock : nullptr};
        sum_queries<kQueries>(row + (q - begin) * stride, stride, end - q, seen, values_ + i, strip,
                              sums + q * width_ + i);
      }
    }
  }

 private:
  static constexpr int kVectors = 2;  // of keys in a tile
  static constexpr int64_t kPanelKeys = kVectors * kLanes;
  static constexpr int kQueries = kManyRegisters ? 8 : 4;
  static_assert(kBlock % kPanelKeys == 0);

  // Whether rows of the cache are as they are wanted.
  bool in_place(DType dtype) const { return dtype == DType::kF32 && args_.head_dim == width_; }

  // Whether a row of the cache is pairs of BF16 to its end.
  bool in_pairs(DType dtype) const { return dtype == DType::kBF16 && args_.head_dim == width_; }

  // Rows [begin, end) into rows_, asking for those of the next block.
  void decode(const BlockRows& rows, DType dtype, int64_t begin, int64_t end) {
    const int64_t bytes = row_bytes(dtype, args_.head_dim);
    for (int64_t j = begin; j < end; ++j) {
      if (rows.ahead) {
        for (int64_t l = 0; l < bytes; l += 64)
          Ahead{reinterpret_cast<const char*>(rows.ahead) + j * bytes + l}.ask<1>();
      }
      decode_padded(dtype, rows.at[j], args_.head_dim, rows_ + j * width_);
    }
  }

  // Keys [first, first + kPanelKeys) as [dimension][key].
  void pack(const BlockRows& keys, DType dtype, int64_t first, Ahead ahead) {
    const std::byte* rows[kPanelKeys];
    const bool ready = in_place(dtype);
    if (!ready) decode(keys, dtype, first, std::min(first + kPanelKeys, keys.count));
    for (int64_t j = 0; j < kPanelKeys; ++j) {
      const int64_t row = std::min(first + j, keys.count - 1);
      rows[j] = ready ? keys.at[row] : reinterpret_cast<const std::byte*>(rows_ + row * width_);
    }
    for (int64_t i = 0; i < width_; i += 4) {
      ahead.ask<kPanelKeys / 8>();
      HWY_UNROLL(2)
      for (int v = 0; v < kVectors; ++v) {
        VU quads[4];
        transpose(rows + v * kLanes, 4 * i, quads);
        HWY_UNROLL(4)
        for (int k = 0; k < 4; ++k) {
          store(hn::BitCast(DF(), quads[k]), panel_ + (i + k) * kPanelKeys + v * kLanes);
        }
      }
    }
  }

  // The same for keys in BF16, which are turned around in pairs of dimensions and widened after that.
  void pack_pairs(const BlockRows& keys, int64_t first) {
    const std::byte* rows[kPanelKeys];
    for (int64_t j = 0; j < kPanelKeys; ++j) rows[j] = keys.at[std::min(first + j, keys.count - 1)];
    const auto* next = reinterpret_cast<const char*>(keys.ahead);
    Ahead ahead{next ? next + first * 2 * width_ : nullptr};
    float* out = panel_;
    for (int64_t i = 0; i < width_; i += 8) {
      ahead.ask<kPanelKeys / 4>();
      HWY_UNROLL(2)
      for (int v = 0; v < kVectors; ++v) {
        VU quads[4];
        transpose(rows + v * kLanes, 2 * i, quads);
        HWY_UNROLL(4)
        for (int k = 0; k < 4; ++k) {
          float* pair = out + 2 * k * kPanelKeys + v * kLanes;
          store(hn::BitCast(DF(), hn::ShiftLeft<16>(quads[k])), pair);
          store(hn::BitCast(DF(), hn::And(quads[k], hn::Set(DU(), 0xffff0000u))), pair + kPanelKeys);
        }
      }
      out += 8 * kPanelKeys;
    }
  }

  template <int R>
  void score_queries(const float* q, int64_t left, Ahead ahead, float* out, int64_t stride) const {
    if (left >= R) {
      score_tile<R>(q, ahead, out, stride);
    } else if constexpr (R > 1) {
      score_queries<R - 1>(q, left, ahead, out, stride);
    }
  }

  template <int R>
  void score_tile(const float* HWY_RESTRICT q, Ahead ahead, float* HWY_RESTRICT out, int64_t stride) const {
    VF acc[R][kVectors], k[kVectors];
    HWY_UNROLL(8)
    for (int r = 0; r < R; ++r) {
      HWY_UNROLL(2)
      for (int v = 0; v < kVectors; ++v) acc[r][v] = zero();
    }
    const float* HWY_RESTRICT panel = panel_;
    for (int64_t i = 0; i < width_; ++i, panel += kPanelKeys) {
      if (kPanelKeys == 32 || i % 2 == 0) ahead.ask<1>();
      HWY_UNROLL(2)
      for (int v = 0; v < kVectors; ++v) k[v] = load(panel + v * kLanes);
      HWY_UNROLL(8)
      for (int r = 0; r < R; ++r) {
        const VF x = set(q[r * width_ + i]);
        HWY_UNROLL(2)
        for (int v = 0; v < kVectors; ++v) acc[r][v] = hn::MulAdd(x, k[v], acc[r][v]);
      }
    }
    HWY_UNROLL(8)
    for (int r = 0; r < R; ++r) {
      HWY_UNROLL(2)
      for (int v = 0; v < kVectors; ++v) store(acc[r][v], out + r * stride + v * kLanes);
    }
  }

  template <int R>
  void sum_queries(const float* weights, int64_t stride, int64_t left, int64_t seen, const float* values,
                   Ahead ahead, float* sums) const {
    if (left >= R) {
      sum_values<R>(weights, stride, seen, values, ahead, sums);
    } else if constexpr (R > 1) {
      sum_queries<R - 1>(weights, stride, left, seen, values, ahead, sums);
    }
  }

  template <int R>
  void sum_values(const float* HWY_RESTRICT weights, int64_t stride, int64_t seen,
                  const float* HWY_RESTRICT values, Ahead ahead, float* HWY_RESTRICT sums) const {
    VF acc[R][kVectors], v[kVectors];
    HWY_UNROLL(8)
    for (int r = 0; r < R; ++r) {
      HWY_UNROLL(2)
      for (int k = 0; k < kVectors; ++k) acc[r][k] = load(sums + r * width_ + k * kLanes);
    }
    for (int64_t j = 0; j < seen; ++j, values += width_) {
      ahead.ask<(kVectors * kLanes + 15) / 16>();
      HWY_UNROLL(2)
      for (int k = 0; k < kVectors; ++k) v[k] = load(values + k * kLanes);
      HWY_UNROLL(8)
      for (int r = 0; r < R; ++r) {
        const VF x = set(weights[r * stride + j]);
        HWY_UNROLL(2)
        for (int k = 0; k < kVectors; ++k) acc[r][k] = hn::MulAdd(x, v[k], acc[r][k]);
      }
    }
    HWY_UNROLL(8)
    for (int r = 0; r < R; ++r) {
      HWY_UNROLL(2)
      for (int k = 0; k < kVectors; ++k) store(acc[r][k], sums + r * width_ + k * kLanes);
    }
  }

  const AttentionArgs& args_;
  int64_t width_;                  // of the rows below: head_dim and zeros
  float* q_;                       // [queries, width]
  float* rows_;                    // [kBlock, width], decoded keys or values
  float* panel_;                   // [width, kPanelKeys]
  const float* values_ = nullptr;  // [kBlock, width]
};

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
