#include "kernels/cpu/targets.h"
//
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/linear.cc"
#include <hwy/foreach_target.h>
//
#include "kernels/cpu/activations-inl.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {
namespace {

// Rows per piece of work: small enough to balance the threads, large enough (some 128 thousand
// multiplications, microseconds) to be worth handing out, and whole panels.
// Where few inputs make memory the limit, pieces are long: reading ahead starts anew with each.
int64_t rows_per_piece(int64_t rows, const Matrix& w, int64_t n, int threads) {
  constexpr int64_t kBytes = 1 << 18, kFew = 4;
  const int64_t cols = w.cols;
  const int64_t most = n > kFew ? 64 : std::max<int64_t>(64, kBytes / std::max<int64_t>(1, w.stride()));
  const int64_t worthwhile = std::max<int64_t>(1, (1 << 17) / std::max<int64_t>(1, cols * n));
  const int64_t balanced = rows / (8 * threads);
  return round_up(std::clamp<int64_t>(balanced, worthwhile, std::max(worthwhile, most)), kPanelRows);
}

// Pieces of `grain` rows of the projections one after the other; a piece is of one projection.
class Pieces {
 public:
  struct Rows {
    const Projection* projection;
    int64_t begin, end;

    NextWeights weights() const { return {*projection->w, begin, end}; }
  };

  Pieces(std::span<const Projection> projections, int64_t grain) : projections_(projections), grain_(grain) {
    for (const Projection& p : projections) count_ += pieces_of(p);
  }
  int64_t count() const { return count_; }
  Rows operator[](int64_t piece) const {
    const Projection* p = projections_.data();
    for (; piece >= pieces_of(*p); ++p) piece -= pieces_of(*p);
    return {p, piece * grain_, std::min((piece + 1) * grain_, p->w->rows)};
  }

 private:
  int64_t pieces_of(const Projection& p) const { return (p.w->rows + grain_ - 1) / grain_; }

  std::span<const Projection> projections_;
  int64_t grain_, count_ = 0;
};

}  // namespace

void linear(Workspace& workspace, std::span<const Projection> projections, const float* x, int64_t n) {
  if (n <= 0 || projections.empty()) return;
  ThreadPool& pool = workspace.pool();
  const int64_t cols = projections.front().w->cols;
  Forms forms(workspace);
  int64_t rows = 0;
  for (const Projection& p : projections) {
    forms.add(*p.w);
    rows += p.w->rows;
  }
  Layout measure(nullptr);
  lay_out_activations(measure, forms, n, cols);
  Layout layout(workspace.shared(measure.used()));
  Activations inputs = lay_out_activations(layout, forms, n, cols);
  inputs.rows = {x, cols};
  pool.parallel_for(n, kTileRun, [&](int64_t begin, int64_t end, int) HWY_ATTR {
    pack_activations(inputs, forms, begin, end, cols);
  });

  workspace.reserve_workers(panel_floats(cols));
  const int64_t grain = rows_per_piece(rows, *projections.front().w, n, workspace.threads());
  const Pieces pieces(projections, grain);
  pool.parallel_for(pieces.count(), 1, [&](int64_t first, int64_t last, int worker) HWY_ATTR {
    for (int64_t i = first; i < last; ++i) {
      const auto [p, begin, end] = pieces[i];
      const NextWeights next = i + 1 < pieces.count() ? pieces[i + 1].weights() : NextWeights();
      dot(*p->w, begin, end, inputs, n, p->y + begin, p->w->rows, workspace.worker(worker), next);
    }
  });
}

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace qnext::cpu {

HWY_EXPORT(linear);

void choose_linear(const Target& target, Kernels& kernels) {
  kernels.linear = HWY_DISPATCH_TABLE(linear)[target.index];
}

}  // namespace qnext::cpu
#endif
