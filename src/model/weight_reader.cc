#include "model/weight_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "tensor/block_formats.h"

namespace qnext {
namespace {

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// The name of the scales that belong to a published FP8 tensor: X.weight -> X.weight_scale_inv, and for the
// fused expert tensors, whose names have no suffix, X -> X_scale_inv.
std::string scale_name(const std::string& name) { return name + "_scale_inv"; }

}  // namespace

Error WeightReader::missing(const std::string& name) const {
  return Error(fmt::format("{}: tensor {} is missing", source_.label(), name));
}

Result<Tensor> WeightReader::load(const std::string& name) {
  if (!has(name)) return missing(name);
  if (progress_) progress_(++loaded_, static_cast<int64_t>(source_.entries().size()));
  return source_.load(name);
}

Status WeightReader::add_scales(const std::string& name, int64_t count, std::vector<Matrix>& matrices) {
  const std::string scales = scale_name(name);
  if (!has(scales)) {
    return Error(
        fmt::format("{}: tensor {} has type F8_E4M3 but {} is missing", source_.label(), name, scales));
  }
  const int64_t block_rows = config_.fp8_block_rows > 0 ? config_.fp8_block_rows : 128;
  const int64_t block_cols = config_.fp8_block_cols > 0 ? config_.fp8_block_cols : 128;
  const int64_t per_matrix = ceil_div(matrices[0].rows, block_rows) * ceil_div(matrices[0].cols, block_cols);
  const TensorEntry& entry = *source_.find(scales);
  const int64_t rank = entry.shape.rank();
  if (rank < 2 || entry.shape[static_cast<int>(rank) - 1] != ceil_div(matrices[0].cols, block_cols) ||
      entry.shape.elements() != count * per_matrix) {
    return Error(fmt::format("{}: tensor {} has shape {}, expected {} blocks of {} x {} over [{}, {}]",
                             source_.label(), scales, entry.shape.text(), count * per_matrix, block_rows,
                             block_cols, matrices[0].rows, matrices[0].cols));
  }
  QN_TRY(auto values, this->values(scales, count * per_matrix));
  auto shared = std::make_shared<const std::vector<float>>(std::move(values));
  for (float s : *shared) {
    if (s <= 0) return Error(fmt::format("{}: tensor {} has a scale of {}", source_.label(), scales, s));
  }
  for (int64_t i = 0; i < count; ++i) {
    Matrix& m = matrices[static_cast<size_t>(i)];
    m.scale = shared->data() + i * per_matrix;
    m.scale_rows = block_rows;
    m.scale_cols = block_cols;
    m.scale_owner = shared;
  }
  return {};
}

Result<std::vector<Matrix>> WeightReader::matrices(const std::string& name, int64_t count, int64_t rows,
                                                   int64_t cols) {
  QN_TRY(const Tensor tensor, load(name));
  const Shape expected = count == 1 ? Shape{rows, cols} : Shape{count, rows, cols};
  const bool one_row = count == 1 && rows == 1 && tensor.shape == Shape{cols};
  const bool one_stacked = count == 1 && tensor.shape == Shape{1, rows, cols};
  if (tensor.shape != expected && !one_row && !one_stacked) {
    return Error(fmt::format("{}: tensor {} has shape {}, expected {}", source_.label(), name,
                             tensor.shape.text(), expected.text()));
  }
  if (!is_weight_type(tensor.dtype)) {
    return Error(fmt::format("{}: tensor {} has type {}, which weights cannot have", source_.label(), name,
                             qnext::name(tensor.dtype)));
  }
  std::vector<Matrix> out(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    Matrix& m = out[static_cast<size_t>(i)];
    m.dtype = tensor.dtype;
    m.rows = rows;
    m.cols = cols;
    m.layout = tensor.panels ? WeightLayout::kPanels : WeightLayout::kRows;
    m.data = tensor.data + i * rows * row_bytes(tensor.dtype, cols);
    m.owner = tensor.owner;
  }
  if (tensor.dtype == DType::kF8E4M3) QN_RETURN_IF_ERROR(add_scales(name, count, out));
  return out;
}

Result<Matrix> WeightReader::matrix(const std::string& name, int64_t rows, int64_t cols) {
  QN_TRY(auto one, matrices(name, 1, rows, cols));
  return std::move(one[0]);
}

Result<std::vector<float>> WeightReader::values(const std::string& name, int64_t count) {
  QN_TRY(const Tensor tensor, load(name));
  if (tensor.shape.elements() != count) {
    return Error(fmt::format("{}: tensor {} has shape {}, expected {} values", source_.label(), name,
                             tensor.shape.text(), count));
  }
  if (!is_weight_type(tensor.dtype) || tensor.dtype == DType::kF8E4M3) {
    return Error(fmt::format("{}: tensor {} has type {}, expected F32, BF16 or F16", source_.label(), name,
                             qnext::name(tensor.dtype)));
  }
  if (tensor.panels) {
    return Error(fmt::format("{}: tensor {} lies in panels, which only matrices do", source_.label(), name));
  }
  std::vector<float> out(static_cast<size_t>(count));
  dequantize_row(tensor.dtype, tensor.data, out.data(), count);
  for (float x : out) {
    if (!std::isfinite(x)) return Error(fmt::format("{}: tensor {} contains {}", source_.label(), name, x));
  }
  return out;
}

namespace {

// How many rows of a matrix gathered from `rows` always have the same scales, so that one row of them will
// do: the published heads are whole scale blocks, and the backends have faster layouts for those.
int64_t rows_of_a_scale(const Matrix& matrix, const std::vector<int64_t>& rows) {
  const auto together = [&](int64_t count) {
    for (size_t i = 0; i < rows.size(); ++i) {
      const int64_t first = rows[i - i % static_cast<size_t>(count)];
      if (rows[i] / matrix.scale_rows != first / matrix.scale_rows) return false;
    }
    return true;
  };
  int64_t count = matrix.scale_rows;
  while (count > 1 && !together(count)) count /= 2;
  return std::max<int64_t>(1, count);
}

}  // namespace

Matrix gather_rows(const Matrix& matrix, const std::vector<int64_t>& rows) {
  Matrix out = matrix;
  out.rows = static_cast<int64_t>(rows.size());
  auto memory = allocate_aligned(out.rows * out.stride());
  for (size_t i = 0; i < rows.size(); ++i) {
    copy_row(matrix, rows[i], memory.get() + static_cast<int64_t>(i) * out.stride());
  }
  out.layout = WeightLayout::kRows;
  out.data = memory.get();
  out.owner = std::move(memory);
  if (!matrix.scale) return out;
  const int64_t blocks = ceil_div(matrix.cols, matrix.scale_cols);
  out.scale_rows = rows_of_a_scale(matrix, rows);
  auto scales = std::make_shared<std::vector<float>>();
  for (int64_t i = 0; i < out.rows; i += out.scale_rows) {
    const float* row = matrix.scale_row(rows[static_cast<size_t>(i)]);
    scales->insert(scales->end(), row, row + blocks);
  }
  out.scale = scales->data();
  out.scale_owner = std::move(scales);
  return out;
}

Matrix row_range(const Matrix& matrix, int64_t begin, int64_t count) {
  QN_CHECK(begin >= 0 && begin + count <= matrix.rows, "rows out of range");
  const bool whole_panels =
      begin % kPanelRows == 0 && (count % kPanelRows == 0 || begin + count == matrix.rows);
  if ((matrix.scale && begin % matrix.scale_rows != 0) || (matrix.panels() > 0 && !whole_panels)) {
    std::vector<int64_t> rows(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) rows[static_cast<size_t>(i)] = begin + i;
    return gather_rows(matrix, rows);
  }
  Matrix out = matrix;
  out.rows = count;
  out.data = matrix.data + begin * matrix.stride();
  if (matrix.scale) out.scale = matrix.scale_row(begin);
  return out;
}

namespace {

// Published groups, one per key head: q (dk rows), k (dk), v (r * dv), z (r * dv).
struct QkvzGroups {
  explicit QkvzGroups(const ModelConfig& c)
      : groups(c.linear_key_heads),
        dk(c.linear_key_dim),
        rdv(c.linear_value_heads / c.linear_key_heads * c.linear_value_dim) {}
  void append(std::vector<int64_t>& rows, int64_t offset, int64_t count) const {
    for (int64_t g = 0; g < groups; ++g) {
      for (int64_t i = 0; i < count; ++i) rows.push_back(g * (2 * dk + 2 * rdv) + offset + i);
    }
  }
  int64_t groups, dk, rdv;
};

}  // namespace

std::vector<int64_t> qkv_rows(const ModelConfig& config) {
  const QkvzGroups groups(config);
  std::vector<int64_t> rows;
  groups.append(rows, 0, groups.dk);
  groups.append(rows, groups.dk, groups.dk);
  groups.append(rows, 2 * groups.dk, groups.rdv);
  return rows;
}

std::vector<int64_t> z_rows(const ModelConfig& config) {
  const QkvzGroups groups(config);
  std::vector<int64_t> rows;
  groups.append(rows, 2 * groups.dk + groups.rdv, groups.rdv);
  return rows;
}

std::vector<int64_t> ba_rows(const ModelConfig& config) {
  const int64_t r = config.linear_value_heads / config.linear_key_heads;
  std::vector<int64_t> rows;
  for (int64_t part = 0; part < 2; ++part) {
    for (int64_t g = 0; g < config.linear_key_heads; ++g) {
      for (int64_t i = 0; i < r; ++i) rows.push_back(g * 2 * r + part * r + i);
    }
  }
  return rows;
}

}  // namespace qnext
