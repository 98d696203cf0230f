// Matrices in panels: the layout can be undone, and products agree with the reference up to the rounding of
// the inputs.
#include <atomic>

#include "kernels/cpu_testing.h"

namespace qnext::testing {
namespace {

const std::vector<DType> kPanelTypes{DType::kBF16, DType::kF8E4M3, DType::kQ8_0, DType::kQ4_0,
                                     DType::kQ4_K, DType::kQ5_K,   DType::kQ6_K};

// Kept alive by `memory`.
Matrix in_panels(const Matrix& w, std::vector<std::byte>& memory) {
  memory.resize(static_cast<size_t>(w.bytes()));
  pack_panels(w, 0, w.rows / kPanelRows, memory.data());
  Matrix packed = w;
  packed.data = memory.data();
  packed.layout = WeightLayout::kPanels;
  return packed;
}

TEST(Panels, KeepEveryRow) {
  for (DType dtype : kPanelTypes) {
    for (int64_t rows : {1, 15, 16, 33, 64}) {
      const Matrix w = random_matrix(dtype, rows, fit_columns(dtype, 96), 3);
      std::vector<std::byte> memory;
      const Matrix packed = in_panels(w, memory);
      std::vector<float> expected(static_cast<size_t>(w.cols)), got(expected.size());
      for (int64_t r = 0; r < rows; ++r) {
        read_row(w, r, expected.data());
        read_row(packed, r, got.data());
        ASSERT_EQ(got, expected) << name(dtype) << " row " << r << " of " << rows;
      }
    }
  }
}

std::string as_rows(const Matrix& w) {
  std::string rows(static_cast<size_t>(w.bytes()), '?');
  for (int64_t r = 0; r < w.rows; ++r) {
    copy_row(w, r, reinterpret_cast<std::byte*>(rows.data()) + r * w.stride());
  }
  return rows;
}

// Matrices of many pieces and of less than one, with and without rows left over, read where they are or from
// elsewhere through the buffer, to panels and back.
TEST(Panels, AreLaidOutAndUndoneTogether) {
  ThreadPool pool(3);
  const auto packing = make_cpu_ops(pool), undoing = make_cpu_ops(pool, {}, Rounding::kNone);
  if (!packing) GTEST_SKIP() << "no instruction set";
  std::vector<Matrix> plain;
  for (DType dtype : kPanelTypes) {
    for (int64_t rows : {7, 16, 53, 1041}) plain.push_back(random_matrix(dtype, rows, 768, plain.size()));
  }
  plain.push_back(random_matrix(DType::kF32, 32, 64, 1));
  std::vector<Matrix> matrices = plain;
  std::vector<Matrix*> all;
  for (Matrix& m : matrices) all.push_back(&m);
  std::atomic<int64_t> read = 0;
  packing->prepare(all, [&](const std::byte* data, int64_t bytes, std::byte* buffer) {
    const bool copies = (reinterpret_cast<uintptr_t>(data) / 64) % 2 == 0;
    if (copies) std::memcpy(buffer, data, static_cast<size_t>(bytes));
    read += bytes;
    return copies ? buffer : data;
  });
  int64_t moved = 0;
  for (size_t i = 0; i < plain.size(); ++i) {
    const bool in_panels = plain[i].rows >= kPanelRows && plain[i].dtype != DType::kF32;
    EXPECT_EQ(matrices[i].layout, in_panels ? WeightLayout::kPanels : WeightLayout::kRows) << i;
    EXPECT_EQ(matrices[i].data == plain[i].data, !in_panels) << i;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(matrices[i].data) % (in_panels ? 64 : 1), 0u);
    if (in_panels) moved += plain[i].bytes();
    EXPECT_TRUE(as_rows(matrices[i]) == as_rows(plain[i])) << name(plain[i].dtype) << " " << plain[i].rows;
  }
  EXPECT_EQ(read, moved);
  for (size_t i = 0; i < plain.size(); ++i) {
    const Matrix rows = undoing->prepare(matrices[i]);
    EXPECT_TRUE(!is_quantised(rows.dtype) || rows.panels() == 0);
    EXPECT_TRUE(as_rows(rows) == as_rows(plain[i])) << name(plain[i].dtype) << " " << plain[i].rows;
  }
}

class CpuPanels : public OnEveryIsa {
 protected:
  // Quantised weights are multiplied with inputs that are rounded to 127 steps of the largest of 32: the
  // error is at most half a step a product.
  void check(const Matrix& rows, int64_t n, uint64_t seed, const std::vector<float>& x) {
    const Matrix w = cpu2->prepare(rows);
    ASSERT_EQ(w.panels(), rows.rows / kPanelRows);
    std::vector<float> expected(static_cast<size_t>(n * w.rows)), got(expected.size(), -1.0f);
    ref->linear(rows, x.data(), n, expected.data());
    cpu2->linear(w, x.data(), n, got.data());
    std::vector<std::vector<double>> errors;
    for (int64_t t = 0; t < n; ++t) errors.push_back(input_errors(w, x.data() + t * w.cols));
    std::vector<float> row(static_cast<size_t>(w.cols));
    for (int64_t r = 0; r < w.rows; ++r) {
      read_row(w, r, row.data());
      for (int64_t t = 0; t < n; ++t) {
        const size_t at = static_cast<size_t>(t * w.rows + r);
        ASSERT_NEAR(got[at], expected[at], bound(row, errors[static_cast<size_t>(t)]))
            << name(w.dtype) << " [" << w.rows << ", " << w.cols << "] n " << n << " row " << r << " input "
            << t;
      }
    }
  }

  // By how much each element of an input may be off, its product's rounding included.
  static std::vector<double> input_errors(const Matrix& w, const float* x) {
    std::vector<double> errors;
    for (int64_t begin = 0; begin < w.cols; begin += 32) {
      const int64_t end = std::min(begin + 32, w.cols);
      double largest = 0;
      for (int64_t j = begin; j < end; ++j) largest = std::max(largest, std::abs(double{x[j]}));
      const double half_step = is_quantised(w.dtype) ? largest / 254 * 1.001 : 0;
      for (int64_t j = begin; j < end; ++j) errors.push_back(std::abs(double{x[j]}) * 2e-6 + half_step);
    }
    return errors;
  }

  static double bound(const std::vector<float>& row, const std::vector<double>& errors) {
    double bound = 1e-30;
    for (size_t j = 0; j < row.size(); ++j) bound += std::abs(double{row[j]}) * errors[j];
    return bound;
  }
};
QN_ON_EVERY_ISA(CpuPanels);

TEST_P(CpuPanels, AgreeWithTheReferenceForEveryTypeAndShape) {
  uint64_t seed = 100;
  for (DType dtype : kPanelTypes) {
    for (int64_t cols : {4, 32, 96, 256, 768, 2048}) {
      if (info(dtype).block > 1 && cols % info(dtype).block != 0) continue;
      for (int64_t rows : {16, 37, 64}) {
        for (int64_t n : {1, 2, 5, 6, 16, 31}) {
          ++seed;
          check(random_matrix(dtype, rows, cols, seed, seed % 3 == 0), n, seed,
                random_floats(seed + 1, n * cols));
        }
      }
    }
  }
}

TEST_P(CpuPanels, ApplyFp8ScalesPerBlock) {
  for (auto [rows, cols, scale_rows, scale_cols] :
       std::vector<std::array<int64_t, 4>>{{256, 384, 128, 128}, {144, 200, 128, 128}, {32, 64, 16, 4}}) {
    Matrix w = random_matrix(DType::kF8E4M3, rows, cols, 5);
    add_scales(w, scale_rows, scale_cols, 6);
    for (int64_t n : {1, 3, 16}) check(w, n, 7, random_floats(8, n * cols));
  }
}

// Small blocks beside large ones, zeros, and numbers at the ends of the range.
TEST_P(CpuPanels, TakeInputsOfAnySize) {
  for (DType dtype : kPanelTypes) {
    const int64_t cols = 512;
    std::vector<float> x = random_floats(9, cols);
    for (int64_t j = 0; j < cols; ++j) {
      const float scales[] = {0.0f, 1e-30f, 1.0f, 1e4f};
      x[static_cast<size_t>(j)] *= scales[j / 32 % 4];
    }
    check(random_matrix(dtype, 32, cols, 10), 1, 10, x);
  }
}

// In pieces of one panel, and of four but the last of three: kernels take two, and one that is left over.
TEST_P(CpuPanels, GiveTheSameBitsForEveryBatchAndThread) {
  for (DType dtype : kPanelTypes) {
    for (int64_t rows : {80, 816}) {
      const int64_t cols = 512, n = 101;
      const Matrix w = cpu1->prepare(random_matrix(dtype, rows, cols, 11));
      const std::vector<float> x = random_floats(12, n * cols);
      std::vector<float> together(static_cast<size_t>(n * rows)), alone(static_cast<size_t>(rows));
      cpu2->linear(w, x.data(), n, together.data());
      for (int64_t t = 0; t < n; ++t) {
        cpu1->linear(w, x.data() + t * cols, 1, alone.data());
        for (int64_t r = 0; r < rows; ++r) {
          ASSERT_EQ(alone[static_cast<size_t>(r)], together[static_cast<size_t>(t * rows + r)])
              << name(dtype) << " row " << r << " of " << rows << " input " << t;
        }
      }
    }
  }
}

// Products of BF16 weights with inputs rounded to BF16, where the machine has them: 8 bits of either factor.
TEST_P(CpuPanels, RoundToBf16WhenAskedTo) {
  const auto native = make_cpu_ops(two, GetParam(), Rounding::kNative);
  for (int64_t n : {1, 2, 5, 16, 37}) {
    const int64_t cols = 514, rows = 80;
    const Matrix plain = random_matrix(DType::kBF16, rows, cols, 15), w = native->prepare(plain);
    const std::vector<float> x = random_floats(16, n * cols);
    std::vector<float> got(static_cast<size_t>(n * rows)), expected(got.size()),
        alone(static_cast<size_t>(rows));
    native->linear(w, x.data(), n, got.data());
    ref->linear(plain, x.data(), n, expected.data());
    EXPECT_LT(relative_error(got, expected), 4e-3);
    for (int64_t t = 0; t < n; ++t) {
      native->linear(w, x.data() + t * cols, 1, alone.data());
      EXPECT_TRUE(std::equal(alone.begin(), alone.end(), got.begin() + t * rows))
          << "input " << t << " of " << n;
    }
  }
}

// One over the largest of a block is no float32 there.
TEST_P(CpuPanels, TakeTheSmallestInputs) {
  for (DType dtype : kPanelTypes) {
    const int64_t cols = 512, rows = 32;
    const Matrix plain = random_matrix(dtype, rows, cols, 17), w = cpu1->prepare(plain);
    std::vector<float> x = random_floats(18, cols), got(rows), expected(rows);
    for (size_t j = 0; j < x.size(); ++j) x[j] *= j % 3 == 0 ? 0.0f : 1e-37f;
    cpu1->linear(w, x.data(), 1, got.data());
    ref->linear(plain, x.data(), 1, expected.data());
    for (size_t r = 0; r < got.size(); ++r) EXPECT_NEAR(got[r], expected[r], 1e-33f) << name(dtype);
  }
}

TEST_P(CpuPanels, PassOnWhatIsNotANumber) {
  const int64_t rows = 16;
  auto expect_not_finite = [&](DType dtype, int64_t cols, int64_t n, float bad) {
    const Matrix w = cpu1->prepare(random_matrix(dtype, rows, cols, 13));
    std::vector<float> x = random_floats(14, n * cols), y(static_cast<size_t>(n * rows));
    x[static_cast<size_t>((n - 1) * cols + cols / 3)] = bad;  // of the last input
    cpu1->linear(w, x.data(), n, y.data());
    for (int64_t i = 0; i < n * rows; ++i) {
      EXPECT_EQ(std::isfinite(y[static_cast<size_t>(i)]), i < (n - 1) * rows)
          << name(dtype) << " cols " << cols << " n " << n;
    }
  };
  for (DType dtype : kPanelTypes) {
    for (float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      for (int64_t cols : {32, 256}) {
        if (cols % info(dtype).block != 0) continue;
        for (int64_t n : {1, 2, 3, 7, 20}) expect_not_finite(dtype, cols, n, bad);
      }
    }
  }
}

}  // namespace
}  // namespace qnext::testing
