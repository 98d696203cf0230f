// Every block format against formulas written from its description, byte by byte, without the layouts that
// the decoders use.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>
#include <vector>

#include "tensor/block_formats.h"
#include "tensor/float_formats.h"

namespace qnext {
namespace {

using Bytes = const uint8_t*;

double half(Bytes b) { return f16_to_float(static_cast<uint16_t>(b[0] | b[1] << 8)); }
int nibble(Bytes qs, int e) { return e < 16 ? qs[e] & 15 : qs[e - 16] >> 4; }
int fifth_bit(Bytes qh, int e) { return qh[e / 8] >> (e % 8) & 1; }
double signed_byte(uint8_t b) { return static_cast<int8_t>(b); }

constexpr int kIq4[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
constexpr double kFp4[16] = {0, .5, 1, 1.5, 2, 3, 4, 6, -0., -.5, -1, -1.5, -2, -3, -4, -6};

// Element e of a block.
double q8_0(Bytes b, int e) { return half(b) * signed_byte(b[2 + e]); }
double q4_0(Bytes b, int e) { return half(b) * (nibble(b + 2, e) - 8); }
double q4_1(Bytes b, int e) { return half(b) * nibble(b + 4, e) + half(b + 2); }
double q5_0(Bytes b, int e) { return half(b) * ((nibble(b + 6, e) | fifth_bit(b + 2, e) << 4) - 16); }
double q5_1(Bytes b, int e) { return half(b) * (nibble(b + 8, e) | fifth_bit(b + 4, e) << 4) + half(b + 2); }
double iq4_nl(Bytes b, int e) { return half(b) * kIq4[nibble(b + 2, e)]; }
double mxfp4(Bytes b, int e) { return std::ldexp(kFp4[nibble(b + 1, e)], b[0] - 127); }

void scale_and_min(Bytes sc, int b, int& s, int& m) {
  if (b < 4) {
    s = sc[b] & 63;
    m = sc[b + 4] & 63;
  } else {
    s = (sc[b + 4] & 15) | (sc[b - 4] >> 6) << 4;
    m = (sc[b + 4] >> 4) | (sc[b] >> 6) << 4;
  }
}
double affine_k(Bytes b, int e, Bytes qs, Bytes qh) {
  int s, m;
  const int sub = e / 32, lane = e % 32;
  scale_and_min(b + 4, sub, s, m);
  const uint8_t byte = qs[32 * (sub / 2) + lane];
  int q = sub % 2 == 0 ? byte & 15 : byte >> 4;
  if (qh) q += 16 * (qh[lane] >> sub & 1);
  return half(b) * s * q - half(b + 2) * m;
}
double q4_k(Bytes b, int e) { return affine_k(b, e, b + 16, nullptr); }
double q5_k(Bytes b, int e) { return affine_k(b, e, b + 48, b + 16); }
double q6_k(Bytes b, int e) {
  const int n = e / 128, k = e % 128 / 32, l = e % 32, is = l / 16;
  Bytes ql = b + 64 * n, qh = b + 128 + 32 * n, sc = b + 192 + 8 * n;
  const uint8_t low = ql[l + (k % 2) * 32];
  const int q = (k < 2 ? low & 15 : low >> 4) | (qh[l] >> (2 * k) & 3) << 4;
  return half(b + 208) * signed_byte(sc[is + 2 * k]) * (q - 32);
}
double q3_k(Bytes b, int e) {
  Bytes hm = b, qs = b + 32, sc = b + 96;
  const int n = e / 128, j = e % 128 / 32, l = e % 32, i = 8 * n + 2 * j + l / 16;
  const int q = (qs[32 * n + l] >> (2 * j) & 3) - (hm[l] >> (4 * n + j) & 1 ? 0 : 4);
  const int low = i < 8 ? sc[i] & 15 : sc[i - 8] >> 4, high = sc[8 + i % 4] >> (2 * (i / 4)) & 3;
  return half(b + 108) * ((low | high << 4) - 32) * q;
}
double q2_k(Bytes b, int e) {
  const int n = e / 128, run = e % 128 / 32, l = e % 32;
  const int q = b[16 + 32 * n + l] >> (2 * run) & 3;
  const uint8_t sc = b[e / 16];
  return half(b + 80) * (sc & 15) * q - half(b + 82) * (sc >> 4);
}
double iq4_xs(Bytes b, int e) {
  const int sub = e / 32, high = b[2] | b[3] << 8;
  const int s = (b[4 + sub / 2] >> (4 * (sub & 1)) & 15) | (high >> (2 * sub) & 3) << 4;
  return half(b) * (s - 32) * kIq4[nibble(b + 8 + 16 * sub, e % 32)];
}

struct Format {
  DType type;
  std::function<double(Bytes, int)> element;
  std::vector<int> halves;  // offsets of binary16 numbers
};

const std::vector<Format> kFormats = {
    {DType::kQ8_0, q8_0, {0}},     {DType::kQ4_0, q4_0, {0}},      {DType::kQ4_1, q4_1, {0, 2}},
    {DType::kQ5_0, q5_0, {0}},     {DType::kQ5_1, q5_1, {0, 2}},   {DType::kIQ4_NL, iq4_nl, {0}},
    {DType::kMXFP4, mxfp4, {}},    {DType::kQ2_K, q2_k, {80, 82}}, {DType::kQ3_K, q3_k, {108}},
    {DType::kQ4_K, q4_k, {0, 2}},  {DType::kQ5_K, q5_k, {0, 2}},   {DType::kQ6_K, q6_k, {208}},
    {DType::kIQ4_XS, iq4_xs, {0}},
};

class BlockDecode : public testing::TestWithParam<Format> {};

TEST_P(BlockDecode, AgreesWithTheFormula) {
  const Format& format = GetParam();
  const int block = info(format.type).block, bytes = info(format.type).bytes, blocks = 50;
  std::mt19937 random(7);
  std::vector<uint8_t> data(static_cast<size_t>(blocks * bytes + 1));  // the row starts at an odd address
  for (uint8_t& b : data) b = static_cast<uint8_t>(random());
  uint8_t* row = data.data() + 1;
  for (int b = 0; b < blocks; ++b) {
    for (const int at : format.halves) {
      uint16_t bits = static_cast<uint16_t>(random());
      if ((bits & 0x7c00) == 0x7c00) bits ^= 0x4000;              // finite
      if (b == 0) bits = static_cast<uint16_t>(random() % 1024);  // subnormal
      row[b * bytes + at] = static_cast<uint8_t>(bits);
      row[b * bytes + at + 1] = static_cast<uint8_t>(bits >> 8);
    }
    if (format.type == DType::kMXFP4) row[b * bytes] = static_cast<uint8_t>(b == 0 ? 0 : 1 + random() % 253);
  }
  std::vector<float> out(static_cast<size_t>(blocks * block));
  dequantize_row(format.type, reinterpret_cast<const std::byte*>(row), out.data(), blocks * block);
  for (int i = 0; i < blocks * block; ++i) {
    Bytes b = row + i / block * bytes;
    const double expected = format.element(b, i % block);
    // Two products and a sum in float32; the terms of the affine types may cancel.
    double size = std::abs(expected);
    for (const int at : format.halves) size = std::max(size, std::abs(half(b + at)) * (block > 32 ? 63 : 1));
    ASSERT_NEAR(out[static_cast<size_t>(i)], expected, 4 * 0x1p-24 * size * (block > 32 ? 32 : 1))
        << "block " << i / block << " element " << i % block;
  }
}

TEST_P(BlockDecode, NothingIsNothing) {
  float none = 5;
  dequantize_row(GetParam().type, nullptr, &none, 0);
  EXPECT_EQ(none, 5);
}

TEST_P(BlockDecode, PartsOfBlocksAreBugs) {
  const std::byte data[256] = {};
  float out[256];
  EXPECT_DEATH(dequantize_row(GetParam().type, data, out, info(GetParam().type).block - 1), "whole blocks");
}

INSTANTIATE_TEST_SUITE_P(AllTypes, BlockDecode, testing::ValuesIn(kFormats),
                         [](const auto& test) { return std::string(name(test.param.type)); });

TEST(BlockDecodeAll, EveryQuantisedTypeIsTested) {
  for (int i = 0; i <= static_cast<int>(DType::kIQ4_XS); ++i) {
    const auto type = static_cast<DType>(i);
    if (!is_quantised(type)) continue;
    EXPECT_TRUE(std::any_of(kFormats.begin(), kFormats.end(), [&](const Format& f) {
      return f.type == type;
    })) << name(type);
  }
}

}  // namespace
}  // namespace qnext
