#include "tensor/float_formats.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "tensor/block_formats.h"

namespace qnext {
namespace {

// The value of a small float format's code, from its definition.
double value_of(uint32_t code, int exponent_bits, int mantissa_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const uint32_t mantissa = code & ((1u << mantissa_bits) - 1);
  const int exponent = static_cast<int>((code >> mantissa_bits) & ((1u << exponent_bits) - 1));
  const double sign = (code >> (exponent_bits + mantissa_bits)) != 0 ? -1 : 1;
  const double fraction = static_cast<double>(mantissa) / (1 << mantissa_bits);
  if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias);
  return sign * std::ldexp(1 + fraction, exponent - bias);
}

bool same_bits(float a, double b) {
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(static_cast<float>(b));
}

TEST(FloatFormats, E4M3AllCodes) {
  for (uint32_t code = 0; code < 256; ++code) {
    const float value = e4m3_to_float(static_cast<uint8_t>(code));
    if ((code & 0x7f) == 0x7f) {
      EXPECT_TRUE(std::isnan(value)) << code;
    } else {
      EXPECT_TRUE(same_bits(value, value_of(code, 4, 3))) << code << " gives " << value;
    }
    const auto byte = static_cast<std::byte>(code);
    float row = 0;
    dequantize_row(DType::kF8E4M3, &byte, &row, 1);
    EXPECT_TRUE(same_bits(row, value) || (std::isnan(row) && std::isnan(value))) << code;
  }
  EXPECT_EQ(e4m3_to_float(0x7e), 448);
  EXPECT_EQ(e4m3_to_float(0x01), 0x1p-9f);
}

TEST(FloatFormats, HalvesWidenExactly) {
  for (uint32_t code = 0; code < 65536; ++code) {
    const auto bits = static_cast<uint16_t>(code);
    const float half = f16_to_float(bits), brain = bf16_to_float(bits);
    if ((code & 0x7c00) != 0x7c00) {
      ASSERT_TRUE(same_bits(half, value_of(code, 5, 10))) << code;
    } else if ((code & 0x3ff) == 0) {
      ASSERT_EQ(half, code & 0x8000 ? -INFINITY : INFINITY);
    } else {
      ASSERT_TRUE(std::isnan(half)) << code;
    }
    ASSERT_EQ(std::bit_cast<uint32_t>(brain), code << 16);
  }
}

TEST(FloatFormats, WhatHasAPlaceKeepsIt) {
  for (uint32_t code = 0; code < 65536; ++code) {
    const auto bits = static_cast<uint16_t>(code);
    if (const float half = f16_to_float(bits); std::isnan(half)) {
      ASSERT_TRUE(std::isnan(f16_to_float(float_to_f16(half)))) << code;
    } else {
      ASSERT_EQ(float_to_f16(half), bits);
    }
    if (const float brain = bf16_to_float(bits); std::isnan(brain)) {
      ASSERT_TRUE(std::isnan(bf16_to_float(float_to_bf16(brain)))) << code;
    } else {
      ASSERT_EQ(float_to_bf16(brain), bits);
    }
  }
}

// Between two neighbours the nearer one is taken, halfway the one with an even code.
template <class Widen, class Narrow>
void check_rounding(Widen widen, Narrow narrow, uint32_t last_finite) {
  for (uint32_t code = 0; code < last_finite; ++code) {
    const float low = widen(static_cast<uint16_t>(code)), high = widen(static_cast<uint16_t>(code + 1));
    const auto middle = static_cast<float>((static_cast<double>(low) + high) / 2);  // exact in float32
    const uint32_t even = code % 2 == 0 ? code : code + 1;
    for (const uint32_t sign : {0u, 0x8000u}) {
      const float s = sign != 0 ? -1.0f : 1.0f;
      ASSERT_EQ(narrow(s * middle), even | sign) << code;
      ASSERT_EQ(narrow(s * std::nextafter(middle, -INFINITY)), code | sign) << code;
      ASSERT_EQ(narrow(s * std::nextafter(middle, INFINITY)), (code + 1) | sign) << code;
    }
  }
}

TEST(FloatFormats, F16RoundsToNearestEven) { check_rounding(f16_to_float, float_to_f16, 0x7bff); }
TEST(FloatFormats, BF16RoundsToNearestEven) { check_rounding(bf16_to_float, float_to_bf16, 0x7f7f); }

TEST(FloatFormats, BeyondTheLargestComesInfinity) {
  EXPECT_EQ(float_to_f16(65519.996f), 0x7bff);
  EXPECT_EQ(float_to_f16(65520), 0x7c00);  // halfway to 65536
  EXPECT_EQ(float_to_f16(-1e30f), 0xfc00);
  EXPECT_EQ(float_to_f16(INFINITY), 0x7c00);
  EXPECT_EQ(float_to_bf16(std::numeric_limits<float>::max()), 0x7f80);
  EXPECT_EQ(float_to_bf16(-INFINITY), 0xff80);
}

TEST(FloatFormats, TheSmallestGoToZeroWithTheirSign) {
  EXPECT_EQ(float_to_f16(0x1p-25f), 0);  // halfway to the smallest, zero is even
  EXPECT_EQ(float_to_f16(-0x1.000002p-25f), 0x8001);
  EXPECT_EQ(float_to_f16(-1e-30f), 0x8000);
  EXPECT_EQ(float_to_bf16(-0x1p-149f), 0x8000);
}

TEST(FloatFormats, RowsOfPlainTypes) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> values(37), back(37);  // no multiple of any vector
  for (float& v : values) v = normal(random);
  for (const DType type : {DType::kF32, DType::kF16, DType::kBF16}) {
    std::vector<std::byte> stored(static_cast<size_t>(row_bytes(type, 37)) + 1);
    quantize_row(type, values.data(), stored.data() + 1, 37);  // an odd address
    dequantize_row(type, stored.data() + 1, back.data(), 37);
    for (size_t i = 0; i < values.size(); ++i) {
      const float expected = type == DType::kF32   ? values[i]
                             : type == DType::kF16 ? f16_to_float(float_to_f16(values[i]))
                                                   : bf16_to_float(float_to_bf16(values[i]));
      EXPECT_EQ(back[i], expected);
    }
  }
}

}  // namespace
}  // namespace qnext
