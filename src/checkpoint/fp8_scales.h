// The scales of block-wise FP8 matrices (`X.weight_scale_inv` beside `X.weight`; it multiplies despite its
// name).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "checkpoint/model_config.h"
#include "checkpoint/tensor_source.h"
#include "tensor/tensor.h"

namespace qnext {

struct Fp8Scales {
  int64_t block_rows = 0,
          block_cols = 0;     // stored elements that share a scale; the last blocks may be partial
  std::vector<float> values;  // [..., ceil(out / block_rows), ceil(in / block_cols)]
};

// The scales of tensor `name` of shape [..., out, in]; leading extents (stacked experts) are the same in
// both. Blocks are as the configuration says, 128 x 128 when it does not. An error that names file and tensor
// when they are absent, have another shape, or one of them is not a positive finite number.
Result<Fp8Scales> read_fp8_scales(const TensorSource& source, const std::string& name, const Shape& shape,
                                  const ModelConfig& config);

}  // namespace qnext
