// The bytes of one block of each quantised type, as they lie in a GGUF file (little-endian, no padding, no
// alignment). d is the block's scale, m or dmin its minimum, both binary16; docs/quantisation.md draws them.
#pragma once

#include <array>
#include <cstdint>

#include "tensor/float_formats.h"

namespace qnext {

inline constexpr int kSmallBlock = 32;   // elements of Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, IQ4_NL, MXFP4
inline constexpr int kSuperBlock = 256;  // elements of the K types and IQ4_XS

// A binary16 number at any address.
struct StoredHalf {
  uint8_t low, high;
  float value() const { return f16_to_float(static_cast<uint16_t>(low | (high << 8))); }
  void set(float value) {
    const uint16_t bits = float_to_f16(value);
    low = static_cast<uint8_t>(bits);
    high = static_cast<uint8_t>(bits >> 8);
  }
};

struct BlockQ8_0 {
  StoredHalf d;
  int8_t q[32];
};
// Nibbles: byte j holds element j in its low half and element j + 16 in its high half.
struct BlockQ4_0 {
  StoredHalf d;
  uint8_t qs[16];
};
struct BlockQ4_1 {
  StoredHalf d, m;
  uint8_t qs[16];
};
struct BlockQ5_0 {
  StoredHalf d;
  uint8_t qh[4];  // bit e: fifth bit of element e
  uint8_t qs[16];
};
struct BlockQ5_1 {
  StoredHalf d, m;
  uint8_t qh[4];
  uint8_t qs[16];
};
struct BlockIQ4_NL {
  StoredHalf d;
  uint8_t qs[16];
};
struct BlockMXFP4 {
  uint8_t exponent;
  uint8_t qs[16];
};

struct BlockQ2_K {
  uint8_t scales[16];  // low nibble scale, high nibble minimum, of 16 elements
  uint8_t qs[64];
  StoredHalf d, dmin;
};
struct BlockQ3_K {
  uint8_t high_mask[32];
  uint8_t qs[64];
  uint8_t scales[12];
  StoredHalf d;
};
struct BlockQ4_K {
  StoredHalf d, dmin;
  uint8_t scales[12];
  uint8_t qs[128];
};
struct BlockQ5_K {
  StoredHalf d, dmin;
  uint8_t scales[12];
  uint8_t qh[32];
  uint8_t qs[128];
};
struct BlockQ6_K {
  uint8_t ql[128];
  uint8_t qh[64];
  int8_t scales[16];
  StoredHalf d;
};
struct BlockIQ4_XS {
  StoredHalf d;
  uint8_t scales_high[2];
  uint8_t scales_low[4];
  uint8_t qs[128];
};

static_assert(sizeof(BlockQ8_0) == 34 && sizeof(BlockQ4_0) == 18 && sizeof(BlockQ4_1) == 20 &&
              sizeof(BlockQ5_0) == 22 && sizeof(BlockQ5_1) == 24 && sizeof(BlockIQ4_NL) == 18 &&
              sizeof(BlockMXFP4) == 17 && sizeof(BlockQ2_K) == 84 && sizeof(BlockQ3_K) == 110 &&
              sizeof(BlockQ4_K) == 144 && sizeof(BlockQ5_K) == 176 && sizeof(BlockQ6_K) == 210 &&
              sizeof(BlockIQ4_XS) == 136);

// What a nibble of IQ4_NL and IQ4_XS stands for, and twice what one of MXFP4 (FP4 E2M1) does.
inline constexpr std::array<int8_t, 16> kIq4Values{-127, -104, -83, -65, -49, -35, -22, -10,
                                                   1,    13,   25,  38,  53,  69,  89,  113};
inline constexpr std::array<int8_t, 16> kTwiceFp4Values{0, 1,  2,  3,  4,  6,  8,  12,
                                                        0, -1, -2, -3, -4, -6, -8, -12};

// The eight 6-bit scales and 6-bit minima that Q4_K and Q5_K pack into 12 bytes: the first four in the low
// six bits of bytes 0-3 (minima 4-7), the others in the nibbles of bytes 8-11 with their top two bits in the
// top two bits of bytes 0-3 (minima 4-7).
struct ScaleMin {
  uint8_t scale, min;
};
inline ScaleMin unpack_scale_min(const uint8_t* packed, int i) {
  if (i < 4) return {static_cast<uint8_t>(packed[i] & 63), static_cast<uint8_t>(packed[i + 4] & 63)};
  return {static_cast<uint8_t>((packed[i + 4] & 15) | ((packed[i - 4] >> 6) << 4)),
          static_cast<uint8_t>((packed[i + 4] >> 4) | ((packed[i] >> 6) << 4))};
}

}  // namespace qnext
