// The trainer around the network: threads, restarts, errors, files.
#include "train/grad/trainer.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>

#include "train/grad/support.h"

namespace qnext::train::test {
namespace {

class TrainerTest : public testing::Test {
 protected:
  TrainerOptions options() const {
    TrainerOptions o;
    o.losses = {0.01, 0.001, 0.1, 2};
    return o;
  }
  // Steps [from, to) with one batch each.
  void steps(Trainer& trainer, uint64_t from, uint64_t to) const {
    for (uint64_t i = from; i < to; ++i) {
      must(trainer.step_gradients(random_batch({70, 1, 33, 129}, config_.vocab_size, i)));
      must(trainer.apply(1e-3));
    }
  }
  static bool same_bits(std::span<float> a, std::span<float> b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
  }
  const ModelConfig config_ = config_of("tiny");
};

TEST_F(TrainerTest, AnyNumberOfThreadsGivesTheSameBits) {
  ThreadPool one(1), three(3);
  Trainer a(config_, options(), one), b(config_, options(), three);
  initialise(a.layout(), 4, 0.02, a.values().data());
  initialise(b.layout(), 4, 0.02, b.values().data());
  steps(a, 0, 3);
  steps(b, 0, 3);
  EXPECT_TRUE(same_bits(a.values(), b.values()));
  EXPECT_TRUE(same_bits(a.optimiser().second_moments(), b.optimiser().second_moments()));
}

TEST_F(TrainerTest, RecomputationGivesTheSameBits) {
  ThreadPool pool(2);
  TrainerOptions o = options();
  Trainer a(config_, o, pool);
  o.recompute = true;
  Trainer b(config_, o, pool);
  initialise(a.layout(), 4, 0.02, a.values().data());
  initialise(b.layout(), 4, 0.02, b.values().data());
  steps(a, 0, 2);
  steps(b, 0, 2);
  EXPECT_TRUE(same_bits(a.values(), b.values()));
}

TEST_F(TrainerTest, GoesOnFromStoredStateBitForBit) {
  ThreadPool pool(2);
  Trainer whole(config_, options(), pool), first(config_, options(), pool), second(config_, options(), pool);
  initialise(whole.layout(), 4, 0.02, whole.values().data());
  initialise(first.layout(), 4, 0.02, first.values().data());
  steps(whole, 0, 4);
  steps(first, 0, 2);
  std::ranges::copy(first.values(), second.values().begin());
  std::ranges::copy(first.optimiser().first_moments(), second.optimiser().first_moments().begin());
  std::ranges::copy(first.optimiser().second_moments(), second.optimiser().second_moments().begin());
  second.optimiser().set_step(first.optimiser().step());
  steps(second, 2, 4);
  EXPECT_TRUE(same_bits(whole.values(), second.values()));
}

TEST_F(TrainerTest, LearnsABatchByHeartAndEvaluatesWithoutATrace) {
  ThreadPool pool(2);
  Trainer trainer(config_, options(), pool);
  initialise(trainer.layout(), 1, 0.02, trainer.values().data());
  const Batch batch = random_batch({20, 20}, config_.vocab_size, 3);
  const Losses before = must(trainer.evaluate(batch));
  EXPECT_NEAR(before.cross_entropy, std::log(static_cast<double>(config_.vocab_size)), 0.2);
  EXPECT_EQ(before.targets, 38);
  for (int i = 0; i < 60; ++i) {
    const Losses now = must(trainer.step_gradients(batch));
    const Losses evaluated = must(trainer.evaluate(batch));
    EXPECT_EQ(now.total, evaluated.total);
    must(trainer.apply(3e-3));
  }
  EXPECT_LT(must(trainer.evaluate(batch)).cross_entropy, 0.5);
}

TEST_F(TrainerTest, CountsWhereTokensGo) {
  ThreadPool pool(2);
  Trainer trainer(config_, options(), pool);
  initialise(trainer.layout(), 1, 0.02, trainer.values().data());
  for (int i = 0; i < 2; ++i) must(trainer.step_gradients(random_batch({50, 7}, config_.vocab_size, 3), 0.5));
  for (const RoutingRecord& record : trainer.routing().layers) {
    EXPECT_EQ(record.rows, 2 * 57);
    int64_t sum = 0;
    for (int64_t tokens : record.tokens) sum += tokens;
    EXPECT_EQ(sum, 2 * 57 * config_.experts_per_token);
    EXPECT_GT(record.entropy / static_cast<double>(record.rows), 0.9 * std::log(16.0));
    EXPECT_LE(record.entropy / static_cast<double>(record.rows), std::log(16.0) + 1e-5);
  }
  must(trainer.apply(1e-3));
  must(trainer.step_gradients(random_batch({5}, config_.vocab_size, 3)));
  EXPECT_EQ(trainer.routing().layers[0].rows, 5);
}

TEST_F(TrainerTest, WeightDecaySparesWhatItShould) {
  ThreadPool pool(1);
  const ParameterLayout layout(config_, true);
  AdamWOptions o;
  o.weight_decay = 0.5;
  AdamW adamw(layout, o);
  std::vector<float> values(static_cast<size_t>(layout.size()), 1.0f), zero(values.size(), 0.0f);
  adamw.apply(pool, 0.1, 0, values.data(), zero.data());
  for (const ParameterEntry& entry : layout.entries()) {
    const bool spared = entry.name.ends_with("A_log") || entry.name.ends_with("dt_bias") ||
                        entry.name.ends_with("linear_attn.norm.weight");
    EXPECT_FLOAT_EQ(values[static_cast<size_t>(entry.offset)], spared ? 1.0f : 0.95f) << entry.name;
    EXPECT_FLOAT_EQ(values[static_cast<size_t>(entry.offset + entry.elements() - 1)], spared ? 1.0f : 0.95f);
  }
}

TEST_F(TrainerTest, ClipsByTheGlobalNorm) {
  ThreadPool pool(1);
  const ParameterLayout layout(config_, false);
  AdamWOptions o;
  o.clip = 1;
  AdamW adamw(layout, o);
  std::vector<float> values(static_cast<size_t>(layout.size()), 0.0f), gradients(values.size(), 0.0f);
  gradients[5] = 30;
  gradients[values.size() - 1] = 40;
  const double norm = adamw.gradient_norm(pool, gradients.data());
  EXPECT_DOUBLE_EQ(norm, 50);
  adamw.apply(pool, 0.1, norm, values.data(), gradients.data());
  EXPECT_FLOAT_EQ(adamw.first_moments()[5], 0.06f);
  EXPECT_EQ(gradients[5], 0);
}

TEST_F(TrainerTest, NamesTheStepOfALossThatIsNotFinite) {
  ThreadPool pool(2);
  Trainer trainer(config_, options(), pool);
  initialise(trainer.layout(), 1, 0.02, trainer.values().data());
  const Batch batch = random_batch({20}, config_.vocab_size, 3);
  must(trainer.step_gradients(batch));
  must(trainer.apply(1e-3));
  const auto at = trainer.layout().offset("model.layers.2.mlp.gate.weight");
  trainer.values()[static_cast<size_t>(at)] = std::numeric_limits<float>::quiet_NaN();
  const auto losses = trainer.step_gradients(batch);
  ASSERT_FALSE(losses.ok());
  EXPECT_NE(losses.error().message().find("step 2: the loss is"), std::string::npos)
      << losses.error().message();
  EXPECT_FALSE(trainer.apply(1e-3).ok());
  EXPECT_EQ(trainer.optimiser().step(), 1);
}

TEST_F(TrainerTest, RefusesABatchThatIsNone) {
  ThreadPool pool(1);
  Trainer trainer(config_, options(), pool);
  const Batch good = random_batch({4, 4}, config_.vocab_size, 3);
  const auto refused = [&](auto change) {
    Batch batch = good;
    change(batch);
    return !trainer.step_gradients(batch).ok() && !trainer.evaluate(batch).ok();
  };
  EXPECT_TRUE(refused([](Batch& b) { b = {}; }));
  EXPECT_TRUE(refused([](Batch& b) { b.ids[3] = -1; }));
  EXPECT_TRUE(refused([](Batch& b) { b.ids[3] = 320; }));
  EXPECT_TRUE(refused([](Batch& b) { b.targets[0] = 320; }));
  EXPECT_TRUE(refused([](Batch& b) { b.targets[0] = -2; }));
  EXPECT_TRUE(refused([](Batch& b) { b.targets.pop_back(); }));
  EXPECT_TRUE(refused([](Batch& b) { b.starts = {0, 8, 8}; }));
  EXPECT_TRUE(refused([](Batch& b) { b.starts = {0, 4}; }));
  EXPECT_TRUE(trainer.evaluate(good).ok());
}

TEST_F(TrainerTest, SavedWeightsAreReadBackAndRun) {
  ThreadPool pool(2);
  const ParameterLayout layout(config_, true);
  std::vector<float> values(static_cast<size_t>(layout.size())), read(values.size());
  initialise(layout, 9, 0.02, values.data());
  for (const WeightType type : {WeightType::kF32, WeightType::kBF16}) {
    const std::string folder = fmt::format("{}train-save-{}", testing::TempDir(), ::getpid());
    must(save_parameters(layout, config_, values.data(), type, folder));
    {
      const Checkpoint checkpoint = must(open_checkpoint(folder));
      EXPECT_EQ(checkpoint.config, config_);
      EXPECT_TRUE(checkpoint.has_mtp());
      must(load_parameters(layout, *checkpoint.tensors, checkpoint.config, read.data()));
      if (type == WeightType::kF32) {
        EXPECT_EQ(read, values);
      }
      EXPECT_LT(qnext::test::relative_error(read.data(), values.data(), layout.size()), 3e-3);
      qnext::test::Runner runner(folder, "ref", {.mtp = true});
      Network<float> network(config_, {}, layout, read.data(), nullptr, false, pool);
      const Batch batch = random_batch({30}, config_.vocab_size, 1);
      qnext::test::Rows got{config_.vocab_size, network.logits(batch)};
      EXPECT_LT(worst_row(got, runner.prompt(batch.ids, 0, false).logits), 5e-4);
    }
    std::filesystem::remove_all(folder);
  }
}

TEST_F(TrainerTest, InitialValuesHaveTheirSpread) {
  const ParameterLayout layout(config_, true);
  std::vector<float> values(static_cast<size_t>(layout.size()));
  initialise(layout, 9, 0.02, values.data());
  const auto at = [&](const std::string& name) { return values.data() + layout.offset(name); };
  const float* embedding = at("model.embed_tokens.weight");
  double sum = 0, squares = 0;
  const int64_t n = layout.find("model.embed_tokens.weight")->elements();
  for (int64_t i = 0; i < n; ++i) sum += embedding[i], squares += embedding[i] * embedding[i];
  EXPECT_NEAR(sum / static_cast<double>(n), 0, 0.001);
  EXPECT_NEAR(std::sqrt(squares / static_cast<double>(n)), 0.02, 0.0005);
  EXPECT_EQ(at("model.norm.weight")[3], 0);
  EXPECT_EQ(at("mtp.pre_fc_norm_hidden.weight")[3], 0);
  EXPECT_EQ(at("model.layers.0.linear_attn.norm.weight")[3], 1);
  EXPECT_EQ(at("model.layers.0.linear_attn.dt_bias")[1], 1);
  EXPECT_LE(at("model.layers.0.linear_attn.A_log")[1], std::log(16.0f));
  EXPECT_NE(at("model.layers.0.linear_attn.A_log")[1], at("model.layers.1.linear_attn.A_log")[1]);
}

}  // namespace
}  // namespace qnext::train::test
