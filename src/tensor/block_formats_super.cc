// Decoding the types with blocks of 256, made of sub-blocks of 16 or 32 that have small integer scales.
#include "tensor/block_decoders.h"

namespace qnext {

void decode(const BlockQ2_K& block, float* out) {
  const float d = block.d.value(), dmin = block.dmin.value();
  for (int i = 0; i < 16; ++i) {  // sub-block of 16: half i/8, run (i%8)/2 of that half, lanes 16*(i%2)..+15
    const float scale = d * static_cast<float>(block.scales[i] & 15);
    const float min = dmin * static_cast<float>(block.scales[i] >> 4);
    const uint8_t* qs = block.qs + 32 * (i / 8) + 16 * (i % 2);
    const int shift = 2 * (i % 8 / 2);
    for (int l = 0; l < 16; ++l) out[16 * i + l] = scale * static_cast<float>((qs[l] >> shift) & 3) - min;
  }
}

void decode(const BlockQ3_K& block, float* out) {
  const float d = block.d.value();
  for (int i = 0; i < 16; ++i) {
    const int low = i < 8 ? block.scales[i] & 15 : block.scales[i - 8] >> 4;
    const int high = (block.scales[8 + i % 4] >> (2 * (i / 4))) & 3;
    const float scale = d * static_cast<float>((low | (high << 4)) - 32);
    const int run = i / 2;  // 0..7, four per half; its mask bit has the same number
    const uint8_t* qs = block.qs + 32 * (i / 8) + 16 * (i % 2);
    const uint8_t* mask = block.high_mask + 16 * (i % 2);
    const int shift = 2 * (run % 4);
    for (int l = 0; l < 16; ++l) {
      const int q = ((qs[l] >> shift) & 3) - 4 + 4 * ((mask[l] >> run) & 1);
      out[16 * i + l] = scale * static_cast<float>(q);
    }
  }
}

void decode(const BlockQ4_K& block, float* out) {
  const float d = block.d.value(), dmin = block.dmin.value();
  for (int run = 0; run < 4; ++run) {
    const ScaleMin low = unpack_scale_min(block.scales, 2 * run);
    const ScaleMin high = unpack_scale_min(block.scales, 2 * run + 1);
    const float scale0 = d * low.scale, min0 = dmin * low.min;
    const float scale1 = d * high.scale, min1 = dmin * high.min;
    const uint8_t* qs = block.qs + 32 * run;
    float* to = out + 64 * run;
    for (int l = 0; l < 32; ++l) to[l] = scale0 * static_cast<float>(qs[l] & 15) - min0;
    for (int l = 0; l < 32; ++l) to[32 + l] = scale1 * static_cast<float>(qs[l] >> 4) - min1;
  }
}

void decode(const BlockQ5_K& block, float* out) {
  const float d = block.d.value(), dmin = block.dmin.value();
  for (int i = 0; i < 8; ++i) {
    const ScaleMin s = unpack_scale_min(block.scales, i);
    const float scale = d * s.scale, min = dmin * s.min;
    const uint8_t* qs = block.qs + 32 * (i / 2);
    const int shift = 4 * (i % 2);
    for (int l = 0; l < 32; ++l) {
      const int q = ((qs[l] >> shift) & 15) | (((block.qh[l] >> i) & 1) << 4);
      out[32 * i + l] = scale * static_cast<float>(q) - min;
    }
  }
}

void decode(const BlockQ6_K& block, float* out) {
  const float d = block.d.value();
  for (int i = 0; i < 16; ++i) {  // half i/8, quarter k of the half, lanes 16*(i%2)..+15
    const int half = i / 8, k = i % 8 / 2, lane = 16 * (i % 2);
    const float scale = d * static_cast<float>(block.scales[i]);
    const uint8_t* ql = block.ql + 64 * half + 32 * (k % 2) + lane;
    const uint8_t* qh = block.qh + 32 * half + lane;
    const int low_shift = 4 * (k / 2), high_shift = 2 * k;
    for (int l = 0; l < 16; ++l) {
      const int q = ((ql[l] >> low_shift) & 15) | (((qh[l] >> high_shift) & 3) << 4);
      out[16 * i + l] = scale * static_cast<float>(q - 32);
    }
  }
}

void decode(const BlockIQ4_XS& block, float* out) {
  const float d = block.d.value();
  const int high = block.scales_high[0] | (block.scales_high[1] << 8);
  for (int i = 0; i < 8; ++i) {
    const int s = ((block.scales_low[i / 2] >> (4 * (i % 2))) & 15) | (((high >> (2 * i)) & 3) << 4);
    const float scale = d * static_cast<float>(s - 32);
    const uint8_t* qs = block.qs + 16 * i;
    for (int l = 0; l < 16; ++l) {
      out[32 * i + l] = scale * kIq4Values[qs[l] & 15];
      out[32 * i + l + 16] = scale * kIq4Values[qs[l] >> 4];
    }
  }
}

}  // namespace qnext
