#include "checkpoint/row_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "tensor/block_formats.h"

namespace qnext {
namespace {

constexpr int64_t kPublishedBlock = 128;  // when the configuration does not say

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

Result<RowReader> RowReader::open(const TensorSource& source, const std::string& name,
                                  const ModelConfig& config) {
  RowReader reader;
  QN_TRY(reader.tensor_, source.load(name));
  if (reader.tensor_.dtype != DType::kF8E4M3) return reader;

  const Shape& shape = reader.tensor_.shape;
  const std::string scale_name = name + "_scale_inv";
  if (!source.find(scale_name)) {
    return Error(
        fmt::format("{}: tensor {} has type F8_E4M3 but {} is missing", source.label(), name, scale_name));
  }
  if (shape.rank() < 2) {
    return Error(fmt::format("{}: tensor {} has type F8_E4M3 but shape {}, expected a matrix", source.label(),
                             name, shape.text()));
  }
  reader.block_rows_ = config.fp8_block_rows > 0 ? config.fp8_block_rows : kPublishedBlock;
  reader.block_cols_ = config.fp8_block_cols > 0 ? config.fp8_block_cols : kPublishedBlock;
  reader.rows_per_matrix_ = shape[shape.rank() - 2];
  std::vector<int64_t> expected = shape.dims();
  expected.end()[-2] = ceil_div(expected.end()[-2], reader.block_rows_);
  expected.end()[-1] = ceil_div(expected.end()[-1], reader.block_cols_);
  QN_TRY(const Tensor scales, source.load(scale_name));
  if (scales.shape != Shape(expected) || !is_weight_type(scales.dtype) || is_quantised(scales.dtype)) {
    return Error(fmt::format("{}: tensor {} has type {} and shape {}, expected plain numbers of shape {}",
                             source.label(), scale_name, qnext::name(scales.dtype), scales.shape.text(),
                             Shape(expected).text()));
  }
  reader.scales_.resize(static_cast<size_t>(scales.shape.elements()));
  dequantize_row(scales.dtype, scales.data, reader.scales_.data(), scales.shape.elements());
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
