#include "kernels/matrix.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "tensor/block_formats.h"

namespace qnext {

Matrix matrix_of(const Tensor& tensor) {
  QN_CHECK(tensor.shape.rank() == 1 || tensor.shape.rank() == 2, "a matrix has one or two extents");
  Matrix m;
  m.dtype = tensor.dtype;
  m.rows = tensor.shape.rank() == 1 ? 1 : tensor.shape[0];
  m.cols = tensor.shape.last();
  m.layout = tensor.panels ? WeightLayout::kPanels : WeightLayout::kRows;
  m.data = tensor.data;
  m.owner = tensor.owner;
  return m;
}

void pack_panels(const Matrix& w, int64_t first, int64_t last, std::byte* memory) {
  QN_CHECK(w.layout == WeightLayout::kRows, "the matrix lies in panels already");
  pack_rows(w.dtype, w.rows, w.cols, w.data, first, last, memory);
}

void copy_row(const Matrix& w, int64_t i, std::byte* out) {
  if (w.layout == WeightLayout::kPanels) {
    unpack_row(w.dtype, w.rows, w.cols, w.data, i, out);
  } else {
    std::memcpy(out, w.row(i), static_cast<size_t>(w.stride()));
  }
}

void read_row(const Matrix& matrix, int64_t i, float* out) {
  if (matrix.layout == WeightLayout::kPanels) {
    std::vector<std::byte> row(static_cast<size_t>(matrix.stride()));
    copy_row(matrix, i, row.data());
    dequantize_row(matrix.dtype, row.data(), out, matrix.cols);
  } else {
    dequantize_row(matrix.dtype, matrix.row(i), out, matrix.cols);
  }
  if (!matrix.scale) return;
  const float* scale = matrix.scale_row(i);
  for (int64_t begin = 0; begin < matrix.cols; begin += matrix.scale_cols) {
    const int64_t end = std::min(begin + matrix.scale_cols, matrix.cols);
    for (int64_t j = begin; j < end; ++j) out[j] *= scale[begin / matrix.scale_cols];
  }
}

}  // namespace qnext
