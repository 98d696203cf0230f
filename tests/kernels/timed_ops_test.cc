#include "kernels/timed_ops.h"

#include "kernels/cpu_testing.h"

namespace qnext::testing {
namespace {

class TimedOpsTest : public ::testing::Test {
 protected:
  ThreadPool pool{1};
  TimedOps ops{make_ref_ops(pool)};
};

TEST_F(TimedOpsTest, CountsWeightsOfEveryCall) {
  const Matrix a = random_matrix(DType::kF32, 5, 8, 1), b = random_matrix(DType::kBF16, 3, 8, 2);
  const std::vector<float> x = random_floats(3, 2 * 8);
  std::vector<float> ya(2 * 5), yb(2 * 3), alone(2 * 5);
  const Projection both[] = {{&a, ya.data()}, {&b, yb.data()}};
  ops.linear(both, x.data(), 2);
  ops.linear(both, x.data(), 2);
  make_ref_ops(pool)->linear(a, x.data(), 2, alone.data());
  EXPECT_TRUE(same_bits(ya, alone));
  const auto times = ops.take();
  ASSERT_EQ(times.size(), 1u);
  const OperationTime& linear = times.at("linear 8 x 8");
  EXPECT_EQ(linear.calls, 2);
  EXPECT_EQ(linear.bytes, 2 * (5 * 8 * 4 + 3 * 8 * 2));
  EXPECT_GT(linear.seconds, 0);
  EXPECT_TRUE(ops.take().empty());
}

TEST_F(TimedOpsTest, ReadsAnExpertOnceForAllItsTokens) {
  const auto mlp = [](uint64_t seed) {
    return Mlp{random_matrix(DType::kF32, 2, 4, seed), random_matrix(DType::kF32, 2, 4, seed + 1),
               random_matrix(DType::kF32, 4, 2, seed + 2)};
  };
  const std::vector<Mlp> experts{mlp(1), mlp(4), mlp(7)};
  const std::vector<float> x = random_floats(8, 3 * 4), weights(3, 1.0f);
  const std::vector<int32_t> ids{2, 0, 2};
  std::vector<float> y(3 * 4);
  MoeArgs args;
  args.experts = &experts;
  args.top_k = 1;
  args.ids = ids.data();
  args.weights = weights.data();
  args.n = 3;
  args.hidden = 4;
  args.x = x.data();
  args.y = y.data();
  ops.moe(args);
  EXPECT_EQ(ops.take().at("moe").bytes, 2 * (3 * 2 * 4 * 4));
}

}  // namespace
}  // namespace qnext::testing
