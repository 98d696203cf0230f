// Rows of a weight matrix times inputs: what linear, the feed-forward blocks and the experts are made of.
// Compiled once, in dot_rows.cc.
#if defined(QNEXT_KERNELS_CPU_DOT_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_DOT_ROWS_INL_H_
#undef QNEXT_KERNELS_CPU_DOT_ROWS_INL_H_
#else
#define QNEXT_KERNELS_CPU_DOT_ROWS_INL_H_
#endif

#include <hwy/highway.h>

#include "kernels/cpu/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {

// Inputs in rows of `stride` floats; with an index, input t is row index[t].
struct Inputs {
  const float* rows;
  int64_t stride;
  const int32_t* index = nullptr;

  const float* operator[](int64_t t) const { return rows + (index ? index[t] : t) * stride; }
};

// Weight rows that are decoded at a time when there are several inputs.
inline constexpr int64_t kDecodedRows = 16;
// Floats of scratch that dot() needs for a matrix of so many columns.
inline int64_t panel_floats(int64_t cols) { return kDecodedRows * round_up(cols, 32); }

// out[t * out_stride + r - begin] = row r of w . x[t] for r in [begin, end), t in [0, n). Lane l of one
// accumulator sums the products k with k % kLanes == l in rising order, whatever n, begin and end are.
void dot_rows(const Matrix& w, int64_t begin, int64_t end, const Inputs& x, int64_t n, float* out,
              int64_t out_stride, float* panel);

// `cols` values of a type at `data`, then zeros up to a multiple of 32; out has room for those.
void decode_padded(DType dtype, const std::byte* data, int64_t cols, float* out);

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
