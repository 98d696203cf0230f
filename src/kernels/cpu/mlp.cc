// Feed-forward blocks: one dense MLP, or the experts of a step, each of whose weights are read once.
//
// Tokens are grouped by expert: a "slot" is one (token, expert) pair, and the slots of an expert are
// consecutive. First h = silu(gate x) * up x for all slots, then down h, then every token adds up its slots
// in the order of its ids.
#include "kernels/cpu/targets.h"
//
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/mlp.cc"
#include <hwy/foreach_target.h>
//
#include "kernels/cpu/dot_rows-inl.h"
#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {
namespace {

// Rows of a weight matrix in one piece of work.
constexpr int64_t kBlock = 32;
// Results of the down projection that are held at a time, in floats: 64 MiB.
constexpr int64_t kHeldFloats = int64_t{1} << 24;

// One expert and its slots [begin, begin + count).
struct Job {
  const Mlp* mlp;
  int64_t begin, count;
};

// The jobs of a step: routed experts that some token chose, then the shared one.
class Plan {
 public:
  Plan(const MoeArgs& args, std::vector<int32_t>& memory) : args_(args) {
    const int64_t experts = static_cast<int64_t>(args.experts->size()), pairs = args.n * args.top_k;
    memory.assign(static_cast<size_t>(2 * experts + 1 + 2 * pairs), 0);
    starts_ = memory.data();
    used_ = starts_ + experts + 1;
    slot_ = used_ + experts;
    token_ = slot_ + pairs;
    for (int64_t p = 0; p < pairs; ++p) ++starts_[args.ids[p] + 1];
    for (int64_t e = 0; e < experts; ++e) starts_[e + 1] += starts_[e];
    // Filling moves starts_[e] to the end of e's slots, which is the start of the next.
    for (int64_t p = 0; p < pairs; ++p) {
      const int32_t slot = starts_[args.ids[p]]++;
      slot_[p] = slot;
      token_[slot] = static_cast<int32_t>(p / args.top_k);
    }
    for (int64_t e = 0; e < experts; ++e) {
      if (slots_of(e) > 0) used_[used_count_++] = static_cast<int32_t>(e);
    }
  }
  bool has_shared() const { return args_.shared && !args_.shared->gate.empty(); }
  int64_t routed_slots() const { return args_.n * args_.top_k; }
  int64_t slots() const { return routed_slots() + (has_shared() ? args_.n : 0); }
  int64_t jobs() const { return used_count_ + (has_shared() ? 1 : 0); }
  // The shared expert comes first: it has the most tokens.
  Job job(int64_t i) const {
    if (has_shared() && i-- == 0) return {args_.shared, routed_slots(), args_.n};
    const int32_t expert = used_[i];
    const int64_t count = slots_of(expert);
    return {&(*args_.experts)[static_cast<size_t>(expert)], starts_[expert] - count, count};
  }
  Inputs inputs(const Job& job) const {
    if (job.begin == routed_slots()) return {args_.x, args_.hidden};
    return {args_.x, args_.hidden, token_ + job.begin};
  }
  int64_t slot(int64_t token, int64_t k) const { return slot_[token * args_.top_k + k]; }
  int64_t shared_slot(int64_t token) const { return routed_slots() + token; }

 private:
  int64_t slots_of(int64_t e) const { return starts_[e] - (e > 0 ? starts_[e - 1] : 0); }

  const MoeArgs& args_;
  int32_t* starts_;  // [experts + 1]; after filling, [e] is the end of e's slots
  int32_t* used_;    // [experts], those that have slots
  int64_t used_count_ = 0;
  int32_t* slot_;   // [n, top_k]
  int32_t* token_;  // [n * top_k], by slot
};

int64_t width_of(const Mlp& mlp) { return mlp.gate.rows; }

// h[slot][begin, end) for the slots of a job; h points to the job's first slot.
void gate_and_up(const Mlp& mlp, int64_t begin, int64_t end, const Inputs& x, int64_t n, float* h,
                 int64_t h_stride, float* scratch) {
  float* up = scratch;  // [n, end - begin]
  float* panel = scratch + round_up(n * kBlock, kAlign);
  const int64_t width = end - begin;
  dot_rows(mlp.gate, begin, end, x, n, h + begin, h_stride, panel);
  dot_rows(mlp.up, begin, end, x, n, up, width, panel);
  for (int64_t t = 0; t < n; ++t) {
    float* row = h + t * h_stride + begin;
    for (int64_t j = 0; j < width; j += kLanes) {
      const int64_t left = width - j;
      store(hn::Mul(silu(load(row + j, left)), load(up + t * width + j, left)), row + j, left);
    }
  }
}

// y[begin, end) = sum of the token's slots of d, weighted.
void combine(const MoeArgs& args, const Plan& plan, int64_t token, const float* shared_weight, const float* d,
             int64_t d_stride, int64_t begin, int64_t end) {
  const float* weights = args.weights + token * args.top_k;
  float* y = args.y + token * args.hidden;
  for (int64_t j = begin; j < end; j += kLanes) {
    const int64_t left = end - j;
    VF acc = zero();
    for (int64_t k = 0; k < args.top_k; ++k) {
      acc = hn::MulAdd(set(weights[k]), load(d + plan.slot(token, k) * d_stride + j - begin, left), acc);
    }
    if (shared_weight) {
      const float* row = d + plan.shared_slot(token) * d_stride + j - begin;
      acc = hn::MulAdd(set(shared_weight[token]), load(row, left), acc);
    }
    store(acc, y + j, left);
  }
}

void sigmoid_all(float* x, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes) store(sigmoid(load(x + i, n - i)), x + i, n - i);
}

int64_t blocks_of(int64_t rows) { return (rows + kBlock - 1) / kBlock; }

}  // namespace

void mlp(Workspace& workspace, const Mlp& weights, const float* x, int64_t n, float* y) {
  if (n <= 0) return;
  const int64_t width = width_of(weights), hidden = weights.down.rows;
  workspace.reserve_workers(round_up(n * kBlock, kAlign) + panel_floats(std::max(weights.gate.cols, width)));
  float* h = workspace.shared(n * width);
  workspace.pool().parallel_for(width, kBlock, [&](int64_t begin, int64_t end, int worker) HWY_ATTR {
    gate_and_up(weights, begin, end, {x, weights.gate.cols}, n, h, width, workspace.worker(worker));
  });
  workspace.pool().parallel_for(hidden, kBlock, [&](int64_t begin, int64_t end, int worker) HWY_ATTR {
    dot_rows(weights.down, begin, end, {h, width}, n, y + begin, hidden, workspace.worker(worker));
  });
}

void moe(Workspace& workspace, const MoeArgs& args) {
  if (args.n <= 0) return;
  const Plan plan(args, workspace.integers());
  int64_t width = 0, most = 0;
  for (int64_t i = 0; i < plan.jobs(); ++i) {
    const Job job = plan.job(i);
    width = std::max(width, width_of(*job.mlp));
    most = std::max(most, job.count);
  }
  const int64_t held = std::max<int64_t>(kHeldFloats / std::max<int64_t>(1, plan.slots()), 1);
  const int64_t columns = std::min(args.hidden, round_up(held, kBlock));
  Layout layout(workspace.shared(round_up(plan.slots() * width, kAlign) +
                                 round_up(plan.slots() * columns, kAlign) + round_up(args.n, kAlign)));
  float* h = layout.take(plan.slots() * width);
  float* d = layout.take(plan.slots() * columns);
  float* shared_weight = plan.has_shared() ? layout.take(args.n) : nullptr;
  workspace.reserve_workers(round_up(most * kBlock, kAlign) + panel_floats(std::max(args.hidden, width)));
  ThreadPool& pool = workspace.pool();

  const int64_t width_blocks = blocks_of(width);
  pool.parallel_for(plan.jobs() * width_blocks, 1, [&](int64_t first, int64_t last, int worker) HWY_ATTR {
    for (int64_t i = first; i < last; ++i) {
      const Job job = plan.job(i / width_blocks);
      const int64_t begin = i % width_blocks * kBlock;
      const int64_t end = std::min(begin + kBlock, width_of(*job.mlp));
      if (begin >= end) continue;
      gate_and_up(*job.mlp, begin, end, plan.inputs(job), job.count, h + job.begin * width, width,
                  workspace.worker(worker));
    }
  });
  if (shared_weight) {
    dot_rows(*args.shared_gate, 0, 1, {args.x, args.hidden}, args.n, shared_weight, 1, workspace.worker(0));
    sigmoid_all(shared_weight, args.n);
  }

  for (int64_t column = 0; column < args.hidden; column += columns) {
    const int64_t column_end = std::min(column + columns, args.hidden);
    const int64_t blocks = blocks_of(column_end - column);
    pool.parallel_for(plan.jobs() * blocks, 1, [&](int64_t first, int64_t last, int worker) HWY_ATTR {
      for (int64_t i = first; i < last; ++i) {
        const Job job = plan.job(i / blocks);
        const int64_t begin = column + i % blocks * kBlock, end = std::min(begin + kBlock, column_end);
        dot_rows(job.mlp->down, begin, end, {h + job.begin * width, width}, job.count,
                 d + job.begin * columns + begin - column, columns, workspace.worker(worker));
      }
    });
    pool.parallel_for(args.n, 4, [&](int64_t first, int64_t last, int) HWY_ATTR {
      for (int64_t t = first; t < last; ++t) {
        combine(args, plan, t, shared_weight, d, columns, column, column_end);
      }
    });
  }
}

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace qnext::cpu {

HWY_EXPORT(mlp);
HWY_EXPORT(moe);

void choose_mlp(const Target& target, Kernels& kernels) {
  kernels.mlp = HWY_DISPATCH_TABLE(mlp)[target.index];
  kernels.moe = HWY_DISPATCH_TABLE(moe)[target.index];
}

}  // namespace qnext::cpu
#endif
