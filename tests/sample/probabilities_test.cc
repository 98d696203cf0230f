#include "sample/probabilities.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace qnext {
namespace {

TEST(Probabilities, NegativeLogLikelihood) {
  const std::vector<float> row{std::log(1.0f), std::log(3.0f), std::log(4.0f)};
  EXPECT_NEAR(negative_log_likelihood(row, 0), std::log(8.0), 1e-6);
  EXPECT_NEAR(negative_log_likelihood(row, 2), std::log(2.0), 1e-6);
  EXPECT_NEAR(log_sum_exp(std::vector<float>{1000, 1000}), 1000 + std::log(2.0), 1e-9);
  EXPECT_NEAR(log_sum_exp(std::vector<float>{-1e30f, 0}), 0, 1e-12);
}

TEST(Probabilities, KlDivergence) {
  const std::vector<float> half{0, 0}, quarter{std::log(1.0f), std::log(3.0f)};
  // 0.5 log(0.5 / 0.25) + 0.5 log(0.5 / 0.75)
  EXPECT_NEAR(kl_divergence(half, quarter), 0.5 * std::log(2.0) + 0.5 * std::log(2.0 / 3), 1e-6);
  EXPECT_EQ(kl_divergence(half, half), 0);
  EXPECT_NEAR(kl_divergence(half, std::vector<float>{500, 500}), 0, 1e-12);
}

TEST(Probabilities, MostProbable) { EXPECT_EQ(most_probable(std::vector<float>{1, 5, 5, 2}), 1); }

}  // namespace
}  // namespace qnext
