// Two small matrix products on decoded float32 rows, in register tiles.
//
// Dot products along rows (lanes run along the summed index) and sums of scaled rows (lanes run along the
// result's row). In both, one result element is summed in one accumulator in rising order of the index, so it
// does not depend on the shape of the tile that it falls into.
#if defined(QNEXT_KERNELS_CPU_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_TILE_INL_H_
#undef QNEXT_KERNELS_CPU_TILE_INL_H_
#else
#define QNEXT_KERNELS_CPU_TILE_INL_H_
#endif

#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {

// ---- Dot products: out[t][r] = panel row r . x[t]

inline constexpr int kTileRows = 4;
inline constexpr int kTileInputs = kManyRegisters ? 6 : 3;

// One step of kLanes elements: acc[r][t] += panel[r] * vx[t].
template <int R, int T>
HWY_INLINE void dot_step(const float* HWY_RESTRICT panel, int64_t stride, const VF (&vx)[T],
                         VF (&acc)[R][T]) {
  HWY_UNROLL(8)
  for (int r = 0; r < R; ++r) {
    const VF w = load(panel + r * stride);
    HWY_UNROLL(8)
    for (int t = 0; t < T; ++t) acc[r][t] = hn::MulAdd(w, vx[t], acc[r][t]);
  }
}

// Panel rows hold zeros from `cols` to the next multiple of kLanes; x[t] ends at `cols`.
template <int R, int T>
HWY_INLINE void dot_tile(const float* HWY_RESTRICT panel, int64_t stride, const float* const* x, int64_t cols,
                         float* out, int64_t out_stride) {
  VF acc[R][T], vx[T];
  HWY_UNROLL(8)
  for (int r = 0; r < R; ++r) {
    HWY_UNROLL(8)
    for (int t = 0; t < T; ++t) acc[r][t] = zero();
  }
  int64_t i = 0;
  for (; i + kLanes <= cols; i += kLanes) {
    HWY_UNROLL(8)
    for (int t = 0; t < T; ++t) vx[t] = load(x[t] + i);
    dot_step<R, T>(panel + i, stride, vx, acc);
  }
  if (i < cols) {
    HWY_UNROLL(8)
    for (int t = 0; t < T; ++t) vx[t] = load_part(x[t] + i, cols - i);
    dot_step<R, T>(panel + i, stride, vx, acc);
  }
  HWY_UNROLL(8)
  for (int r = 0; r < R; ++r) {
    HWY_UNROLL(8)
    for (int t = 0; t < T; ++t) out[t * out_stride + r] = sum(acc[r][t]);
  }
}

template <int T>
HWY_INLINE void dot_tile_rows(const float* panel, int64_t stride, int64_t rows, const float* const* x,
                              int64_t cols, float* out, int64_t out_stride) {
  int64_t r = 0;
  for (; r + kTileRows <= rows; r += kTileRows) {
    dot_tile<kTileRows, T>(panel + r * stride, stride, x, cols, out + r, out_stride);
  }
  for (; r < rows; ++r) dot_tile<1, T>(panel + r * stride, stride, x, cols, out + r, out_stride);
}

// All `rows` of the panel with `count` <= kTileInputs inputs.
template <int T = kTileInputs>
HWY_INLINE void dot_inputs(const float* panel, int64_t stride, int64_t rows, const float* const* x, int count,
                           int64_t cols, float* out, int64_t out_stride) {
  if (count == T) {
    dot_tile_rows<T>(panel, stride, rows, x, cols, out, out_stride);
  } else if constexpr (T > 1) {
    dot_inputs<T - 1>(panel, stride, rows, x, count, cols, out, out_stride);
  }
}

// ---- Sums of scaled rows: c[i] += sum_k a(i, k) b[k]

// a(i, k) = a[i * row + k * step].
struct Coefficients {
  const float* a;
  int64_t row, step;
};

inline constexpr int kSumVectors = kManyRegisters ? 4 : 2;

template <int R, int V>
HWY_INLINE void sum_tile(const Coefficients& a, int64_t terms, const float* HWY_RESTRICT b, int64_t b_stride,
                         float* HWY_RESTRICT c, int64_t c_stride) {
  VF acc[R][V], vb[V];
  HWY_UNROLL(8)
  for (int r = 0; r < R; ++r) {
    HWY_UNROLL(8)
    for (int v = 0; v < V; ++v) acc[r][v] = load(c + r * c_stride + v * kLanes);
  }
  for (int64_t k = 0; k < terms; ++k) {
    HWY_UNROLL(8)
    for (int v = 0; v < V; ++v) vb[v] = load(b + k * b_stride + v * kLanes);
    HWY_UNROLL(8)
    for (int r = 0; r < R; ++r) {
      const VF factor = set(a.a[r * a.row + k * a.step]);
      HWY_UNROLL(8)
      for (int v = 0; v < V; ++v) acc[r][v] = hn::MulAdd(factor, vb[v], acc[r][v]);
    }
  }
  HWY_UNROLL(8)
  for (int r = 0; r < R; ++r) {
    HWY_UNROLL(8)
    for (int v = 0; v < V; ++v) store(acc[r][v], c + r * c_stride + v * kLanes);
  }
}

template <int R>
HWY_INLINE void sum_tile_columns(const Coefficients& a, int64_t terms, const float* b, int64_t b_stride,
                                 float* c, int64_t c_stride, int64_t width) {
  constexpr int64_t kStep = kSumVectors * kLanes;
  int64_t j = 0;
  for (; j + kStep <= width; j += kStep) sum_tile<R, kSumVectors>(a, terms, b + j, b_stride, c + j, c_stride);
  for (; j < width; j += kLanes) sum_tile<R, 1>(a, terms, b + j, b_stride, c + j, c_stride);
}

// `rows` rows of c. `width` is a multiple of kLanes. a and b do not overlap the rows of c.
HWY_INLINE void add_scaled_rows(Coefficients a, int64_t rows, int64_t terms, const float* b, int64_t b_stride,
                                float* c, int64_t c_stride, int64_t width) {
  for (; rows >= kTileRows; rows -= kTileRows, a.a += kTileRows * a.row, c += kTileRows * c_stride) {
    sum_tile_columns<kTileRows>(a, terms, b, b_stride, c, c_stride, width);
  }
  for (; rows > 0; --rows, a.a += a.row, c += c_stride) {
    sum_tile_columns<1>(a, terms, b, b_stride, c, c_stride, width);
  }
}

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
