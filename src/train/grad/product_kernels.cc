#include "train/grad/targets.h"
//
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "train/grad/product_kernels.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include <algorithm>
#include <cstring>

#include "train/grad/product_kernels.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::train::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Sums of a tile are kept in registers, 2 vectors by kRows: 24 of 32 registers, or 8 of 16.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON
constexpr int64_t kRows = 12;
#else
constexpr int64_t kRows = 4;
#endif
template <class Real>
constexpr int64_t kLanes = static_cast<int64_t>(HWY_LANES(Real));
template <class Real>
constexpr int64_t kColumns = 2 * kLanes<Real>;

// Four lines of float32 and four successive k at a time: out[k * width + i] = lines[i * line + k].
HWY_INLINE void transpose4(const float* lines, int64_t line, int64_t width, float* out) {
  const hn::FixedTag<float, 4> d;
  const auto l0 = hn::LoadU(d, lines), l1 = hn::LoadU(d, lines + line), l2 = hn::LoadU(d, lines + 2 * line),
             l3 = hn::LoadU(d, lines + 3 * line);
  const auto even = hn::InterleaveLower(d, l0, l2), odd = hn::InterleaveLower(d, l1, l3);
  const auto even2 = hn::InterleaveUpper(d, l0, l2), odd2 = hn::InterleaveUpper(d, l1, l3);
  hn::StoreU(hn::InterleaveLower(d, even, odd), d, out);
  hn::StoreU(hn::InterleaveUpper(d, even, odd), d, out + width);
  hn::StoreU(hn::InterleaveLower(d, even2, odd2), d, out + 2 * width);
  hn::StoreU(hn::InterleaveUpper(d, even2, odd2), d, out + 3 * width);
}

// out[k * width + i] = element (i, k); lines i beyond `count` are zero. `line` is the stride between lines,
// `along` that between successive k. A panel has kFull lines when `count` is that, and otherwise `width` of
// them.
template <class Real, int64_t kFull>
void pack_panel(const Real* source, int64_t line, int64_t along, int64_t count, int64_t width, int64_t depth,
                Real* HWY_RESTRICT out) {
  if (line == 1) {
    if (count == kFull) {
      for (int64_t k = 0; k < depth; ++k)
        std::memcpy(out + k * kFull, source + k * along, kFull * sizeof(Real));
      return;
    }
    for (int64_t k = 0; k < depth; ++k, out += width) {
      std::copy_n(source + k * along, count, out);
      std::fill(out + count, out + width, Real(0));
    }
    return;
  }
  // Pieces of k that are one cache line of each source line.
  constexpr int64_t kPiece = 64 / sizeof(Real);
  for (int64_t first = 0; first < depth; first += kPiece) {
    const int64_t end = std::min(depth, first + kPiece);
    int64_t i = 0;
    if constexpr (sizeof(Real) == 4) {
      if (along == 1 && end - first == kPiece) {
        for (; i + 4 <= count; i += 4) {
          for (int64_t k = first; k < end; k += 4) {
            transpose4(source + i * line + k, line, width, out + k * width + i);
          }
        }
      }
    }
    for (; i < count; ++i) {
      const Real* from = source + i * line;
      for (int64_t k = first; k < end; ++k) out[k * width + i] = from[k * along];
    }
    if (count == width) continue;
    for (int64_t k = first; k < end; ++k) std::fill(out + k * width + count, out + (k + 1) * width, Real(0));
  }
}

inline int64_t tile_rows(int64_t left) { return left >= kRows ? kRows : (left + 3) / 4 * 4; }

template <class Real>
void pack_a(const Operand<Real>& a, int64_t begin, int64_t count, int64_t first, int64_t depth, Real* out) {
  for (int64_t i = 0; i < count; i += kRows, out += depth * kRows) {
    const int64_t rows = std::min(kRows, count - i);
    pack_panel<Real, kRows>(a.data + (begin + i) * a.row + first * a.column, a.row, a.column, rows,
                            tile_rows(rows), depth, out);
  }
}

template <class Real>
void pack_b(const Operand<Real>& b, int64_t begin, int64_t count, int64_t first, int64_t depth, Real* out) {
  constexpr int64_t kWidth = kColumns<Real>;
  for (int64_t j = 0; j < count; j += kWidth, out += depth * kWidth) {
    pack_panel<Real, kWidth>(b.data + (begin + j) * b.column + first * b.row, b.column, b.row,
                             std::min(kWidth, count - j), kWidth, depth, out);
  }
}

template <class Real, int kTileRows>
HWY_INLINE void tile(const Real* HWY_RESTRICT a, const Real* HWY_RESTRICT b, int64_t depth,
                     Real* HWY_RESTRICT c, int64_t stride, bool add) {
  const hn::ScalableTag<Real> d;
  using V = hn::Vec<hn::ScalableTag<Real>>;
  V low[kTileRows], high[kTileRows];
#pragma GCC unroll 16
  for (int r = 0; r < kTileRows; ++r) low[r] = high[r] = hn::Zero(d);
  for (int64_t k = 0; k < depth; ++k) {
    const V b0 = hn::LoadU(d, b), b1 = hn::LoadU(d, b + kLanes<Real>);
#pragma GCC unroll 16
    for (int r = 0; r < kTileRows; ++r) {
      const V x = hn::Set(d, a[r]);
      low[r] = hn::MulAdd(x, b0, low[r]);
      high[r] = hn::MulAdd(x, b1, high[r]);
    }
    a += kTileRows;
    b += kColumns<Real>;
  }
  if (add) {
#pragma GCC unroll 16
    for (int r = 0; r < kTileRows; ++r) {
      low[r] = hn::Add(low[r], hn::LoadU(d, c + r * stride));
      high[r] = hn::Add(high[r], hn::LoadU(d, c + r * stride + kLanes<Real>));
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kTileRows; ++r) {
    hn::StoreU(low[r], d, c + r * stride);
    hn::StoreU(high[r], d, c + r * stride + kLanes<Real>);
  }
}

template <class Real>
HWY_INLINE void whole_tile(const Real* a, const Real* b, int64_t rows, int64_t depth, Real* c, int64_t stride,
                           bool add) {
  if (rows == 4) return tile<Real, 4>(a, b, depth, c, stride, add);
  if constexpr (kRows == 12) {
    if (rows == 8) return tile<Real, 8>(a, b, depth, c, stride, add);
    return tile<Real, 12>(a, b, depth, c, stride, add);
  }
}

template <class Real>
void multiply_packed(const Real* a, const Real* b, int64_t rows, int64_t columns, int64_t depth, Real* c,
                     int64_t stride, bool add) {
  constexpr int64_t kWidth = kColumns<Real>;
  HWY_ALIGN Real edge[kRows * kWidth];
  for (int64_t j = 0; j < columns; j += kWidth, b += depth * kWidth) {
    const int64_t width = std::min(kWidth, columns - j);
    const Real* panel = a;
    for (int64_t i = 0; i < rows; i += kRows, panel += depth * kRows) {
      const int64_t height = std::min(kRows, rows - i), padded = tile_rows(height);
      Real* corner = c + i * stride + j;
      if (width == kWidth && height == padded) {
        whole_tile(panel, b, padded, depth, corner, stride, add);
        continue;
      }
      whole_tile(panel, b, padded, depth, edge, kWidth, false);
      for (int64_t r = 0; r < height; ++r) {
        for (int64_t s = 0; s < width; ++s) {
          const Real sum = edge[r * kWidth + s];
          corner[r * stride + s] = add ? corner[r * stride + s] + sum : sum;
        }
      }
    }
  }
}

template <class Real>
ProductKernels<Real> kernels_of() {
  return {kRows, kColumns<Real>, pack_a<Real>, pack_b<Real>, multiply_packed<Real>};
}
ProductKernels<float> float_kernels() { return kernels_of<float>(); }
ProductKernels<double> double_kernels() { return kernels_of<double>(); }

}  // namespace qnext::train::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace qnext::train {

HWY_EXPORT(float_kernels);
HWY_EXPORT(double_kernels);

template <>
const ProductKernels<float>& product_kernels() {
  static const ProductKernels<float> kernels = HWY_DYNAMIC_DISPATCH(float_kernels)();
  return kernels;
}
template <>
const ProductKernels<double>& product_kernels() {
  static const ProductKernels<double> kernels = HWY_DYNAMIC_DISPATCH(double_kernels)();
  return kernels;
}

}  // namespace qnext::train
#endif
