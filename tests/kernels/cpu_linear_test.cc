#include <limits>

#include "kernels/cpu_testing.h"

namespace qnext::testing {
namespace {

class CpuLinear : public OnEveryIsa {
 protected:
  // Compares with the reference; the bound is relative to the sum of the products' magnitudes, because that
  // is what rounding of a sum is relative to.
  void check(const Matrix& w, int64_t n, uint64_t seed) {
    const std::vector<float> x = random_floats(seed, n * w.cols);
    std::vector<float> expected(static_cast<size_t>(n * w.rows)), got(expected.size(), -1.0f);
    ref->linear(w, x.data(), n, expected.data());
    cpu2->linear(w, x.data(), n, got.data());
    std::vector<float> row(static_cast<size_t>(w.cols));
    for (int64_t r = 0; r < w.rows; ++r) {
      read_row(w, r, row.data());
      for (int64_t t = 0; t < n; ++t) {
        double magnitude = 0;
        for (int64_t j = 0; j < w.cols; ++j) {
          magnitude += std::abs(static_cast<double>(row[static_cast<size_t>(j)]) *
                                x[static_cast<size_t>(t * w.cols + j)]);
        }
        const size_t at = static_cast<size_t>(t * w.rows + r);
        ASSERT_NEAR(got[at], expected[at], 1e-6 * magnitude)
            << name(w.dtype) << " [" << w.rows << ", " << w.cols << "] n " << n << " row " << r << " input "
            << t;
      }
    }
  }
};
QN_ON_EVERY_ISA(CpuLinear);

TEST_P(CpuLinear, AgreesWithTheReferenceForEveryTypeAndShape) {
  uint64_t seed = 1;
  for (DType dtype : weight_types()) {
    for (int64_t cols : {1, 3, 17, 32, 100, 256, 777, 2048}) {
      if (info(dtype).block > 1 && cols % 32 != 0) continue;
      for (int64_t rows : {1, 2, 5, 16, 37}) {
        for (int64_t n : {1, 2, 7}) {
          ++seed;
          check(random_matrix(dtype, rows, fit_columns(dtype, cols), seed, seed % 3 == 0), n, seed);
        }
      }
    }
  }
}

TEST_P(CpuLinear, AgreesOnWideAndTallMatrices) {
  check(random_matrix(DType::kBF16, 9, 12288, 1), 13, 2);
  check(random_matrix(DType::kQ4_K, 1000, 512, 3), 64, 4);
  check(random_matrix(DType::kF32, 3000, 8, 3), 1, 4);
}

TEST_P(CpuLinear, AppliesFp8ScalesOfAnyBlock) {
  for (auto [rows, cols, scale_rows, scale_cols] : std::vector<std::array<int64_t, 4>>{{256, 384, 128, 128},
                                                                                       {130, 200, 128, 128},
                                                                                       {7, 33, 3, 5},
                                                                                       {5, 64, 1, 32},
                                                                                       {4, 96, 2, 48},
                                                                                       {3, 17, 8, 100},
                                                                                       {1, 1, 1, 1}}) {
    for (int64_t n : {1, 3}) {
      Matrix w = random_matrix(DType::kF8E4M3, rows, cols, 5);
      add_scales(w, scale_rows, scale_cols, 6);
      check(w, n, 7);
    }
  }
}

// A product with the identity gives the weights back, exactly as the definition decodes them.
TEST_P(CpuLinear, DecodesExactly) {
  for (DType dtype : weight_types()) {
    const int64_t cols = fit_columns(dtype, 79), rows = 6;
    Matrix w = random_matrix(dtype, rows, cols, 8);
    if (dtype == DType::kF8E4M3) add_scales(w, 4, 32, 9);
    std::vector<float> identity(static_cast<size_t>(cols * cols), 0.0f), y(static_cast<size_t>(rows * cols));
    for (int64_t j = 0; j < cols; ++j) identity[static_cast<size_t>(j * cols + j)] = 1.0f;
    std::vector<float> row(static_cast<size_t>(cols)), single(static_cast<size_t>(rows));
    cpu1->linear(w, identity.data(), cols, y.data());
    for (int64_t r = 0; r < rows; ++r) {
      read_row(w, r, row.data());
      for (int64_t j = 0; j < cols; ++j) {
        ASSERT_EQ(y[static_cast<size_t>(j * rows + r)], row[static_cast<size_t>(j)])
            << name(dtype) << " row " << r << " column " << j;
      }
    }
    for (int64_t j = 0; j < cols; ++j) {
      cpu1->linear(w, identity.data() + j * cols, 1, single.data());
      for (int64_t r = 0; r < rows; ++r) {
        ASSERT_EQ(single[static_cast<size_t>(r)], y[static_cast<size_t>(j * rows + r)])
            << name(dtype) << " row " << r << " column " << j << ", alone";
      }
    }
  }
}

// Every bit pattern of the small floating-point types.
// Times 1, and times 2^40, by which subnormal weights give normal results: others become 0 (thread_pool.h).
TEST_P(CpuLinear, DecodesSpecialValues) {
  for (DType dtype : {DType::kF16, DType::kBF16, DType::kF8E4M3}) {
    const int64_t patterns = dtype == DType::kF8E4M3 ? 256 : 65536;
    Matrix w;
    w.dtype = dtype;
    w.rows = patterns;
    w.cols = 1;
    std::vector<uint8_t> bytes(static_cast<size_t>(w.bytes()));
    for (int64_t i = 0; i < patterns; ++i) {
      const auto bits = static_cast<uint16_t>(i);
      std::memcpy(bytes.data() + i * w.stride(), &bits, static_cast<size_t>(w.stride()));
    }
    w.data = reinterpret_cast<const std::byte*>(bytes.data());
    for (const float x : {1.0f, 0x1p40f}) {
      std::vector<float> y(static_cast<size_t>(patterns));
      cpu1->linear(w, &x, 1, y.data());
      for (int64_t i = 0; i < patterns; ++i) {
        float weight = 0;
        read_row(w, i, &weight);
        const float product = weight * x, got = y[static_cast<size_t>(i)];
        if (std::isnan(product)) {
          ASSERT_TRUE(std::isnan(got)) << name(dtype) << " pattern " << i << " gave " << got;
        } else if (std::fpclassify(product) == FP_SUBNORMAL) {
          ASSERT_TRUE(got == 0 || got == product) << name(dtype) << " pattern " << i << " gave " << got;
        } else {
          ASSERT_EQ(got, product) << name(dtype) << " pattern " << i << " times " << x;
        }
      }
    }
  }
}

TEST_P(CpuLinear, ARowDoesNotDependOnItsNeighboursOrThreads) {
  for (DType dtype : weight_types()) {
    for (int64_t cols : {3, 50, 512}) {
      if (info(dtype).block > 1 && cols < 512) continue;
      const int64_t rows = 301, n = 17;
      Matrix w = random_matrix(dtype, rows, cols, 11);
      if (dtype == DType::kF8E4M3) add_scales(w, 128, cols == 50 ? 7 : 128, 12);
      const std::vector<float> x = random_floats(13, n * cols);
      std::vector<float> all(static_cast<size_t>(n * rows)), again(all.size()), single(all.size());
      cpu1->linear(w, x.data(), n, all.data());
      cpu2->linear(w, x.data(), n, again.data());
      for (int64_t t = 0; t < n; ++t) cpu2->linear(w, x.data() + t * cols, 1, single.data() + t * rows);
      EXPECT_TRUE(same_bits(all, again)) << name(dtype) << " " << cols;
      EXPECT_TRUE(same_bits(all, single)) << name(dtype) << " " << cols;
    }
  }
}

TEST_P(CpuLinear, NoInputsNoOutputs) {
  const Matrix w = random_matrix(DType::kBF16, 4, 8, 1);
  cpu2->linear(w, nullptr, 0, nullptr);
  cpu2->mlp({w, w, w}, nullptr, 0, nullptr);
  cpu2->embed(w, {}, nullptr);
  cpu2->rms_norm(nullptr, nullptr, 1e-6f, 0, 8, nullptr);
  cpu2->add(nullptr, nullptr, 0);
}

TEST_P(CpuLinear, EmbedsRows) {
  for (DType dtype : weight_types()) {
    const Matrix table = random_matrix(dtype, 20, fit_columns(dtype, 19), 1);
    std::vector<int32_t> ids;
    for (int32_t i = 0; i < 33; ++i) ids.push_back(i * 7 % 20);
    std::vector<float> expected(ids.size() * static_cast<size_t>(table.cols)), got(expected.size());
    ref->embed(table, ids, expected.data());
    cpu2->embed(table, ids, got.data());
    EXPECT_TRUE(same_bits(got, expected)) << name(dtype);
  }
}

TEST(CpuIsas, AreListedBestFirstAndKnownByName) {
  ThreadPool pool(1);
  const auto isas = cpu_isas();
  ASSERT_FALSE(isas.empty());
  EXPECT_EQ(make_cpu_ops(pool)->name(), "cpu (" + std::string(isas.front()) + ")");
  for (std::string_view isa : isas) {
    const auto ops = make_cpu_ops(pool, isa);
    ASSERT_TRUE(ops);
    EXPECT_EQ(ops->name(), "cpu (" + std::string(isa) + ")");
    EXPECT_TRUE(ops->supports(DType::kQ3_K));
    EXPECT_FALSE(ops->supports(DType::kI64));
  }
  EXPECT_EQ(make_cpu_ops(pool, "avx9"), nullptr);
  EXPECT_EQ(make_cpu_ops(pool, "AVX2"), nullptr);
}

}  // namespace
}  // namespace qnext::testing
