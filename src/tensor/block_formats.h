// The block layouts of quantised types, their decoding (the definition of what a stored weight means) and
// encoding.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"
#include "tensor/dtype.h"

namespace qnext {

// Decodes `count` elements (a multiple of the type's block) at `source` into float32. Any weight type; FP8 is
// decoded without its block scales. Every value is exact or the correctly ordered float32 product the format
// prescribes (scale times integer, minus the minimum). Does not read beyond the blocks; `source` needs no
// alignment.
void dequantize_row(DType dtype, const std::byte* source, float* out, int64_t count);

// Encodes `count` float32 elements (a multiple of the block). Types: F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0,
// Q5_1, IQ4_NL, Q4_K, Q5_K, Q6_K; can_quantize() tells. Deterministic.
void quantize_row(DType dtype, const float* source, std::byte* out, int64_t count);
bool can_quantize(DType dtype);

}  // namespace qnext
