// Training a low-rank adapter (checkpoint/lora.h) in place of the weights. The network computes with the
// whole matrices W + (alpha / rank) B A, so its blocks know nothing of adapters: a step costs about what one
// of all weights does, and only the optimiser's state is small. With G the gradient of the loss by the whole
// matrix, that of B is (alpha / rank) G A^T and that of A is (alpha / rank) B^T G.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "train/grad/buffer.h"
#include "train/grad/parameters.h"
#include "train/grad/product.h"

namespace qnext::train {

struct LoraOptions {
  int64_t rank = 0;  // 0: no adapter
  double alpha = 0;
  std::vector<std::string> target_modules;  // as PEFT's, see lora_targets()
};

// Of the adapter of a model whose tensors lie as `model` says: A and B of each adapted matrix, under PEFT's
// names. Only matrices are adapted.
ParameterLayout adapter_layout(const ParameterLayout& model, const LoraOptions& options);

class Lora {
 public:
  Lora(const ParameterLayout& model, const LoraOptions& options);

  const ParameterLayout& layout() const { return layout_; }
  std::span<float> values() { return {values_.data(), static_cast<size_t>(layout_.size())}; }
  float* gradients() { return gradients_.data(); }
  bool adapts(const std::string& tensor) const;

  // Keeps the model's matrices as what the adapter is added to, and starts the adapter: A uniform within
  // 1 / sqrt(in) as PEFT has it, B 0.
  void start(const float* model, uint64_t seed);
  // Writes the adapted matrices into the model's values.
  void apply(ThreadPool& pool, float* model);
  // The adapter's gradients from those of the model, before the optimiser's step.
  void take_gradients(ThreadPool& pool, const float* model_gradients);

 private:
  struct Target {
    int64_t rows, cols;
    int64_t at, frozen, a, b;  // offsets in the model, in frozen_, in the adapter's runs
  };
  const int64_t rank_;
  const float scale_;
  std::vector<Target> targets_;
  ParameterLayout layout_;
  Buffer<float> values_, gradients_, frozen_;
  std::vector<PackSpace<float>> pack_;
};

}  // namespace qnext::train
