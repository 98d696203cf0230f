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
  m.data = tensor.data;
  m.owner = tensor.owner;
  return m;
}

void pack_panels(const Matrix& w, int64_t first, int64_t last, std::byte* memory) {
  QN_CHECK(w.layout == WeightLayout::kRows, "the matrix lies in panels already");
  const int64_t panels = w.rows / kPanelRows, bytes = kPanelRows * w.stride();
  for (int64_t p = first; p < last; ++p) pack_panel(w.dtype, w.cols, w.data + p * bytes, memory + p * bytes);
  if (last == panels) {
    std::memcpy(memory + panels * bytes, w.data + panels * bytes,
                static_cast<size_t>(w.bytes() - panels * bytes));
  }
}

void read_row(const Matrix& matrix, int64_t i, float* out) {
  if (i < matrix.panels() * kPanelRows) {
    std::vector<std::byte> row(static_cast<size_t>(matrix.stride()));
    unpack_panel_row(matrix.dtype, matrix.cols, matrix.panel(i / kPanelRows), i % kPanelRows, row.data());
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
