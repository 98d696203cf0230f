// Decoders of single blocks, for block_formats.cc. Each writes kSmallBlock or kSuperBlock floats.
#pragma once

#include "tensor/block_layouts.h"

namespace qnext {

void decode(const BlockQ8_0& block, float* out);
void decode(const BlockQ4_0& block, float* out);
void decode(const BlockQ4_1& block, float* out);
void decode(const BlockQ5_0& block, float* out);
void decode(const BlockQ5_1& block, float* out);
void decode(const BlockIQ4_NL& block, float* out);
void decode(const BlockMXFP4& block, float* out);

void decode(const BlockQ2_K& block, float* out);
void decode(const BlockQ3_K& block, float* out);
void decode(const BlockQ4_K& block, float* out);
void decode(const BlockQ5_K& block, float* out);
void decode(const BlockQ6_K& block, float* out);
void decode(const BlockIQ4_XS& block, float* out);

}  // namespace qnext
