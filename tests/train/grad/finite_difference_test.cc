// Every tensor's gradient against central differences in double precision, over models of odd shapes. The
// routing must not flip between the two evaluations, so steps are tiny; double leaves enough digits.
#include <fmt/format.h>

#include <cmath>

#include "train/grad/support.h"

namespace qnext::train::test {
namespace {

// Two layers of each kind and widths that are multiples of nothing.
ModelConfig odd_config() {
  ModelConfig c;
  c.vocab_size = 37;
  c.hidden_size = 19;
  c.num_layers = 2;
  c.layer_kinds = {LayerKind::kLinearAttention, LayerKind::kFullAttention};
  c.layer_is_moe = {true, true};
  c.num_heads = 6, c.num_kv_heads = 3, c.head_dim = 10, c.rope_dim = 6;
  c.rope_theta = 100;
  c.linear_key_heads = 2, c.linear_value_heads = 6, c.linear_key_dim = 7, c.linear_value_dim = 5;
  c.conv_kernel = 4;
  c.intermediate_size = 23;
  c.num_experts = 5, c.experts_per_token = 2, c.moe_intermediate_size = 11, c.shared_expert_size = 13;
  c.max_positions = 512;
  c.num_mtp_layers = 1;
  return c;
}

struct Case {
  std::string name;
  ModelConfig config;
  LossOptions losses;
  std::vector<int64_t> lengths;
  bool recompute = false;
};

std::vector<Case> cases() {
  const LossOptions all{0.05, 0.02, 0.3, 2};
  std::vector<Case> out;
  auto add = [&](const std::string& name, auto change, std::vector<int64_t> lengths, LossOptions losses) {
    ModelConfig c = odd_config();
    change(c);
    out.push_back({name, c, losses, std::move(lengths)});
  };
  add(
      "plain", [](ModelConfig&) {}, {1, 2, 5, 17}, all);
  add(
      "lengths", [](ModelConfig&) {}, {63, 64, 65, 130, 1}, all);
  add(
      "top1_not_normalised", [](ModelConfig& c) { c.experts_per_token = 1, c.norm_topk_prob = false; },
      {9, 30}, all);
  add(
      "top3_not_normalised", [](ModelConfig& c) { c.experts_per_token = 3, c.norm_topk_prob = false; },
      {9, 30}, all);
  add(
      "all_experts", [](ModelConfig& c) { c.experts_per_token = 5; }, {20}, all);
  add(
      "tied", [](ModelConfig& c) { c.tie_embeddings = true; }, {11, 3}, all);
  add(
      "no_shared_expert", [](ModelConfig& c) { c.shared_expert_size = 0; }, {11, 3}, all);
  add(
      "dense_layer",
      [](ModelConfig& c) {
        c.layer_is_moe = {false, true};
      },
      {11, 3}, all);
  add(
      "no_experts",
      [](ModelConfig& c) {
        c.num_experts = 0, c.layer_is_moe = {false, false};
      },
      {11, 3}, all);
  add(
      "wide_values",
      [](ModelConfig& c) {
        c.linear_value_dim = 33, c.linear_key_dim = 3, c.linear_key_heads = 1, c.linear_value_heads = 1;
        c.conv_kernel = 1, c.num_kv_heads = 1, c.head_dim = 17, c.rope_dim = 2;
      },
      {40, 70}, all);
  add(
      "long_convolution", [](ModelConfig& c) { c.conv_kernel = 7; }, {3, 40}, all);
  add(
      "yarn",
      [](ModelConfig& c) {
        c.rope_scaling.kind = RopeScaling::Kind::kYarn;
        c.rope_scaling.factor = 4, c.rope_scaling.original_context = 16;
      },
      {20}, all);
  add("balance_each_layer", [](ModelConfig&) {}, {9, 30}, {0.5, 0, 0, 0, true});
  add("three_steps_ahead", [](ModelConfig&) {}, {2, 3, 4, 9}, {0.01, 0, 1.0, 3});
  out.push_back({"recomputed", odd_config(), all, {20, 7}, true});
  return out;
}

class FiniteDifferenceTest : public testing::TestWithParam<Case> {};

TEST_P(FiniteDifferenceTest, EveryTensor) {
  const Case& test = GetParam();
  const ModelConfig& config = test.config;
  if (config.shared_expert_size > 0) must(config.validate("test"));
  const ParameterLayout layout(config, true);
  const auto size = static_cast<size_t>(layout.size());
  std::vector<double> values(size), gradients(size, 0.0);
  for (size_t i = 0; i < size; ++i) values[i] = random_unit(3, 5, i) - 0.5;
  ThreadPool pool(2);
  Network<double> network(config, test.losses, layout, values.data(), gradients.data(), test.recompute, pool);
  const Batch batch = random_batch(test.lengths, config.vocab_size, 11, 5);
  RoutingStatistics routing;
  network.run(batch, 1, true, routing);

  // The loss at values + step * direction, and whether every token still goes to the same experts.
  const auto loss_at = [&](const ParameterEntry& entry, const std::vector<double>& before,
                           const std::vector<double>& direction, double step, bool& same) {
    for (size_t i = 0; i < direction.size(); ++i) {
      values[static_cast<size_t>(entry.offset) + i] = before[i] + step * direction[i];
    }
    RoutingStatistics now;
    const double loss = network.run(batch, 1, false, now).total;
    same = same && now.mtp.tokens == routing.mtp.tokens;
    for (size_t l = 0; l < now.layers.size(); ++l) {
      same = same && now.layers[l].tokens == routing.layers[l].tokens;
    }
    return loss;
  };
  for (size_t t = 0; t < layout.entries().size(); ++t) {
    const ParameterEntry& entry = layout.entries()[t];
    // Along a random direction over the whole tensor.
    const auto begin = static_cast<size_t>(entry.offset), count = static_cast<size_t>(entry.elements());
    std::vector<double> direction(count);
    double slope = 0, size_of = 0;
    for (size_t i = 0; i < count; ++i) {
      direction[i] = 2 * random_unit(17, t, i) - 1;
      slope += direction[i] * gradients[begin + i];
      size_of += std::abs(direction[i] * gradients[begin + i]);
    }
    const std::vector<double> before(values.begin() + entry.offset,
                                     values.begin() + entry.offset + entry.elements());
    double measured = 0, step = 2e-6;
    bool same = false;
    for (int attempt = 0; attempt < 3 && !same; ++attempt, step /= 8) {
      same = true;
      const double above = loss_at(entry, before, direction, step, same);
      const double below = loss_at(entry, before, direction, -step, same);
      measured = (above - below) / (2 * step);
    }
    std::copy(before.begin(), before.end(), values.begin() + entry.offset);
    EXPECT_TRUE(same) << entry.name << ": no step is small enough for the routing";
    EXPECT_NEAR(measured, slope, 1e-6 * size_of + 1e-7) << entry.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, FiniteDifferenceTest, testing::ValuesIn(cases()),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace qnext::train::test
