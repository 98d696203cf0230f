#include "train/run/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

namespace qnext::train {
namespace {

using Kind = Schedule::Kind;

TEST(Schedule, WarmUpIsALine) {
  for (const Kind kind : {Kind::kConstant, Kind::kCosine, Kind::kWsd}) {
    const Schedule s{.kind = kind, .steps = 100, .warmup = 10, .decay = 20, .lr = 2, .final_lr = 0.5};
    EXPECT_DOUBLE_EQ(learning_rate(s, 0), 0.2);
    EXPECT_DOUBLE_EQ(learning_rate(s, 4), 1);
    EXPECT_DOUBLE_EQ(learning_rate(s, 9), 2);
  }
}

TEST(Schedule, ConstantStays) {
  const Schedule s{.kind = Kind::kConstant, .steps = 100, .warmup = 0, .lr = 2};
  EXPECT_DOUBLE_EQ(learning_rate(s, 0), 2);
  EXPECT_DOUBLE_EQ(learning_rate(s, 99), 2);
}

TEST(Schedule, CosineFallsToTheFinalRateInTheLastStep) {
  const Schedule s{.kind = Kind::kCosine, .steps = 110, .warmup = 10, .lr = 2, .final_lr = 0.5};
  EXPECT_DOUBLE_EQ(learning_rate(s, 59), 1.25);  // half of the way
  EXPECT_DOUBLE_EQ(learning_rate(s, 109), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(s, 500), 0.5);
  for (int64_t step = 10; step < 110; ++step) EXPECT_LT(learning_rate(s, step), learning_rate(s, step - 1));
}

TEST(Schedule, WsdIsFlatAndThenALine) {
  const Schedule s{.kind = Kind::kWsd, .steps = 100, .warmup = 10, .decay = 20, .lr = 2, .final_lr = 1};
  EXPECT_DOUBLE_EQ(learning_rate(s, 10), 2);
  EXPECT_DOUBLE_EQ(learning_rate(s, 79), 2);
  EXPECT_DOUBLE_EQ(learning_rate(s, 80), 1.95);
  EXPECT_DOUBLE_EQ(learning_rate(s, 89), 1.5);
  EXPECT_DOUBLE_EQ(learning_rate(s, 99), 1);
}

TEST(Schedule, EdgesAreNumbers) {
  for (const Kind kind : {Kind::kConstant, Kind::kCosine, Kind::kWsd}) {
    for (const int64_t warmup : {0, 1}) {
      const Schedule s{.kind = kind, .steps = 1, .warmup = warmup, .decay = 0, .lr = 2, .final_lr = 1};
      EXPECT_TRUE(std::isfinite(learning_rate(s, 0)));
      EXPECT_GT(learning_rate(s, 0), 0);
    }
  }
}

}  // namespace
}  // namespace qnext::train
