// AdamW: Adam with decoupled weight decay (Loshchilov and Hutter, "Decoupled Weight Decay Regularization",
// 2019), after clipping the gradient by its global norm.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "train/grad/buffer.h"
#include "train/grad/parameters.h"
#include "train/grad/vectors.h"

namespace qnext {
class ThreadPool;
}

namespace qnext::train {

struct AdamWOptions {
  double beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8;
  double weight_decay = 0.1;
  double clip = 1;  // largest global norm of the gradient; 0: no clipping
  // Tensors whose name ends so are not decayed. Matrices and zero-centred norms are (specification 5).
  std::vector<std::string> no_decay{"A_log", "dt_bias", "linear_attn.norm.weight"};
};

class AdamW {
 public:
  AdamW(const ParameterLayout& layout, const AdamWOptions& options);

  // The norm of all gradients: sums of fixed blocks in a fixed order.
  double gradient_norm(ThreadPool& pool, const float* gradients) const;
  // One step at learning rate `rate`; `norm` is gradient_norm(). The gradients are 0 afterwards.
  void apply(ThreadPool& pool, double rate, double norm, float* values, float* gradients);

  // The state, to be stored and restored bit for bit: steps made, moments of layout.size() elements each.
  int64_t step() const { return step_; }
  void set_step(int64_t step) { step_ = step; }
  std::span<float> first_moments() { return {m_.data(), static_cast<size_t>(size_)}; }
  std::span<float> second_moments() { return {v_.data(), static_cast<size_t>(size_)}; }

 private:
  struct Piece {
    int64_t begin, count;
    bool decay;
  };
  const AdamWOptions options_;
  const int64_t size_;
  std::vector<Piece> pieces_;  // the tensors, cut into what one task does
  Buffer<float> m_, v_;
  int64_t step_ = 0;
};

}  // namespace qnext::train
