#include "checkpoint/fp8_scales.h"

#include <fmt/format.h>

#include <cmath>

#include "tensor/block_formats.h"

namespace qnext {
namespace {

constexpr int64_t kPublishedBlock = 128;

}  // namespace

Result<Fp8Scales> read_fp8_scales(const TensorSource& source, const std::string& name, const Shape& shape,
                                  const ModelConfig& config) {
  const std::string scale_name = name + "_scale_inv";
  const std::string what = fmt::format("{}: tensor {}", source.label(), scale_name);
  if (!source.find(scale_name))
    return Error(fmt::format("{} is missing, and {} has type F8_E4M3", what, name));
  if (shape.rank() < 2) {
    return Error(fmt::format("{}: tensor {} has type F8_E4M3 but shape {}, not a matrix's", source.label(),
                             name, shape.text()));
  }
  Fp8Scales out;
  out.block_rows = config.fp8_block_rows > 0 ? config.fp8_block_rows : kPublishedBlock;
  out.block_cols = config.fp8_block_cols > 0 ? config.fp8_block_cols : kPublishedBlock;
  std::vector<int64_t> expected = shape.dims();
  expected.end()[-2] = (expected.end()[-2] + out.block_rows - 1) / out.block_rows;
  expected.end()[-1] = (expected.end()[-1] + out.block_cols - 1) / out.block_cols;

  QN_TRY(const Tensor scales, source.load(scale_name));
  const bool known =
      scales.dtype == DType::kF32 || scales.dtype == DType::kBF16 || scales.dtype == DType::kF16;
  if (!known || scales.shape.dims() != expected) {
    return Error(fmt::format("{} has type {} and shape {}, expected f32 or bf16 and {}", what,
                             qnext::name(scales.dtype), scales.shape.text(), Shape(expected).text()));
  }
  out.values.resize(static_cast<size_t>(scales.shape.elements()));
  dequantize_row(scales.dtype, scales.data, out.values.data(), scales.shape.elements());
  for (size_t i = 0; i < out.values.size(); ++i) {
    if (std::isfinite(out.values[i]) && out.values[i] > 0) continue;
    return Error(fmt::format("{}: scale {} is {}, not a positive number", what, i, out.values[i]));
  }
  return out;
}

}  // namespace qnext
