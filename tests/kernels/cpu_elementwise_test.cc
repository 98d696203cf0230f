#include <bit>
#include <limits>

#include "kernels/cpu/kernels.h"
#include "kernels/cpu_testing.h"

namespace qnext::testing {
namespace {

class CpuElementwise : public OnEveryIsa {};
QN_ON_EVERY_ISA(CpuElementwise);

// Distance in units of the last place of the expected value.
double ulps(float got, double expected) {
  const float rounded = static_cast<float>(expected);
  const float next = std::nextafter(std::abs(rounded), std::numeric_limits<float>::infinity());
  return std::abs(got - expected) / (static_cast<double>(next) - std::abs(rounded));
}

// Floats of all magnitudes that matter to a function that saturates around +-100.
std::vector<float> arguments() {
  std::vector<float> x;
  for (uint32_t bits = 0; bits < std::bit_cast<uint32_t>(110.0f); bits += 9973) {
    x.push_back(std::bit_cast<float>(bits));
    x.push_back(-x.back());
  }
  for (int i = -120000; i < 120000; ++i) x.push_back(static_cast<float>(i) / 1024.0f);
  return x;
}

TEST_P(CpuElementwise, ExponentialIsAccurate) {
  cpu::Kernels kernels{};
  ASSERT_TRUE(cpu::choose_kernels(GetParam(), kernels));
  const std::vector<float> x = arguments();
  std::vector<float> y(x.size());
  double worst = 0;
  kernels.exp(x.data(), static_cast<int64_t>(x.size()), y.data());
  for (size_t i = 0; i < x.size(); ++i) {
    const double expected = std::exp(static_cast<double>(x[i]));
    if (expected > std::numeric_limits<float>::max()) {
      ASSERT_EQ(y[i], std::numeric_limits<float>::infinity()) << x[i];
    } else {
      worst = std::max(worst, ulps(y[i], expected));
    }
  }
  EXPECT_LT(worst, 2.0);
  RecordProperty("worst_ulp", std::to_string(worst));
}

TEST_P(CpuElementwise, SigmoidAndSiluAreAccurate) {
  cpu::Kernels kernels{};
  ASSERT_TRUE(cpu::choose_kernels(GetParam(), kernels));
  const std::vector<float> x = arguments();
  std::vector<float> sigmoid(x.size()), silu(x.size());
  kernels.sigmoid(x.data(), static_cast<int64_t>(x.size()), sigmoid.data());
  kernels.silu(x.data(), static_cast<int64_t>(x.size()), silu.data());
  for (size_t i = 0; i < x.size(); ++i) {
    const double expected = 1 / (1 + std::exp(-static_cast<double>(x[i])));
    if (x[i] < -87) {  // where e^-x nears the end of float32 the result is nothing beside what it is added to
      ASSERT_NEAR(sigmoid[i], expected, 2e-38);
      ASSERT_NEAR(silu[i], x[i] * expected, 2e-36);
    } else {
      ASSERT_LT(ulps(sigmoid[i], expected), 4.0) << x[i];
      ASSERT_LT(ulps(silu[i], x[i] * expected), 4.0) << x[i];
    }
  }
}

TEST_P(CpuElementwise, ElementaryFunctionsAtTheEnds) {
  cpu::Kernels kernels{};
  ASSERT_TRUE(cpu::choose_kernels(GetParam(), kernels));
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> x{0.0f, -0.0f, inf, -inf, std::nanf(""), 1e30f, -1e30f};
  std::vector<float> y(x.size());
  kernels.exp(x.data(), static_cast<int64_t>(x.size()), y.data());
  EXPECT_EQ(y[0], 1.0f);
  EXPECT_EQ(y[1], 1.0f);
  EXPECT_EQ(y[2], inf);
  EXPECT_EQ(y[3], 0.0f);
  EXPECT_TRUE(std::isnan(y[4]));
  EXPECT_EQ(y[5], inf);
  EXPECT_EQ(y[6], 0.0f);
  kernels.sigmoid(x.data(), static_cast<int64_t>(x.size()), y.data());
  EXPECT_EQ(y[0], 0.5f);
  EXPECT_EQ(y[2], 1.0f);
  EXPECT_EQ(y[3], 0.0f);
  EXPECT_TRUE(std::isnan(y[4]));
}

TEST_P(CpuElementwise, RmsNorm) {
  for (int64_t width : {1, 2, 3, 16, 17, 100, 2048}) {
    for (int64_t n : {1, 2, 19}) {
      const std::vector<float> x = random_floats(1, n * width, 3), scale = random_floats(2, width);
      std::vector<float> expected(x.size()), got(x.size());
      ref->rms_norm(x.data(), scale.data(), 1e-6f, n, width, expected.data());
      cpu2->rms_norm(x.data(), scale.data(), 1e-6f, n, width, got.data());
      EXPECT_LT(relative_error(got, expected), 1e-6) << width;
      std::vector<float> in_place = x, alone(x.size());
      cpu1->rms_norm(in_place.data(), scale.data(), 1e-6f, n, width, in_place.data());
      for (int64_t i = 0; i < n; ++i) {
        cpu1->rms_norm(x.data() + i * width, scale.data(), 1e-6f, 1, width, alone.data() + i * width);
      }
      EXPECT_TRUE(same_bits(got, in_place));
      EXPECT_TRUE(same_bits(got, alone));
    }
  }
}

TEST_P(CpuElementwise, RmsNormOfZerosAndOfLargeNumbers) {
  std::vector<float> x(40, 0.0f), scale(40, 1.0f), y(40);
  cpu1->rms_norm(x.data(), scale.data(), 1e-6f, 1, 40, y.data());
  EXPECT_EQ(y, x);
  std::fill(x.begin(), x.end(), 1e15f);
  cpu1->rms_norm(x.data(), scale.data(), 1e-6f, 1, 40, y.data());
  for (float v : y) EXPECT_NEAR(v, 1.0f, 1e-6);
}

TEST_P(CpuElementwise, Add) {
  for (int64_t n : {0, 1, 5, 64, 100001}) {
    std::vector<float> x = random_floats(1, n), expected = x;
    const std::vector<float> y = random_floats(2, n);
    ref->add(expected.data(), y.data(), n);
    cpu2->add(x.data(), y.data(), n);
    EXPECT_TRUE(same_bits(x, expected)) << n;
  }
}

}  // namespace
}  // namespace qnext::testing
