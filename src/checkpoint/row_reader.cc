#include "checkpoint/row_reader.h"

#include <algorithm>
#include <cstring>

#include "checkpoint/fp8_scales.h"
#include "tensor/block_formats.h"
#include "tensor/panels.h"

namespace qnext {
namespace {

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

Result<RowReader> RowReader::open(const TensorSource& source, const std::string& name,
                                  const ModelConfig& config) {
  RowReader reader;
  QN_TRY(reader.tensor_, source.load(name));
  const Shape& shape = reader.tensor_.shape;
  reader.rows_per_matrix_ = shape.rank() < 2 ? 1 : shape.dims().end()[-2];
  if (reader.tensor_.dtype != DType::kF8E4M3) return reader;

  QN_TRY(Fp8Scales scales, read_fp8_scales(source, name, reader.tensor_.shape, config));
  reader.block_rows_ = scales.block_rows;
  reader.block_cols_ = scales.block_cols;
  reader.scales_ = std::move(scales.values);
  return reader;
}

void RowReader::copy(int64_t row, int64_t cols, std::byte* out) const {
  const int64_t stride = row_bytes(tensor_.dtype, cols), matrix = row / rows_per_matrix_;
  if (tensor_.panels) {
    unpack_row(tensor_.dtype, rows_per_matrix_, cols, tensor_.data + matrix * rows_per_matrix_ * stride,
               row % rows_per_matrix_, out);
  } else {
    std::memcpy(out, tensor_.data + row * stride, static_cast<size_t>(stride));
  }
}

void RowReader::read(int64_t row, int64_t cols, float* out) const {
  if (tensor_.panels) {
    std::vector<std::byte> bytes(static_cast<size_t>(row_bytes(tensor_.dtype, cols)));
    copy(row, cols, bytes.data());
    dequantize_row(tensor_.dtype, bytes.data(), out, cols);
  } else {
    dequantize_row(tensor_.dtype, tensor_.data + row * row_bytes(tensor_.dtype, cols), out, cols);
  }
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
