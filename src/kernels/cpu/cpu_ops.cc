// The backend object: the kernels of one instruction set and the memory they work in.
#include <string>
#include <vector>

#include "kernels/cpu/kernels.h"
#include "kernels/cpu/lay_out.h"

namespace qnext {
namespace {

class CpuOps final : public Ops {
 public:
  CpuOps(ThreadPool& pool, std::string_view isa, Rounding rounding, const cpu::Kernels& kernels)
      : workspace_(pool), name_("cpu (" + std::string(isa) + ")"), rounding_(rounding), kernels_(kernels) {
    workspace_.round_to_bf16 = rounding == Rounding::kNative && kernels.target.bf16;
    workspace_.amx = kernels.target.amx;
    workspace_.vnni = kernels.target.vnni;
    workspace_.in_order = kernels.target.in_order;
  }

  std::string_view name() const override { return name_; }
  bool supports(DType weight_type) const override { return is_weight_type(weight_type); }

  using Ops::prepare;
  void prepare(std::span<Matrix* const> matrices, Read read) override {
    std::vector<cpu::Move> moves;
    for (Matrix* m : matrices) {
      if (const WeightLayout best = best_layout(*m); best != m->layout) moves.push_back({m, best});
    }
    cpu::lay_out(moves, workspace_.pool(), read);
  }
  void prepare_on_use(std::span<Matrix* const> matrices, std::shared_ptr<const KeptRead> read) override {
    std::vector<Matrix*> waiting, now;
    for (Matrix* m : matrices) {
      const bool packs = best_layout(*m) == WeightLayout::kPanels && m->layout == WeightLayout::kRows;
      (packs && m->rows % kPanelRows == 0 ? waiting : now).push_back(m);
    }
    cpu::lay_out_on_use(waiting, read);
    prepare(now, *read);
  }
  void finish_preparing(std::span<Matrix* const> matrices) override {
    cpu::finish_laying_out(matrices, workspace_.pool());
  }

  void embed(const Matrix& table, std::span<const int32_t> ids, float* y) override {
    workspace_.pool().parallel_for(static_cast<int64_t>(ids.size()), 8, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) read_row(table, ids[static_cast<size_t>(i)], y + i * table.cols);
    });
  }
  void rms_norm(const float* x, const float* scale, float eps, int64_t n, int64_t width, float* y) override {
    kernels_.rms_norm(workspace_, x, scale, eps, n, width, y);
  }
  using Ops::linear;
  void linear(std::span<const Projection> projections, const float* x, int64_t n) override {
    kernels_.linear(workspace_, projections, x, n);
  }
  void add(float* x, const float* y, int64_t count) override { kernels_.add(workspace_, x, y, count); }
  void mlp(const Mlp& weights, const float* x, int64_t n, float* y) override {
    kernels_.mlp(workspace_, weights, x, n, y);
  }
  void attention(const AttentionArgs& args) override { kernels_.attention(workspace_, args); }
  void gdn(const GdnArgs& args) override { kernels_.gdn(workspace_, args); }
  void moe_route(const float* logits, int64_t n, int64_t experts, int64_t top_k, bool normalise, int32_t* ids,
                 float* weights) override {
    kernels_.moe_route(workspace_, logits, n, experts, top_k, normalise, ids, weights);
  }
  void moe(const MoeArgs& args) override { kernels_.moe(workspace_, args); }

 private:
  WeightLayout best_layout(const Matrix& w) const {
    // Products with quantised panels round their inputs.
    if (rounding_ == Rounding::kNone && is_quantised(w.dtype)) {
      return w.panels() > 0 ? WeightLayout::kRows : w.layout;
    }
    return cpu::likes_panels(w) ? WeightLayout::kPanels : w.layout;
  }

  cpu::Workspace workspace_;
  std::string name_;
  Rounding rounding_;
  cpu::Kernels kernels_;
};

}  // namespace

std::unique_ptr<Ops> make_cpu_ops(ThreadPool& pool, std::string_view isa, Rounding rounding) {
  if (isa.empty()) {
    const auto isas = cpu_isas();
    if (isas.empty()) return nullptr;
    isa = isas.front();
  }
  cpu::Kernels kernels{};
  if (!cpu::choose_kernels(isa, kernels)) return nullptr;
  return std::make_unique<CpuOps>(pool, isa, rounding, kernels);
}

}  // namespace qnext
