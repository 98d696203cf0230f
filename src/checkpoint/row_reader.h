// The rows of one stored tensor as float32, whatever its type.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/model_config.h"
#include "checkpoint/tensor_source.h"

namespace qnext {

class RowReader {
 public:
  // Loads the tensor and, for FP8, its block scales NAME_scale_inv, whose shape it checks. Matrices of a
  // stacked tensor [experts, rows, cols] have scale blocks of their own.
  static Result<RowReader> open(const TensorSource& source, const std::string& name,
                                const ModelConfig& config);

  // Row of the tensor with all extents but the last taken together. `out` has room for `cols` values.
  void read(int64_t row, int64_t cols, float* out) const;
  // The same row as it is stored when in rows: row_bytes(type, cols) bytes.
  void copy(int64_t row, int64_t cols, std::byte* out) const;
  const Tensor& tensor() const { return tensor_; }

 private:
  Tensor tensor_;
  std::vector<float> scales_;  // [matrices * block rows, block columns]; empty unless FP8
  int64_t rows_per_matrix_ = 0, block_rows_ = 0, block_cols_ = 0;
};

}  // namespace qnext
