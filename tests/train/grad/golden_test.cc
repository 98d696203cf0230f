// Losses, gradients and optimiser steps of the reference implementation, and logits of our own inference.
#include <fmt/format.h>

#include <algorithm>

#include "train/grad/support.h"

namespace qnext::train::test {
namespace {

using qnext::test::relative_error;

class GoldenTrainTest : public testing::Test {
 protected:
  Batch batch() const {
    Batch b;
    b.starts = {0};
    for (const Json& sequence : golden_.at("sequences")) {
      const std::vector<int32_t> ids = sequence;
      b.ids.insert(b.ids.end(), ids.begin(), ids.end());
      b.targets.insert(b.targets.end(), ids.begin() + 1, ids.end());
      b.targets.push_back(Batch::kNoTarget);
      b.starts.push_back(static_cast<int64_t>(b.ids.size()));
    }
    return b;
  }
  TrainerOptions options() const {
    const Json& adamw = golden_.at("adamw");
    TrainerOptions o;
    o.mtp = false;
    o.losses.balance = golden_.at("aux_coefficient");
    o.adamw.beta1 = adamw.at("betas")[0];
    o.adamw.beta2 = adamw.at("betas")[1];
    o.adamw.epsilon = adamw.at("eps");
    o.adamw.weight_decay = adamw.at("weight_decay");
    o.adamw.clip = 0;
    o.adamw.no_decay = {};
    return o;
  }
  void load(Trainer& trainer) const {
    must(load_parameters(trainer.layout(), *make_synth_source(config_, std::nullopt, "synth"), config_,
                         trainer.values().data()));
  }

  const Json golden_ = must(read_json_file(data("golden/tiny-train/golden.json")));
  const ModelConfig config_ = config_of("tiny-train");
  ThreadPool pool_{2};
};

TEST_F(GoldenTrainTest, LossesAndEveryGradientAgreeWithAndWithoutRecomputation) {
  for (const bool recompute : {false, true}) {
    TrainerOptions o = options();
    o.recompute = recompute;
    Trainer trainer(config_, o, pool_);
    load(trainer);
    const Losses losses = must(trainer.step_gradients(batch()));
    const double cross_entropy = golden_.at("cross_entropy"), aux = golden_.at("aux_loss");
    EXPECT_NEAR(losses.cross_entropy / cross_entropy, 1, 1e-5);
    EXPECT_NEAR(losses.balance / aux, 1, 1e-5);
    EXPECT_NEAR(trainer.optimiser().gradient_norm(pool_, trainer.gradients().data()) /
                    golden_.at("grad_norm").get<double>(),
                1, 1e-4);
    const auto gradients = must(open_safetensors(data("golden/tiny-train/gradients.safetensors")));
    ASSERT_EQ(gradients->entries().size(), trainer.layout().entries().size());
    double worst = 0;
    for (const ParameterEntry& entry : trainer.layout().entries()) {
      const Tensor expected = must(gradients->load(entry.name));
      ASSERT_EQ(expected.shape, entry.shape) << entry.name;
      const double error = relative_error(trainer.gradients().data() + entry.offset,
                                          reinterpret_cast<const float*>(expected.data), entry.elements());
      EXPECT_LT(error, 1e-3) << entry.name;
      worst = std::max(worst, error);
      if (error > 2e-5) RecordProperty(entry.name, fmt::format("{:.2g}", error));
    }
    RecordProperty(recompute ? "worst_recompute" : "worst", fmt::format("{:.2g}", worst));
  }
}

// Adam's first steps turn rounding into steps of full size where a gradient is next to nothing, and a token
// that then changes its expert changes the loss: noise of 3e-6 (relative) on the gradients of the first steps
// moves the last loss by 2e-2, and so does doing everything in double. The losses before that hold 1e-3.
TEST_F(GoldenTrainTest, TenAdamWSteps) {
  Trainer trainer(config_, options(), pool_);
  load(trainer);
  const Json& adamw = golden_.at("adamw");
  const std::vector<double> cross_entropy = adamw.at("cross_entropy"), aux = adamw.at("aux_loss");
  for (size_t i = 0; i < cross_entropy.size(); ++i) {
    const Losses losses = must(trainer.step_gradients(batch()));
    const double tolerance = i + 1 < cross_entropy.size() ? 1e-3 : 5e-3;
    EXPECT_NEAR(losses.cross_entropy / cross_entropy[i], 1, tolerance) << "step " << i;
    EXPECT_NEAR(losses.balance / aux[i], 1, 1e-3) << "step " << i;
    must(trainer.apply(adamw.at("lr")));
  }
}

TEST_F(GoldenTrainTest, SequencesGoneThroughOneByOneGiveTheSameGradient) {
  const Batch both = batch();
  TrainerOptions o = options();
  o.losses.balance = 0;  // its f would be that of one sequence
  Trainer whole(config_, o, pool_), parts(config_, o, pool_);
  load(whole);
  load(parts);
  must(whole.step_gradients(both));
  for (size_t s = 0; s < both.sequences(); ++s) {
    const auto begin = both.starts[s], end = both.starts[s + 1];
    Batch one;
    one.starts = {0, end - begin};
    one.ids.assign(both.ids.begin() + begin, both.ids.begin() + end);
    one.targets.assign(both.targets.begin() + begin, both.targets.begin() + end);
    must(parts.step_gradients(one, 0.5));
  }
  EXPECT_LT(relative_error(parts.gradients().data(), whole.gradients().data(), whole.layout().size()), 1e-5);
}

// The forward pass of training against inference, which has other code for everything but the rotary table.
TEST(TrainLogitsTest, AgreeWithInference) {
  for (const std::string fixture : {"tiny", "variant-tied", "variant-yarn", "variant-wide"}) {
    SCOPED_TRACE(fixture);
    const ModelConfig config = config_of(fixture);
    const std::string model = "synth:" + data("golden/" + fixture + "/config.json");
    qnext::test::Runner runner(model, "ref", {.mtp = config.num_mtp_layers > 0});
    const bool mtp = config.num_mtp_layers > 0;
    const ParameterLayout layout(config, mtp);
    const std::vector<float> values = synthetic_values(config, layout);
    ThreadPool pool(2);
    Network<float> network(config, {}, layout, values.data(), nullptr, false, pool);
    for (const int64_t length : {2, 63, 64, 65, 130}) {
      const Batch batch = random_batch({length}, config.vocab_size, 7);
      const auto expected = runner.prompt(batch.ids, 0, mtp);
      qnext::test::Rows got{config.vocab_size, {}}, drafted{config.vocab_size, {}};
      got.values = network.logits(batch, mtp ? &drafted.values : nullptr);
      EXPECT_LT(worst_row(got, expected.logits), 5e-4) << length;
      if (mtp) {
        EXPECT_LT(worst_row(drafted, expected.mtp_logits), 5e-4) << length;
      }
    }
  }
}

}  // namespace
}  // namespace qnext::train::test
