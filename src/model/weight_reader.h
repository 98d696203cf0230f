// Checked access to the tensors of a source, one by one, in the form that weights.h wants.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "checkpoint/model_config.h"
#include "checkpoint/tensor_source.h"
#include "kernels/matrix.h"
#include "model/weights.h"

namespace qnext {

class WeightReader {
 public:
  WeightReader(const ModelConfig& config, const TensorSource& source, const LoadProgress& progress)
      : config_(config), source_(source), progress_(progress) {}

  bool has(const std::string& name) const { return source_.find(name) != nullptr; }
  // A [rows, cols] matrix in its stored type, FP8 with its checked scales.
  Result<Matrix> matrix(const std::string& name, int64_t rows, int64_t cols);
  // `count` stacked [rows, cols] matrices: a tensor of shape [count, rows, cols].
  Result<std::vector<Matrix>> matrices(const std::string& name, int64_t count, int64_t rows, int64_t cols);
  // `count` float32 values, finite, whatever the tensor's extents (a squeezed convolution, a [1, n] gate).
  Result<std::vector<float>> values(const std::string& name, int64_t count);

  const ModelConfig& config() const { return config_; }
  const TensorSource& source() const { return source_; }
  Error missing(const std::string& name) const;

 private:
  Result<Tensor> load(const std::string& name);
  Status add_scales(const std::string& name, int64_t count, std::vector<Matrix>& matrices);
  const ModelConfig& config_;
  const TensorSource& source_;
  const LoadProgress& progress_;
  int64_t loaded_ = 0;
};

// A matrix of the given rows of `matrix`, copied. FP8 scale blocks get as many rows as still share their
// scales.
Matrix gather_rows(const Matrix& matrix, const std::vector<int64_t>& rows);
// Rows [begin, begin + count), sharing the storage unless FP8 scale blocks or panels straddle its ends.
Matrix row_range(const Matrix& matrix, int64_t begin, int64_t count);

// Where the rows of the published, interleaved in_proj_qkvz and in_proj_ba go (docs/formats.md).
std::vector<int64_t> qkv_rows(const ModelConfig& config);  // all q, all k, all v
std::vector<int64_t> z_rows(const ModelConfig& config);
std::vector<int64_t> ba_rows(const ModelConfig& config);  // all b, all a

// The two name schemes.
Result<ModelWeights> load_published_weights(WeightReader& reader, bool with_mtp);
Result<ModelWeights> load_gguf_weights(WeightReader& reader, bool with_mtp);

}  // namespace qnext
