// Training an adapter instead of the weights.
#include "train/grad/lora.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "checkpoint/lora.h"
#include "train/grad/support.h"
#include "train/grad/trainer.h"

namespace qnext::train::test {
namespace {

class LoraTrainerTest : public testing::Test {
 protected:
  TrainerOptions options() const {
    TrainerOptions o;
    o.losses = {0.01, 0.001, 0.1, 1};
    o.adamw.weight_decay = 0;
    o.lora = {3, 6, {"q_proj", "in_proj_qkvz", "shared_expert.down_proj", "experts.1.up_proj"}};
    return o;
  }
  void start(Trainer& trainer) const {
    initialise(trainer.model_layout(), 4, 0.05, trainer.weights().data());
    trainer.start_adapter(7);
  }
  const ModelConfig config_ = config_of("tiny");
  ThreadPool pool_{2};
};

TEST_F(LoraTrainerTest, StartsAsTheModelAndChangesItsTargetsOnly) {
  Trainer trainer(config_, options(), pool_);
  start(trainer);
  const std::vector<float> before(trainer.weights().begin(), trainer.weights().end());
  trainer.adapter_changed();
  EXPECT_TRUE(std::ranges::equal(before, trainer.weights()));  // B is 0
  const Batch batch = random_batch({40, 30}, config_.vocab_size, 1);
  must(trainer.step_gradients(batch));
  must(trainer.apply(1e-2));
  for (const ParameterEntry& entry : trainer.model_layout().entries()) {
    const auto here =
        trainer.weights().subspan(static_cast<size_t>(entry.offset), static_cast<size_t>(entry.elements()));
    const bool same = std::equal(here.begin(), here.end(), before.begin() + entry.offset);
    EXPECT_EQ(same, trainer.layout().find(lora_a_name(entry.name)) == nullptr) << entry.name;
  }
}

// With G the gradient by a whole matrix, which is that of training all weights: s G A^T for B, s B^T G for A.
TEST_F(LoraTrainerTest, GradientsAreThoseOfTheWholeMatrices) {
  TrainerOptions whole = options();
  whole.lora = {};
  Trainer trainer(config_, options(), pool_), all(config_, whole, pool_);
  start(trainer);
  const Batch batch = random_batch({40, 30}, config_.vocab_size, 1);
  must(trainer.step_gradients(batch));
  must(trainer.apply(1e-2));  // B is 0 no more
  std::ranges::copy(trainer.weights(), all.weights().begin());
  must(trainer.step_gradients(batch));
  must(all.step_gradients(batch));
  Lora lora(trainer.model_layout(), options().lora);
  std::ranges::copy(trainer.values(), lora.values().begin());
  lora.take_gradients(pool_, trainer.gradients().data());
  const double scale = 2;
  int matrices = 0;
  for (const ParameterEntry& entry : trainer.model_layout().entries()) {
    const ParameterEntry* a = trainer.layout().find(lora_a_name(entry.name));
    if (!a) continue;
    ++matrices;
    const ParameterEntry* b = trainer.layout().find(lora_b_name(entry.name));
    const int64_t rank = a->shape[0], rows = entry.shape[0], cols = entry.shape[1];
    const float* g = all.gradients().data() + entry.offset;
    EXPECT_TRUE(std::equal(g, g + rows * cols, trainer.gradients().data() + entry.offset)) << entry.name;
    const auto near = [&](double expected, float got) {
      EXPECT_NEAR(got, expected, 1e-6 + 1e-4 * std::abs(expected));
    };
    for (int64_t k = 0; k < rank; ++k) {
      for (int64_t i = 0; i < rows; ++i) {
        double sum = 0;
        for (int64_t j = 0; j < cols; ++j)
          sum += static_cast<double>(g[i * cols + j]) * lora.values().data()[a->offset + k * cols + j];
        near(scale * sum, lora.gradients()[b->offset + i * rank + k]);
      }
      for (int64_t j = 0; j < cols; ++j) {
        double sum = 0;
        for (int64_t i = 0; i < rows; ++i)
          sum += static_cast<double>(g[i * cols + j]) * lora.values().data()[b->offset + i * rank + k];
        near(scale * sum, lora.gradients()[a->offset + k * cols + j]);
      }
    }
  }
  EXPECT_GT(matrices, 4);
}

TEST_F(LoraTrainerTest, GoesOnFromStoredStateBitForBit) {
  Trainer whole(config_, options(), pool_), first(config_, options(), pool_),
      second(config_, options(), pool_);
  for (Trainer* trainer : {&whole, &first, &second}) start(*trainer);
  const auto steps = [&](Trainer& trainer, uint64_t from, uint64_t to) {
    for (uint64_t i = from; i < to; ++i) {
      must(trainer.step_gradients(random_batch({70, 1, 33}, config_.vocab_size, i)));
      must(trainer.apply(1e-3));
    }
  };
  steps(whole, 0, 4);
  steps(first, 0, 2);
  std::ranges::copy(first.values(), second.values().begin());
  std::ranges::copy(first.optimiser().first_moments(), second.optimiser().first_moments().begin());
  std::ranges::copy(first.optimiser().second_moments(), second.optimiser().second_moments().begin());
  second.optimiser().set_step(first.optimiser().step());
  second.adapter_changed();
  steps(second, 2, 4);
  EXPECT_TRUE(std::ranges::equal(whole.values(), second.values()));
  EXPECT_TRUE(std::ranges::equal(whole.weights(), second.weights()));
}

}  // namespace
}  // namespace qnext::train::test
