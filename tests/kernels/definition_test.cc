// Small cases worked out by hand, which both backends have to meet: the definition itself, where other tests
// compare one backend with the other.
#include <algorithm>

#include "kernels/cpu_testing.h"

namespace qnext::testing {
namespace {

class Definition : public ::testing::TestWithParam<std::string> {
 protected:
  ThreadPool pool{2};
  std::unique_ptr<Ops> ops = GetParam() == "ref" ? make_ref_ops(pool) : make_cpu_ops(pool);
};

// x with silu(x) = y, for y above silu's lowest value of -0.278.
float silu_inverse(double y) {
  double low = -1.25, high = 50;
  for (int i = 0; i < 200; ++i) {
    const double x = (low + high) / 2;
    (x / (1 + std::exp(-x)) < y ? low : high) = x;
  }
  return static_cast<float>(low);
}

Matrix floats_matrix(const std::vector<float>& values, int64_t rows) {
  Matrix m;
  m.dtype = DType::kF32;
  m.rows = rows;
  m.cols = static_cast<int64_t>(values.size()) / rows;
  std::shared_ptr<std::byte[]> memory(new std::byte[values.size() * sizeof(float)]);
  std::memcpy(memory.get(), values.data(), values.size() * sizeof(float));
  m.data = memory.get();
  m.owner = memory;
  return m;
}

// Three steps of the delta rule with dk = dv = 2. The convolution and its SiLU are undone in the inputs; k is
// unit length after the L2 norm whatever its scale, q comes out as q / sqrt(2), and everything is linear in
// v.
TEST_P(Definition, DeltaRuleOfThreeTokens) {
  constexpr double kScale = 0.1, kKeyScale = 0.4;  // keeps every value above silu's lowest
  const double q[3][2] = {{.6, .8}, {1, 0}, {0, 1}}, k[3][2] = {{1, 0}, {.6, .8}, {.8, -.6}};
  const double v[3][2] = {{1, 2}, {-1, .5}, {.25, -2}};
  const double g[3] = {-.1, -.7, -.05};
  const double o[3][2] = {{.3, .6}, {.0759463, .5268926}, {-.2552199, 1.4651749}};
  const double s[2][2] = {{.1210851, -1.4011188}, {-.2552199, 1.4651749}};
  std::vector<float> qkv, ba, z(6, 1.0f), out(6), state(4), conv_weight(6, 1.0f);
  const float b[3] = {0, static_cast<float>(-std::log(3.0)), 40};  // sigmoid: 1/2, 1/4, 1
  for (int t = 0; t < 3; ++t) {
    for (double x : q[t]) qkv.push_back(silu_inverse(x));
    for (double x : k[t]) qkv.push_back(silu_inverse(x * kKeyScale));
    for (double x : v[t]) qkv.push_back(silu_inverse(x * kScale));
    ba.push_back(b[t]);
    ba.push_back(static_cast<float>(std::log(std::exp(-g[t]) - 1)));  // softplus of it is -g
  }
  const float neg_a = -1, dt_bias = 0, norm[2] = {1, 3};
  const GdnSegment segment{0, 3, 0, state.data(), nullptr};
  GdnArgs args;
  args.key_heads = args.value_heads = 1;
  args.key_dim = args.value_dim = 2;
  args.conv_kernel = 1;
  args.conv_weight = conv_weight.data();
  args.neg_a = &neg_a;
  args.dt_bias = &dt_bias;
  args.norm = norm;
  args.segments = {&segment, 1};
  args.qkv = qkv.data();
  args.z = z.data();
  args.ba = ba.data();
  args.out = out.data();
  ops->gdn(args);
  const double silu_of_one = 1 / (1 + std::exp(-1.0));
  for (int t = 0; t < 3; ++t) {
    const double rms = std::sqrt((o[t][0] * o[t][0] + o[t][1] * o[t][1]) / 2);
    for (int j = 0; j < 2; ++j) {
      EXPECT_NEAR(out[static_cast<size_t>(2 * t + j)], norm[j] * o[t][j] / rms * silu_of_one, 3e-5)
          << t << " " << j;
    }
  }
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 2; ++j) EXPECT_NEAR(state[static_cast<size_t>(2 * i + j)], kScale * s[i][j], 1e-6);
  }
}

// One head, two positions, no rotation at position 0: the second row attends to both.
TEST_P(Definition, AttentionOfTwoTokensIsGatedAfterTheSoftmax) {
  const float norm[2] = {1, 1}, inv_freq = 0.5f;
  std::vector<float> q{3, 0, 0, 0, 0, 5, 0, 100}, k{1, 0, 0, 2}, v{1, 2, 3, 5}, out(4);
  std::vector<std::byte> block(2 * 4 * 2 * sizeof(float));
  std::byte* blocks[] = {block.data()};
  const AttentionSegment segment{0, 2, 0, {DType::kF32, 4, blocks, 0, 4 * 2 * sizeof(float)}};
  AttentionArgs args;
  args.heads = args.kv_heads = 1;
  args.head_dim = args.rope_dim = 2;
  args.q_norm = args.k_norm = norm;
  args.inv_freq = &inv_freq;
  args.segments = {&segment, 1};
  args.q = q.data();
  args.k = k.data();
  args.v = v.data();
  args.out = out.data();
  ops->attention(args);
  // After the norm q and k have length sqrt(2). At position 1 both are turned by 0.5.
  const double c = std::cos(0.5), s = std::sin(0.5), root = std::sqrt(2.0);
  const double q1[2] = {-root * s, root * c}, k0[2] = {root, 0}, k1[2] = {-root * s, root * c};
  const double a = (q1[0] * k0[0] + q1[1] * k0[1]) / root, b = (q1[0] * k1[0] + q1[1] * k1[1]) / root;
  const double p = 1 / (1 + std::exp(a - b));  // weight of position 1
  EXPECT_NEAR(out[0], 0.5 * 1, 1e-6);
  EXPECT_NEAR(out[1], 0.5 * 2, 1e-6);
  EXPECT_NEAR(out[2], 0.5 * ((1 - p) * 1 + p * 3), 1e-6);
  EXPECT_NEAR(out[3], (1 - p) * 2 + p * 5, 1e-6);
}

TEST_P(Definition, RoutingTakesTheLowestIndexOfEquals) {
  const std::vector<float> logits{1, 3, 3, 0, 3, 3};
  std::vector<int32_t> ids(3);
  std::vector<float> weights(3);
  ops->moe_route(logits.data(), 1, 6, 3, true, ids.data(), weights.data());
  EXPECT_EQ(ids, (std::vector<int32_t>{1, 2, 4}));
  for (float w : weights) EXPECT_NEAR(w, 1.0 / 3, 1e-6);
  ops->moe_route(logits.data(), 1, 6, 3, false, ids.data(), weights.data());
  const double sum = 4 * std::exp(3.0) + std::exp(1.0) + 1;
  for (float w : weights) EXPECT_NEAR(w, std::exp(3.0) / sum, 1e-6);
}

// A gate of zero halves the shared expert.
TEST_P(Definition, SharedExpertIsScaledByItsGate) {
  const Mlp one{floats_matrix({1, 0}, 1), floats_matrix({0, 1}, 1), floats_matrix({1, 2}, 2)};
  const Mlp shared{floats_matrix({2, 0}, 1), floats_matrix({0, 1}, 1), floats_matrix({4, 0}, 2)};
  const Matrix gate = floats_matrix({1, -1}, 1);
  const std::vector<Mlp> experts{one};
  const std::vector<float> x{1, 1};
  const int32_t id = 0;
  const float weight = 0.25f;
  std::vector<float> y(2);
  MoeArgs args;
  args.experts = &experts;
  args.top_k = 1;
  args.ids = &id;
  args.weights = &weight;
  args.shared = &shared;
  args.shared_gate = &gate;
  args.n = 1;
  args.hidden = 2;
  args.x = x.data();
  args.y = y.data();
  ops->moe(args);
  auto silu = [](double v) { return v / (1 + std::exp(-v)); };
  EXPECT_NEAR(y[0], 0.25 * silu(1) + 0.5 * 4 * silu(2), 1e-6);
  EXPECT_NEAR(y[1], 0.25 * 2 * silu(1), 1e-6);
}

TEST_P(Definition, NormScalesByTheRootOfTheMeanSquare) {
  const std::vector<float> x{3, 4}, scale{1, 2};
  std::vector<float> y(2);
  ops->rms_norm(x.data(), scale.data(), 0.5f, 1, 2, y.data());
  EXPECT_NEAR(y[0], 3 / std::sqrt(13.0), 1e-6);
  EXPECT_NEAR(y[1], 8 / std::sqrt(13.0), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Backends, Definition, ::testing::Values("ref", "cpu"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace qnext::testing
