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
#include <bit>

#include "kernels/cpu/activations-inl.h"
#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {
namespace {

// Rows of a weight matrix that are multiplied at a time are a multiple of this.
constexpr int64_t kBlock = 32;
// Results of the down projection that are held at a time, in floats: 8 MiB, for the caches.
constexpr int64_t kHeldFloats = int64_t{1} << 21;

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
void gate_and_up(const Mlp& mlp, int64_t begin, int64_t end, const Activations& x, int64_t n, float* h,
                 int64_t h_stride, float* scratch, const NextWeights& next) {
  const int64_t width = end - begin;
  float* up = scratch;  // [n, width]
  float* decoded = scratch + round_up(n * width, kAlign);
  dot(mlp.gate, begin, end, x, n, h + begin, h_stride, decoded, {mlp.up, begin, end});
  dot(mlp.up, begin, end, x, n, up, width, decoded, next);
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

int64_t blocks_of(int64_t rows, int64_t block) { return (rows + block - 1) / block; }

// Long blocks, because reading ahead starts anew with each, but so short that a core's cache holds a few, and
// that all threads find some. Powers of two leave no short ones over.
int64_t rows_at_once(const Matrix& w, int64_t all_rows, int threads) {
  constexpr int64_t kBytes = 1 << 18, kBlocks = 6;
  const int64_t rows = std::min(kBytes / std::max<int64_t>(1, w.stride()), all_rows / (kBlocks * threads));
  return std::max<int64_t>(kBlock, static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(rows))));
}

// Pieces of work: runs of blocks in the order of jobs, with about as many products each. Block i is block
// i % blocks of job i / blocks, and piece p has blocks [cuts[p], cuts[p + 1]).
class Pieces {
 public:
  Pieces(const Plan& plan, int64_t blocks, int threads) {
    constexpr int64_t kPieces = 16;  // for each thread
    const int64_t enough = plan.slots() * blocks / (kPieces * threads);
    int64_t work = 0;
    for (int64_t job = 0; job < plan.jobs(); ++job) {
      const int64_t count = plan.job(job).count;
      for (int64_t i = 0; i < blocks; ++i) {
        work += count;
        if (work < enough) continue;
        cuts_.push_back(job * blocks + i + 1);
        work = 0;
      }
    }
    if (work > 0) cuts_.push_back(plan.jobs() * blocks);
  }
  int64_t count() const { return static_cast<int64_t>(cuts_.size()) - 1; }
  // The first block of piece i, or past the last piece's last.
  int64_t begin(int64_t i) const { return cuts_[static_cast<size_t>(i)]; }

 private:
  std::vector<int64_t> cuts_{0};
};

// What the sizes of an operation's memory and loops follow from.
struct Sizes {
  Sizes(const Workspace& workspace, const MoeArgs& args, const Plan& plan)
      : inputs(workspace), expanded(workspace) {
    for (int64_t i = 0; i < plan.jobs(); ++i) {
      const Job job = plan.job(i);
      width = std::max(width, width_of(*job.mlp));
      most = std::max(most, job.count);
      inputs.add(job.mlp->gate);
      inputs.add(job.mlp->up);
      expanded.add(job.mlp->down);
    }
    const int64_t held = std::max<int64_t>(kHeldFloats / std::max<int64_t>(1, plan.slots()), 1);
    columns = std::min(args.hidden, round_up(held, kBlock));
    const Mlp& largest = *plan.job(0).mlp;
    expand_block = rows_at_once(largest.gate, plan.jobs() * width, workspace.threads());
    contract_block = rows_at_once(largest.down, plan.jobs() * columns, workspace.threads());
    chunks = (most + kChunk - 1) / kChunk;
    // A single token's row serves all experts.
    input_slots = args.n == 1 ? 1 : plan.slots();
  }
  static constexpr int64_t kChunk = kTileRun;  // slots of a job that are packed together

  int64_t width = 0;                     // largest of an expert
  int64_t most = 0;                      // slots of a job
  Forms inputs, expanded;                // that gate and up, and down, want
  int64_t columns;                       // of the down projection that are held at a time
  int64_t expand_block, contract_block;  // rows that are multiplied at a time
  int64_t chunks;                        // of the largest job
  int64_t input_slots;
};

// The parts of the shared memory.
struct Buffers {
  Buffers(Layout& layout, const MoeArgs& args, const Plan& plan, const Sizes& sizes) {
    h = layout.take(plan.slots() * sizes.width);
    d = layout.take(plan.slots() * sizes.columns);
    shared_weight = plan.has_shared() ? layout.take(args.n) : nullptr;
    inputs = lay_out_activations(layout, sizes.inputs, sizes.input_slots, args.hidden);
    expanded = lay_out_activations(layout, sizes.expanded, plan.slots(), sizes.width);
  }
  float* h;              // [slots, width], silu(gate x) * up x
  float* d;              // [slots, columns], columns of down h
  float* shared_weight;  // [n]; null without a shared expert
  Activations inputs, expanded;
};

// The inputs of a job's slots, and what its down projection reads.
Activations inputs_of(const MoeArgs& args, const Plan& plan, const Sizes& sizes, const Buffers& b,
                      const Job& job) {
  return b.inputs.from(sizes.input_slots == 1 ? 0 : job.begin, args.hidden, plan.inputs(job));
}
Activations expanded_of(const Sizes& sizes, const Buffers& b, const Job& job) {
  return b.expanded.from(job.begin, sizes.width, {b.h + job.begin * sizes.width, sizes.width});
}

// Calls pack(job, begin, end) for all slots of all jobs, in chunks.
template <class Pack>
void for_chunks(Workspace& workspace, const Plan& plan, const Sizes& sizes, int64_t cols, Pack pack) {
  const int64_t grain = std::max<int64_t>(1, (1 << 15) / (cols * std::min(sizes.most, Sizes::kChunk)));
  workspace.pool().parallel_for(plan.jobs() * sizes.chunks, grain,
                                [&](int64_t first, int64_t last, int) HWY_ATTR {
                                  for (int64_t i = first; i < last; ++i) {
                                    const Job job = plan.job(i / sizes.chunks);
                                    const int64_t begin = i % sizes.chunks * Sizes::kChunk,
                                                  end = std::min(begin + Sizes::kChunk, job.count);
                                    if (begin < end) pack(job, begin, end);
                                  }
                                });
}

void pack_inputs(Workspace& workspace, const MoeArgs& args, const Plan& plan, const Sizes& sizes,
                 const Buffers& b) {
  if (sizes.input_slots == 1) {
    return pack_activations(inputs_of(args, plan, sizes, b, plan.job(0)), sizes.inputs, 0, 1, args.hidden);
  }
  for_chunks(workspace, plan, sizes, args.hidden, [&](const Job& job, int64_t begin, int64_t end) HWY_ATTR {
    pack_activations(inputs_of(args, plan, sizes, b, job), sizes.inputs, begin, end, args.hidden);
  });
}

// Calls multiply(job, begin, end, next, worker) for all jobs' rows [first, last) of a matrix, `block` at a
// time, as far as the expert has so many. next: the rows that come after them, which are likely the same
// thread's.
template <class Multiply>
void for_blocks(Workspace& workspace, const Plan& plan, Matrix Mlp::*matrix, int64_t first, int64_t last,
                int64_t block, Multiply multiply) {
  const int64_t blocks = blocks_of(last - first, block);
  struct Rows {
    Job job;
    int64_t begin, end;
  };
  auto rows_at = [&](int64_t i) {
    const Job job = plan.job(i / blocks);
    const int64_t begin = first + i % blocks * block;
    return Rows{job, begin, std::min({begin + block, last, (job.mlp->*matrix).rows})};
  };
  const Pieces pieces(plan, blocks, workspace.threads());
  workspace.pool().parallel_for(pieces.count(), 1, [&](int64_t piece, int64_t end, int worker) HWY_ATTR {
    for (int64_t i = pieces.begin(piece); i < pieces.begin(end); ++i) {
      const Rows rows = rows_at(i);
      if (rows.begin >= rows.end) continue;
      NextWeights next;
      if (i + 1 < plan.jobs() * blocks) {
        const Rows after = rows_at(i + 1);
        if (after.begin < after.end) next = {after.job.mlp->*matrix, after.begin, after.end};
      }
      multiply(rows.job, rows.begin, rows.end, next, worker);
    }
  });
}

void expand(Workspace& workspace, const MoeArgs& args, const Plan& plan, const Sizes& sizes,
            const Buffers& b) {
  for_blocks(workspace, plan, &Mlp::gate, 0, sizes.width, sizes.expand_block,
             [&](const Job& job, int64_t begin, int64_t end, const NextWeights& next, int worker) HWY_ATTR {
               gate_and_up(*job.mlp, begin, end, inputs_of(args, plan, sizes, b, job), job.count,
                           b.h + job.begin * sizes.width, sizes.width, workspace.worker(worker), next);
             });
}

void pack_expanded(Workspace& workspace, const Plan& plan, const Sizes& sizes, const Buffers& b) {
  for_chunks(workspace, plan, sizes, sizes.width, [&](const Job& job, int64_t begin, int64_t end) HWY_ATTR {
    pack_activations(expanded_of(sizes, b, job), sizes.expanded, begin, end, width_of(*job.mlp));
  });
}

// The down projections, some columns at a time, and the sums over each token's slots.
void contract(Workspace& workspace, const MoeArgs& args, const Plan& plan, const Sizes& sizes,
              const Buffers& b) {
  for (int64_t column = 0; column < args.hidden; column += sizes.columns) {
    const int64_t column_end = std::min(column + sizes.columns, args.hidden);
    for_blocks(workspace, plan, &Mlp::down, column, column_end, sizes.contract_block,
               [&](const Job& job, int64_t begin, int64_t end, const NextWeights& next, int worker) HWY_ATTR {
                 dot(job.mlp->down, begin, end, expanded_of(sizes, b, job), job.count,
                     b.d + job.begin * sizes.columns + begin - column, sizes.columns,
                     workspace.worker(worker), next);
               });
    workspace.pool().parallel_for(args.n, 4, [&](int64_t first, int64_t last, int) HWY_ATTR {
      for (int64_t t = first; t < last; ++t) {
        combine(args, plan, t, b.shared_weight, b.d, sizes.columns, column, column_end);
      }
    });
  }
}

}  // namespace

void moe(Workspace& workspace, const MoeArgs& args);

void mlp(Workspace& workspace, const Mlp& weights, const float* x, int64_t n, float* y) {
  const std::vector<Mlp> one{weights};
  std::vector<int32_t> ids(static_cast<size_t>(n), 0);
  std::vector<float> whole(static_cast<size_t>(n), 1.0f);
  MoeArgs args;
  args.experts = &one;
  args.top_k = 1;
  args.ids = ids.data();
  args.weights = whole.data();
  args.n = n;
  args.hidden = weights.down.rows;
  args.x = x;
  args.y = y;
  moe(workspace, args);
}

void moe(Workspace& workspace, const MoeArgs& args) {
  if (args.n <= 0) return;
  const Plan plan(args, workspace.integers());
  const Sizes sizes(workspace, args, plan);
  Layout measure(nullptr);
  Buffers(measure, args, plan, sizes);
  Layout layout(workspace.shared(measure.used()));
  const Buffers b(layout, args, plan, sizes);
  workspace.reserve_workers(round_up(sizes.most * sizes.expand_block, kAlign) +
                            panel_floats(std::max(args.hidden, sizes.width)));
  pack_inputs(workspace, args, plan, sizes, b);
  expand(workspace, args, plan, sizes, b);
  if (b.shared_weight) {
    dot_rows(*args.shared_gate, 0, 1, {args.x, args.hidden}, args.n, b.shared_weight, 1, workspace.worker(0));
    sigmoid_all(b.shared_weight, args.n);
  }
  pack_expanded(workspace, plan, sizes, b);
  contract(workspace, args, plan, sizes, b);
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
