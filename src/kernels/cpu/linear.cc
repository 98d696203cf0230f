#include "kernels/cpu/targets.h"
//
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/linear.cc"
#include <hwy/foreach_target.h>
//
#include "kernels/cpu/dot_rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {

// Rows per piece of work: small enough to balance the threads, large enough (some 32 thousand
// multiplications) to be worth handing out, and a multiple of the panel.
int64_t rows_per_piece(const Matrix& w, int64_t n, int threads) {
  const int64_t worthwhile = 32768 / std::max<int64_t>(1, w.cols * n);
  const int64_t balanced = w.rows / (8 * threads);
  return round_up(std::clamp<int64_t>(balanced, worthwhile, std::max<int64_t>(worthwhile, 64)), kPanelRows);
}

void linear(Workspace& workspace, const Matrix& w, const float* x, int64_t n, float* y) {
  if (n <= 0) return;
  workspace.reserve_workers(panel_floats(w.cols));
  const int64_t grain = rows_per_piece(w, n, workspace.threads());
  workspace.pool().parallel_for(w.rows, grain, [&](int64_t begin, int64_t end, int worker) HWY_ATTR {
    dot_rows(w, begin, end, {x, w.cols}, n, y + begin, w.rows, workspace.worker(worker));
  });
}

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace qnext::cpu {

HWY_EXPORT(linear);

void choose_linear(const Target& target, Kernels& kernels) { kernels.linear = HWY_DISPATCH_TABLE(linear)[target.index]; }

}  // namespace qnext::cpu
#endif
