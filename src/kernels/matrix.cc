#include "kernels/matrix.h"

#include <algorithm>

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

void read_row(const Matrix& matrix, int64_t i, float* out) {
  dequantize_row(matrix.dtype, matrix.row(i), out, matrix.cols);
  if (!matrix.scale) return;
  const float* scale = matrix.scale_row(i);
  for (int64_t begin = 0; begin < matrix.cols; begin += matrix.scale_cols) {
    const int64_t end = std::min(begin + matrix.scale_cols, matrix.cols);
    for (int64_t j = begin; j < end; ++j) out[j] *= scale[begin / matrix.scale_cols];
  }
}

}  // namespace qnext
