// Decoding the types with blocks of 32.
#include <cmath>

#include "tensor/block_decoders.h"

namespace qnext {
namespace {

uint32_t load_bits(const uint8_t bytes[4]) {
  return bytes[0] | (static_cast<uint32_t>(bytes[1]) << 8) | (static_cast<uint32_t>(bytes[2]) << 16) |
         (static_cast<uint32_t>(bytes[3]) << 24);
}

// Five-bit integers 0..31 of Q5_0 and Q5_1.
void unpack_five_bits(const uint8_t qs[16], const uint8_t qh[4], int q[32]) {
  const uint32_t high = load_bits(qh);
  for (int j = 0; j < 16; ++j) {
    q[j] = static_cast<int>((qs[j] & 15) | (((high >> j) & 1) << 4));
    q[j + 16] = static_cast<int>((qs[j] >> 4) | (((high >> (j + 16)) & 1) << 4));
  }
}

}  // namespace

void decode(const BlockQ8_0& block, float* out) {
  const float d = block.d.value();
  for (int j = 0; j < 32; ++j) out[j] = d * static_cast<float>(block.q[j]);
}

void decode(const BlockQ4_0& block, float* out) {
  const float d = block.d.value();
  for (int j = 0; j < 16; ++j) {
    out[j] = d * static_cast<float>((block.qs[j] & 15) - 8);
    out[j + 16] = d * static_cast<float>((block.qs[j] >> 4) - 8);
  }
}

void decode(const BlockQ4_1& block, float* out) {
  const float d = block.d.value(), m = block.m.value();
  for (int j = 0; j < 16; ++j) {
    out[j] = d * static_cast<float>(block.qs[j] & 15) + m;
    out[j + 16] = d * static_cast<float>(block.qs[j] >> 4) + m;
  }
}

void decode(const BlockQ5_0& block, float* out) {
  const float d = block.d.value();
  int q[32];
  unpack_five_bits(block.qs, block.qh, q);
  for (int j = 0; j < 32; ++j) out[j] = d * static_cast<float>(q[j] - 16);
}

void decode(const BlockQ5_1& block, float* out) {
  const float d = block.d.value(), m = block.m.value();
  int q[32];
  unpack_five_bits(block.qs, block.qh, q);
  for (int j = 0; j < 32; ++j) out[j] = d * static_cast<float>(q[j]) + m;
}

void decode(const BlockIQ4_NL& block, float* out) {
  const float d = block.d.value();
  for (int j = 0; j < 16; ++j) {
    out[j] = d * kIq4Values[block.qs[j] & 15];
    out[j + 16] = d * kIq4Values[block.qs[j] >> 4];
  }
}

void decode(const BlockMXFP4& block, float* out) {
  // Half of 2^(e-127), because the table holds doubled values. 255 is NaN in the OCP standard.
  const float half_scale = block.exponent == 255 ? std::nanf("") : std::ldexp(1.0f, block.exponent - 128);
  for (int j = 0; j < 16; ++j) {
    out[j] = half_scale * kTwiceFp4Values[block.qs[j] & 15];
    out[j + 16] = half_scale * kTwiceFp4Values[block.qs[j] >> 4];
  }
}

}  // namespace qnext
