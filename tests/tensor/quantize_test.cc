// Encoding: how far what is read back lies from what was stored, for ordinary and for odd rows.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <vector>

#include "tensor/block_formats.h"
#include "tensor/float_formats.h"

namespace qnext {
namespace {

constexpr int kRow = 1024;

struct Type {
  DType type;
  int levels;       // between the ends of a block's range
  double gaussian;  // bound of the relative RMS error of normally distributed values
};
// The bounds are what the method gives plus a tenth; plain rounding to the largest value of each block, which
// PlainRule below does, is at 0.0056, 0.093, 0.045, 0.079 and 0.038 for the first five.
const std::vector<Type> kTypes = {
    {DType::kQ8_0, 254, 0.0056}, {DType::kQ4_0, 15, 0.085}, {DType::kQ5_0, 31, 0.043},
    {DType::kQ4_1, 15, 0.076},   {DType::kQ5_1, 31, 0.037}, {DType::kIQ4_NL, 15, 0.076},
    {DType::kQ4_K, 15, 0.076},   {DType::kQ5_K, 31, 0.038}, {DType::kQ6_K, 63, 0.0185},
};

std::vector<float> through(DType type, const std::vector<float>& values) {
  const auto count = static_cast<int64_t>(values.size());
  std::vector<std::byte> stored(static_cast<size_t>(row_bytes(type, count)));
  std::vector<float> back(values.size());
  quantize_row(type, values.data(), stored.data(), count);
  dequantize_row(type, stored.data(), back.data(), count);
  return back;
}

double square_error(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
  return sum;
}

double relative_rms(const std::vector<float>& values, const std::vector<float>& back) {
  const std::vector<float> zeros(values.size());
  return std::sqrt(square_error(values, back) / square_error(values, zeros));
}

float largest(const std::vector<float>& values) {
  float most = 0;
  for (const float v : values) most = std::max(most, std::abs(v));
  return most;
}

std::vector<float> draw(uint32_t seed, const std::function<float(float)>& shape, int count = kRow) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(count));
  for (float& v : values) v = shape(normal(random));
  return values;
}

class Quantize : public testing::TestWithParam<Type> {
 protected:
  const DType type_ = GetParam().type;
  const int block_ = info(type_).block;
};

TEST_P(Quantize, CanBeDone) { EXPECT_TRUE(can_quantize(type_)); }

TEST_P(Quantize, NormalValues) {
  const auto values = draw(
      1, [](float v) { return 0.02f * v; }, 64 * 1024);
  EXPECT_LT(relative_rms(values, through(type_, values)), GetParam().gaussian);
}

// The search lets the largest element stand up to 1.6 steps beyond the grid; nothing else is further off.
TEST_P(Quantize, NoElementIsFarOff) {
  for (const auto& shape : std::vector<std::function<float(float)>>{
           [](float v) { return v; }, [](float v) { return v * v * v; },
           [](float v) { return -std::abs(v) - 0.5f; }, [](float v) { return std::abs(v); },
           [](float v) { return 1000 * v; }, [](float v) { return 1e-3f * v; }}) {
    const auto values = draw(2, shape);
    const auto back = through(type_, values);
    for (size_t begin = 0; begin < values.size(); begin += static_cast<size_t>(block_)) {
      const auto end = begin + static_cast<size_t>(block_);
      const float peak =
          largest({values.begin() + static_cast<long>(begin), values.begin() + static_cast<long>(end)});
      const double step = 2.0 * peak / GetParam().levels * (type_ == DType::kIQ4_NL ? 1.5 : 1.0);
      for (size_t i = begin; i < end; ++i) ASSERT_NEAR(back[i], values[i], 1.6 * step) << i;
    }
  }
}

TEST_P(Quantize, ZerosStayZeros) {
  for (const float v : through(type_, std::vector<float>(kRow, 0.0f))) EXPECT_EQ(v, 0);
  for (const float v : through(type_, std::vector<float>(kRow, -0.0f))) EXPECT_EQ(v, 0);
}

// A scale of 11 bits, and in the super-blocks another of 6 bits, represent one number well; a scale below
// 2^-14 has fewer bits.
TEST_P(Quantize, Constants) {
  for (const float c : {1.0f, -1.0f, 0.3f, -0.7f, 1234.5f, 0.02f, -2e-3f, 1e-4f}) {
    const double bound = std::abs(c) > 0.1f ? 1e-3 : 1e-2;
    for (const float v : through(type_, std::vector<float>(kRow, c))) ASSERT_NEAR(v / c, 1, bound) << c;
  }
}

TEST_P(Quantize, OneOutlier) {
  for (const float outlier : {100.0f, -100.0f}) {
    for (const size_t at : {size_t{0}, size_t{17}, size_t{255}, size_t{1023}}) {
      auto values = draw(3, [](float v) { return 0.01f * v; });
      values[at] = outlier;
      const auto back = through(type_, values);
      // IQ4_NL has no zero: 31 neighbours pull at the scale.
      EXPECT_NEAR(back[at] / outlier, 1, type_ == DType::kIQ4_NL ? 3e-3 : 2e-3) << at;
      // Its neighbours drown in it, but stay small; other blocks do not notice.
      for (size_t i = 0; i < values.size(); ++i) {
        if (i == at) continue;
        const bool same_block = i / static_cast<size_t>(block_) == at / static_cast<size_t>(block_);
        ASSERT_NEAR(back[i], values[i], same_block ? 100.0 / GetParam().levels : 0.01) << i;
      }
    }
  }
}

TEST_P(Quantize, OneSign) {
  for (const float sign : {1.0f, -1.0f}) {
    const auto values = draw(4, [&](float v) { return sign * (1 + 0.2f * std::tanh(v)); });
    EXPECT_LT(relative_rms(values, through(type_, values)), 0.06) << sign;
  }
}

TEST_P(Quantize, TinyValuesGiveTinyValues) {
  for (const float scale : {1e-44f, 1e-40f, 1e-38f, 1e-30f, 1e-20f, 1e-10f, 1e-8f, 1e-7f, 1e-6f}) {
    const auto values = draw(5, [&](float v) { return scale * v; });
    const auto back = through(type_, values);
    // A binary16 scale is a multiple of 2^-24, so what is smaller is lost; but nothing grows by more than
    // half a step.
    for (const float v : back) ASSERT_LE(std::abs(v), 1.1f * largest(values) + 0x1p-24f) << scale;
    EXPECT_LE(square_error(values, back), 1.01 * square_error(values, std::vector<float>(values.size())));
  }
}

TEST_P(Quantize, HugeValuesStayFinite) {
  for (const float scale : {1e5f, 1e8f, 1e20f, 3e37f}) {
    for (const float v : through(type_, draw(6, [&](float x) { return scale * x; })))
      ASSERT_TRUE(std::isfinite(v));
  }
  const auto fitting = draw(7, [](float v) { return 1e4f * v; });
  EXPECT_LT(relative_rms(fitting, through(type_, fitting)), 1.1 * GetParam().gaussian);
}

TEST_P(Quantize, WhatIsNotFiniteCountsAsZero) {
  auto values = draw(8, [](float v) { return v; });
  auto zeroed = values;
  for (const size_t at : {size_t{3}, size_t{40}, size_t{700}}) zeroed[at] = 0;
  values[3] = NAN;
  values[40] = INFINITY;
  values[700] = -INFINITY;
  EXPECT_EQ(through(type_, values), through(type_, zeroed));
}

TEST_P(Quantize, BlocksDoNotSeeEachOther) {
  const auto values = draw(9, [](float v) { return v * v * v; });
  const auto whole = through(type_, values);
  for (size_t begin = 0; begin < values.size(); begin += static_cast<size_t>(block_)) {
    const auto from = values.begin() + static_cast<long>(begin);
    const auto part = through(type_, {from, from + block_});
    EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + static_cast<long>(begin)));
  }
}

// What was read back is stored again without further loss, nearly: a scale may come out one bit different.
TEST_P(Quantize, TwiceIsLikeOnce) {
  const auto once = through(type_, draw(10, [](float v) { return v; }));
  EXPECT_LT(relative_rms(once, through(type_, once)), 0.02);
}

TEST_P(Quantize, PartsOfBlocksAreBugs) {
  const std::vector<float> values(kRow);
  std::byte out[8] = {};
  EXPECT_DEATH(quantize_row(type_, values.data(), out, block_ + 1), "whole blocks");
  quantize_row(type_, nullptr, nullptr, 0);  // a row of nothing is one
}

INSTANTIATE_TEST_SUITE_P(AllTypes, Quantize, testing::ValuesIn(kTypes),
                         [](const auto& test) { return std::string(name(test.param.type)); });

TEST(QuantizeAll, EveryTypeThatCanBeWrittenIsTested) {
  for (int i = 0; i <= static_cast<int>(DType::kIQ4_XS); ++i) {
    const auto type = static_cast<DType>(i);
    const bool tested =
        std::any_of(kTypes.begin(), kTypes.end(), [&](const Type& t) { return t.type == type; });
    EXPECT_EQ(tested, is_quantised(type) && can_quantize(type)) << name(type);
  }
  EXPECT_FALSE(can_quantize(DType::kF8E4M3));
  EXPECT_DEATH(quantize_row(DType::kMXFP4, std::vector<float>(32).data(), nullptr, 32), "not implemented");
}

// Rounding to a scale (and minimum) taken from the block's ends, the rule that every description of these
// types gives. The search must not be worse on any block.
struct PlainRule {
  DType type;
  int low, high;  // integers
  bool affine;

  std::vector<float> operator()(const std::vector<float>& x) const {
    const auto [least, most] = std::minmax_element(x.begin(), x.end());
    float d, m = 0;
    if (affine) {
      d = (*most - *least) / static_cast<float>(high);
      m = f16_to_float(float_to_f16(*least));
    } else if (low == -127) {
      d = largest(x) / 127;
    } else {
      d = (-*least > *most ? *least : *most) / static_cast<float>(low);
    }
    d = f16_to_float(float_to_f16(d));
    std::vector<float> back;
    for (const float v : x) {
      const float q =
          d != 0 ? std::clamp(std::round((v - m) / d), static_cast<float>(low), static_cast<float>(high)) : 0;
      back.push_back(d * q + m);
    }
    return back;
  }
};

TEST(QuantizeAll, TheSearchBeatsThePlainRule) {
  for (const PlainRule& rule :
       {PlainRule{DType::kQ8_0, -127, 127, false}, PlainRule{DType::kQ4_0, -8, 7, false},
        PlainRule{DType::kQ5_0, -16, 15, false}, PlainRule{DType::kQ4_1, 0, 15, true},
        PlainRule{DType::kQ5_1, 0, 31, true}}) {
    double searched = 0, plain = 0;
    for (uint32_t seed = 0; seed < 300; ++seed) {
      const auto values = draw(
          seed, [&](float v) { return seed % 3 == 0   ? v * v * v
                                      : seed % 3 == 1 ? v
                                                      : v - 2; }, 32);
      const double a = square_error(values, through(rule.type, values)),
                   b = square_error(values, rule(values));
      EXPECT_LE(a, 1.02 * b) << name(rule.type) << " seed " << seed;  // scales are rounded after the search
      searched += a;
      plain += b;
    }
    EXPECT_LT(searched, 0.97 * plain) << name(rule.type);
  }
}

}  // namespace
}  // namespace qnext
