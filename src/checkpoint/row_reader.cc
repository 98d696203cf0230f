#include "checkpoint/row_reader.h"

#include <algorithm>

#include "checkpoint/fp8_scales.h"
#include "tensor/block_formats.h"

namespace qnext {
namespace {

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

Result<RowReader> RowReader::open(const TensorSource& source, const std::string& name,
                                  const ModelConfig& config) {
  RowReader reader;
  QN_TRY(reader.tensor_, source.load(name));
  if (reader.tensor_.dtype != DType::kF8E4M3) return reader;

  QN_TRY(Fp8Scales scales, read_fp8_scales(source, name, reader.tensor_.shape, config));
  reader.block_rows_ = scales.block_rows;
  reader.block_cols_ = scales.block_cols;
  reader.scales_ = std::move(scales.values);
  reader.rows_per_matrix_ = reader.tensor_.shape.dims().end()[-2];
  return reader;
}

void RowReader::read(int64_t row, int64_t cols, float* out) const {
  dequantize_row(tensor_.dtype, tensor_.data + row * row_bytes(tensor_.dtype, cols), out, cols);
  if (scales_.empty()) return;
  const int64_t matrix = row / rows_per_matrix_, row_in_matrix = row % rows_per_matrix_;
  const int64_t scale_row = matrix * ceil_div(rows_per_matrix_, block_rows_) + row_in_matrix / block_rows_;
  const float* scale = scales_.data() + scale_row * ceil_div(cols, block_cols_);
  for (int64_t begin = 0; begin < cols; begin += block_cols_) {
    const float s = scale[begin / block_cols_];
    const int64_t end = std::min(cols, begin + block_cols_);
    for (int64_t i = begin; i < end; ++i) out[i] *= s;
  }
}

}  // namespace qnext
