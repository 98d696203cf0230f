// Encoders of single blocks, for quantize.cc: kSmallBlock or kSuperBlock floats to one block. They choose
// scales by search (scale_search.h). Inputs that are not finite count as zero; docs/quantisation.md has the
// method and what it gains.
#pragma once

#include "tensor/block_layouts.h"

namespace qnext {

void encode(const float* x, BlockQ8_0& block);
void encode(const float* x, BlockQ4_0& block);
void encode(const float* x, BlockQ4_1& block);
void encode(const float* x, BlockQ5_0& block);
void encode(const float* x, BlockQ5_1& block);
void encode(const float* x, BlockIQ4_NL& block);

void encode(const float* x, BlockQ4_K& block);
void encode(const float* x, BlockQ5_K& block);
void encode(const float* x, BlockQ6_K& block);

}  // namespace qnext
