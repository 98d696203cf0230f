// A backend that notes how long each of its operations takes: where the time of a step goes.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "kernels/ops.h"

namespace qnext {

struct OperationTime {
  int64_t calls = 0;
  double seconds = 0;
  // That the calls had to read and write at least: weights (an expert's once a call), keys and values,
  // recurrent state. 0 for operations on activations alone.
  double bytes = 0;
};

class TimedOps : public Ops {
 public:
  explicit TimedOps(std::unique_ptr<Ops> ops) : ops_(std::move(ops)) {}

  // Since the last call, by the operation's name; products with the shape of their weights.
  std::map<std::string, OperationTime> take() { return std::exchange(times_, {}); }

  std::string_view name() const override { return ops_->name(); }
  bool supports(DType weight_type) const override { return ops_->supports(weight_type); }
  using Ops::prepare;
  void prepare(std::span<Matrix* const> matrices, Read read) override { ops_->prepare(matrices, read); }
  void prepare_on_use(std::span<Matrix* const> matrices, std::shared_ptr<const KeptRead> read) override {
    ops_->prepare_on_use(matrices, std::move(read));
  }
  void finish_preparing(std::span<Matrix* const> matrices) override { ops_->finish_preparing(matrices); }
  void embed(const Matrix& table, std::span<const int32_t> ids, float* y) override;
  void rms_norm(const float* x, const float* scale, float eps, int64_t n, int64_t width, float* y) override;
  using Ops::linear;
  void linear(std::span<const Projection> projections, const float* x, int64_t n) override;
  void add(float* x, const float* y, int64_t count) override;
  void mlp(const Mlp& weights, const float* x, int64_t n, float* y) override;
  void attention(const AttentionArgs& args) override;
  void gdn(const GdnArgs& args) override;
  void moe_route(const float* logits, int64_t n, int64_t experts, int64_t top_k, bool normalise, int32_t* ids,
                 float* weights) override;
  void moe(const MoeArgs& args) override;

 private:
  template <class Call>
  void time(const std::string& operation, int64_t bytes, Call call);

  std::unique_ptr<Ops> ops_;
  std::map<std::string, OperationTime> times_;
};

}  // namespace qnext
