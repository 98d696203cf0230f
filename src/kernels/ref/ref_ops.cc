#include "kernels/ref/ref_ops.h"

#include "tensor/dtype.h"

namespace qnext {
namespace {

class RefOps final : public Ops {
 public:
  explicit RefOps(ThreadPool& pool) : pool_(pool) {}
  std::string_view name() const override { return "ref"; }
  bool supports(DType weight_type) const override { return is_weight_type(weight_type); }

  void embed(const Matrix& table, std::span<const int32_t> ids, float* y) override {
    ref::embed(table, ids, y);
  }
  void rms_norm(const float* x, const float* scale, float eps, int64_t n, int64_t width, float* y) override {
    ref::rms_norm(x, scale, eps, n, width, y);
  }
  using Ops::linear;
  void linear(std::span<const Projection> projections, const float* x, int64_t n) override {
    for (const Projection& p : projections) ref::linear(pool_, *p.w, x, n, p.y);
  }
  void add(float* x, const float* y, int64_t count) override {
    for (int64_t i = 0; i < count; ++i) x[i] += y[i];
  }
  void mlp(const Mlp& weights, const float* x, int64_t n, float* y) override {
    ref::mlp(pool_, weights, x, n, y);
  }
  void attention(const AttentionArgs& args) override { ref::attention(pool_, args); }
  void gdn(const GdnArgs& args) override { ref::gdn(pool_, args); }
  void moe_route(const float* logits, int64_t n, int64_t experts, int64_t top_k, bool normalise, int32_t* ids,
                 float* weights) override {
    ref::moe_route(logits, n, experts, top_k, normalise, ids, weights);
  }
  void moe(const MoeArgs& args) override { ref::moe(pool_, args); }

 private:
  ThreadPool& pool_;
};

}  // namespace

std::unique_ptr<Ops> make_ref_ops(ThreadPool& pool) { return std::make_unique<RefOps>(pool); }

}  // namespace qnext
