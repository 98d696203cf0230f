// Inputs for the tests of the CPU backend, in allocations of exactly their size, so that a sanitizer sees any
// access beyond them.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/thread_pool.h"
#include "kernels/ops.h"
#include "tensor/block_formats.h"

namespace qnext::testing {

// Uniform in [-scale, scale).
inline std::vector<float> random_floats(uint64_t seed, int64_t n, float scale = 1) {
  std::vector<float> v(static_cast<size_t>(n));
  for (size_t i = 0; i < v.size(); ++i) {
    v[i] = scale * static_cast<float>(2 * random_unit(seed, 0, i) - 1);
  }
  return v;
}

inline const std::vector<DType>& weight_types() {
  static const std::vector<DType> types{
      DType::kF32,  DType::kF16,  DType::kBF16, DType::kF8E4M3, DType::kQ8_0,  DType::kQ4_0,
      DType::kQ4_1, DType::kQ5_0, DType::kQ5_1, DType::kIQ4_NL, DType::kMXFP4, DType::kQ2_K,
      DType::kQ3_K, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K,   DType::kIQ4_XS};
  return types;
}

// Random bytes that are a sensible row of a type without an encoder: the fields that scale a block are of
// order 1.
inline void random_blocks(DType dtype, uint64_t seed, int64_t bytes, std::byte* out) {
  for (int64_t i = 0; i < bytes; ++i) {
    out[i] = static_cast<std::byte>(random_bits(seed, 1, static_cast<uint64_t>(i)) & 0xff);
    if (dtype == DType::kF8E4M3 && (out[i] & std::byte{0x7f}) == std::byte{0x7f}) out[i] = std::byte{0x7e};
  }
  const int block = info(dtype).bytes;
  auto set_half = [&](std::byte* at, uint16_t bits) { std::memcpy(at, &bits, sizeof bits); };
  for (std::byte* at = out; at < out + bytes; at += block) {
    const auto small = static_cast<uint16_t>(0x2000 + (std::to_integer<int>(at[0]) << 1));  // about 0.01
    if (dtype == DType::kMXFP4) at[0] = static_cast<std::byte>(120 + std::to_integer<int>(at[0]) % 8);
    if (dtype == DType::kQ2_K) set_half(at + 80, small), set_half(at + 82, small);
    if (dtype == DType::kQ3_K) set_half(at + 108, small);
    if (dtype == DType::kIQ4_XS) set_half(at, small);
  }
}

// A random matrix. `offset` shifts its bytes from the allocator's alignment.
inline Matrix random_matrix(DType dtype, int64_t rows, int64_t cols, uint64_t seed, int64_t offset = 0) {
  Matrix m;
  m.dtype = dtype;
  m.rows = rows;
  m.cols = cols;
  std::shared_ptr<std::byte[]> memory(new std::byte[static_cast<size_t>(m.bytes() + offset)]);
  m.data = memory.get() + offset;
  if (can_quantize(dtype)) {
    const std::vector<float> values = random_floats(seed, rows * cols);
    for (int64_t r = 0; r < rows; ++r) {
      quantize_row(dtype, values.data() + r * cols, memory.get() + offset + r * m.stride(), cols);
    }
  } else {
    random_blocks(dtype, seed, m.bytes(), memory.get() + offset);
  }
  m.owner = memory;
  return m;
}

// Gives an FP8 matrix a scale per block.
inline void add_scales(Matrix& m, int64_t scale_rows, int64_t scale_cols, uint64_t seed) {
  m.scale_rows = scale_rows;
  m.scale_cols = scale_cols;
  const int64_t n = ((m.rows + scale_rows - 1) / scale_rows) * ((m.cols + scale_cols - 1) / scale_cols);
  auto scales = std::make_shared<std::vector<float>>(random_floats(seed, n, 0.01f));
  m.scale = scales->data();
  m.scale_owner = scales;
}

// The nearest number of columns that the type can have.
inline int64_t fit_columns(DType dtype, int64_t cols) {
  const int64_t block = info(dtype).block;
  return (cols + block - 1) / block * block;
}

inline double relative_error(const std::vector<float>& got, const std::vector<float>& expected) {
  EXPECT_EQ(got.size(), expected.size());
  double difference = 0, norm = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    difference += std::pow(static_cast<double>(got[i]) - expected[i], 2);
    norm += std::pow(static_cast<double>(expected[i]), 2);
  }
  return std::sqrt(difference / (norm + 1e-30));
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

// A test that runs once for each instruction set of this machine, beside the reference.
class OnEveryIsa : public ::testing::TestWithParam<std::string_view> {
 protected:
  std::unique_ptr<Ops> cpu(ThreadPool& pool) { return make_cpu_ops(pool, GetParam()); }

  ThreadPool one{1}, two{2};
  std::unique_ptr<Ops> ref = make_ref_ops(one);
  std::unique_ptr<Ops> cpu1 = cpu(one), cpu2 = cpu(two);
};

#define QN_ON_EVERY_ISA(suite)                                       \
  INSTANTIATE_TEST_SUITE_P(, suite, ::testing::ValuesIn(cpu_isas()), \
                           [](const auto& i) { return std::string(i.param); })

}  // namespace qnext::testing
