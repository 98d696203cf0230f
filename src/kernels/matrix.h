// A weight matrix as the kernels see it, and the definition of the values it stands for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "tensor/panels.h"
#include "tensor/tensor.h"

namespace qnext {

namespace cpu {
class WaitingPanels;
}

enum class WeightLayout : uint8_t {
  kRows,    // one row after the other, as in published files
  kPanels,  // tensor/panels.h: panels of 16 rows, then the rows that are left over
};

// rows = out_features, cols = in_features; y = W x. Copying shares the storage.
struct Matrix {
  DType dtype = DType::kF32;
  int64_t rows = 0, cols = 0;  // cols is a multiple of the type's block
  WeightLayout layout = WeightLayout::kRows;
  const std::byte* data = nullptr;  // rows * stride() bytes
  // FP8 only: element (i, j) is multiplied by scale[i / scale_rows][j / scale_cols].
  const float* scale = nullptr;  // [ceil(rows / scale_rows), ceil(cols / scale_cols)]
  int64_t scale_rows = 0, scale_cols = 0;
  std::shared_ptr<const void> owner;        // keeps data alive
  std::shared_ptr<const void> scale_owner;  // keeps scale alive
  // Null, or what packs panels that are not at `data` yet when the cpu backend uses them.
  std::shared_ptr<cpu::WaitingPanels> waiting;

  int64_t stride() const { return row_bytes(dtype, cols); }
  // Not for rows that lie in a panel.
  const std::byte* row(int64_t i) const { return data + i * stride(); }
  int64_t panels() const { return layout == WeightLayout::kPanels ? rows / kPanelRows : 0; }
  const std::byte* panel(int64_t i) const { return data + i * kPanelRows * stride(); }
  const float* scale_row(int64_t i) const {
    return scale + i / scale_rows * ((cols + scale_cols - 1) / scale_cols);
  }
  int64_t bytes() const { return rows * stride(); }
  bool empty() const { return data == nullptr; }
};

// A tensor of rank 2 (or rank 1 as one row) without scales.
Matrix matrix_of(const Tensor& tensor);

// The same values in panels, packed into `memory` of w.bytes() bytes, which `owner` keeps alive. Panels
// [first, last) are written, and the left-over rows with the last panel; so threads can share the work.
void pack_panels(const Matrix& w, int64_t first, int64_t last, std::byte* memory);

// Row `i` as it is stored in rows: w.stride() bytes.
void copy_row(const Matrix& w, int64_t i, std::byte* out);

// Row `i` in float32: out[cols]. FP8 values times their scales in float32.
void read_row(const Matrix& matrix, int64_t i, float* out);

}  // namespace qnext
