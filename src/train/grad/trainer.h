// A model while it is trained: parameters, losses and gradients, optimiser.
//
//   Trainer trainer(config, options, pool);
//   initialise(trainer.layout(), seed, 0.02, trainer.values().data());   // or load_parameters()
//   for each step:
//     for each of its micro-batches: trainer.step_gradients(batch, its share of the targets);
//     trainer.apply(learning_rate);
//
// Results do not depend on the number of threads: a run that goes on from stored parameters and optimiser
// state gives the same bits as one that was never interrupted.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "train/grad/adamw.h"
#include "train/grad/lora.h"
#include "train/grad/network.h"

namespace qnext::train {

struct TrainerOptions {
  LossOptions losses;
  AdamWOptions adamw;
  bool mtp = true;         // the model has the multi-token-prediction block
  bool recompute = false;  // a third more work for a fraction of the memory
  LoraOptions lora;        // with a rank: an adapter is trained, the model is not
};

class Trainer {
 public:
  // All parameters are 0 until they are initialised or loaded. `config` passed ModelConfig::validate().
  Trainer(const ModelConfig& config, const TrainerOptions& options, ThreadPool& pool);

  const ModelConfig& config() const { return config_; }
  // The model's weights and, after step_gradients(), their gradients.
  const ParameterLayout& model_layout() const { return layout_; }
  std::span<float> weights() { return {weights_.data(), static_cast<size_t>(layout_.size())}; }
  std::span<const float> gradients() const {
    return {gradients_.data(), static_cast<size_t>(layout_.size())};
  }
  // What is trained: the adapter where there is one, else the weights.
  const ParameterLayout& layout() const { return lora_ ? lora_->layout() : layout_; }
  std::span<float> values() { return lora_ ? lora_->values() : weights(); }
  // With an adapter: begins it when the model's weights are there (`seed` of its first values), and takes
  // values() into account that were written from outside.
  void start_adapter(uint64_t seed);
  void adapter_changed();
  AdamW& optimiser() { return adamw_; }

  // Adds share * gradient of the batch's losses. The cross-entropy is a mean over the batch's own targets, so
  // the micro-batches of a step have as `share` their part of the step's targets, 1 in all. The balance loss
  // takes the experts' shares of all micro-batches of the step so far. An error: a batch that is none, or a
  // loss that is not finite; the gradients are then of no use (clear_gradients()).
  Result<Losses> step_gradients(const Batch& batch, double share = 1);
  // One optimiser step; the gradients are 0 afterwards. Returns their norm before clipping. An error leaves
  // the parameters as they were: the norm is not finite.
  Result<double> apply(double learning_rate);
  void clear_gradients();

  // The losses without a trace: no gradients, no statistics.
  Result<Losses> evaluate(const Batch& batch);
  // What the routers chose since the step began: until the first step_gradients() after apply().
  const RoutingStatistics& routing() const { return routing_; }

 private:
  std::string step_name() const;
  const ModelConfig config_;
  ThreadPool& pool_;
  const ParameterLayout layout_;
  std::optional<Lora> lora_;
  Buffer<float> weights_, gradients_;
  AdamW adamw_;
  Network<float> network_;
  RoutingStatistics routing_;
  bool step_begins_ = true;
};

}  // namespace qnext::train
