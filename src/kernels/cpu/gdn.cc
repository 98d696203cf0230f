// Gated DeltaNet: causal convolution, gates, the delta rule and the gated norm, all of one key head and its
// value heads in one piece of work, so that nothing but the result goes back to memory and a step of one
// token meets one barrier.
#include "kernels/cpu/targets.h"
//
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/gdn.cc"
#include <hwy/foreach_target.h>
//
#include <cmath>

#include "kernels/cpu/delta_rule_chunk-inl.h"
#include "kernels/cpu/gdn_conv-inl.h"
#include "kernels/cpu/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {
namespace {

struct GroupScratch {
  GroupScratch(float* memory, const GdnArgs& args)
      : layout(memory),
        delta(layout, args.key_dim, args.value_dim, &ahead),
        conv_weights(layout.take(args.conv_kernel * std::max(delta.dk, delta.dv))) {}
  Layout layout;
  Ahead ahead;
  DeltaScratch delta;
  float* conv_weights;
};

// Tokens [first, first + count) of a segment, at most kGdnChunk.
struct Run {
  const GdnArgs& args;
  const GdnSegment& segment;
  int64_t first, count;
};

int64_t query_channel(const GdnArgs& args, int64_t key_head) { return key_head * args.key_dim; }
int64_t key_channel(const GdnArgs& args, int64_t key_head) {
  return (args.key_heads + key_head) * args.key_dim;
}
int64_t value_channel(const GdnArgs& args, int64_t head) {
  return 2 * args.key_heads * args.key_dim + head * args.value_dim;
}

// x = x / sqrt(sum(x^2) + 1e-6) * scale
void l2_normalise(int64_t n, float scale, float* x) {
  const VF factor = set(scale / std::sqrt(dot(x, x, n) + 1e-6f));
  for (int64_t j = 0; j < n; j += kLanes) store(hn::Mul(load(x + j), factor), x + j);
}

// Fills q and k.
void key_inputs(const Run& run, int64_t key_head, const GroupScratch& s) {
  const GdnArgs& args = run.args;
  const int64_t dk = s.delta.dk;
  convolve(args, run.segment, run.first, run.count, query_channel(args, key_head), args.key_dim,
           s.conv_weights, s.delta.q);
  convolve(args, run.segment, run.first, run.count, key_channel(args, key_head), args.key_dim, s.conv_weights,
           s.delta.k);
  const float scale = 1.0f / std::sqrt(static_cast<float>(args.key_dim));
  for (int64_t t = 0; t < run.count; ++t) {
    l2_normalise(dk, scale, s.delta.q + t * dk);
    l2_normalise(dk, 1.0f, s.delta.k + t * dk);
  }
}

// Fills v, beta and g.
void value_inputs(const Run& run, int64_t head, const GroupScratch& s) {
  const GdnArgs& args = run.args;
  convolve(args, run.segment, run.first, run.count, value_channel(args, head), args.value_dim, s.conv_weights,
           s.delta.v);
  float *beta = s.delta.beta, *g = s.delta.g;
  const float* b = args.ba + (run.segment.row + run.first) * 2 * args.value_heads + head;
  for (int64_t t = 0; t < run.count; ++t) {
    beta[t] = b[t * 2 * args.value_heads];
    g[t] = b[t * 2 * args.value_heads + args.value_heads];
  }
  const VF bias = set(args.dt_bias[head]), neg_a = set(args.neg_a[head]);
  for (int64_t t = 0; t < run.count; t += kLanes) {
    store(sigmoid(load(beta + t)), beta + t);
    store(hn::Mul(neg_a, softplus(hn::Add(load(g + t), bias))), g + t);
  }
}

// out = norm * o / rms(o) * silu(z)
HWY_NOINLINE void gated_norm(const GdnArgs& args, const float* o, const float* z, float* out) {
  const int64_t dv = args.value_dim;
  const VF inverse = set(1.0f / std::sqrt(dot(o, o, dv) / static_cast<float>(dv) + args.eps));
  for (int64_t j = 0; j < dv; j += kLanes) {
    const int64_t left = dv - j;
    const VF normed = hn::Mul(hn::Mul(load(o + j), inverse), load(args.norm + j, left));
    store(hn::Mul(normed, bounded_silu(load(z + j, left))), out + j, left);
  }
}

template <class Cell>
void copy_rows(const Cell* from, int64_t from_stride, int64_t rows, int64_t width, Cell* to,
               int64_t to_stride) {
  for (int64_t i = 0; i < rows; ++i)
    std::copy(from + i * from_stride, from + i * from_stride + width, to + i * to_stride);
}

template <class Cell>
void delta_rule_in_place(const DeltaScratch& s, int64_t count, bool chunked, Cell* state) {
  if (chunked) {
    chunk(s, state);
  } else {
    recurrent(s, count, state);
  }
}

template <class Cell>
void delta_rule(const DeltaScratch& s, int64_t count, bool chunked, int64_t dv, Cell* state) {
  if (dv == s.dv) {
    delta_rule_in_place(s, count, chunked, state);
    return;
  }
  auto* padded = reinterpret_cast<Cell*>(s.state);
  std::fill(padded, padded + s.key_dim * s.dv, Cell(0));
  copy_rows(state, dv, s.key_dim, dv, padded, s.dv);
  delta_rule_in_place(s, count, chunked, padded);
  copy_rows(padded, s.dv, s.key_dim, dv, state, dv);
}

void run_value_head(const Run& run, int64_t head, bool chunked, const GroupScratch& s) {
  const GdnArgs& args = run.args;
  const int64_t dk = args.key_dim, dv = args.value_dim;
  value_inputs(run, head, s);
  if (args.state_dtype == DType::kBF16) {
    delta_rule(s.delta, run.count, chunked, dv, static_cast<uint16_t*>(run.segment.state) + head * dk * dv);
  } else {
    delta_rule(s.delta, run.count, chunked, dv, static_cast<float*>(run.segment.state) + head * dk * dv);
  }
  for (int64_t t = 0; t < run.count; ++t) {
    const int64_t at = ((run.segment.row + run.first + t) * args.value_heads + head) * dv;
    gated_norm(args, s.delta.o + t * s.delta.dv, args.z + at, args.out + at);
  }
}

// What tokens [first, first + count) of the segment read.
void fetch_ahead(const GdnArgs& args, const GdnSegment& segment, int64_t first, int64_t count,
                 int64_t key_head, Ahead& ahead) {
  const int64_t heads = args.value_heads / args.key_heads, channels = args.channels();
  const int64_t row = segment.row + first, outputs = args.value_heads * args.value_dim;
  const float* qkv = args.qkv + row * channels;
  ahead.start(count);
  ahead.add(qkv + query_channel(args, key_head), args.key_dim, channels);
  ahead.add(qkv + key_channel(args, key_head), args.key_dim, channels);
  ahead.add(qkv + value_channel(args, key_head * heads), heads * args.value_dim, channels);
  const int64_t output = row * outputs + key_head * heads * args.value_dim;
  ahead.add(args.z + output, heads * args.value_dim, outputs);
}

// A key head and its value heads, over the whole segment.
void run_group(const GdnArgs& args, const GdnSegment& segment, int64_t key_head, GroupScratch& s) {
  const int64_t heads = args.value_heads / args.key_heads;
  if (segment.count == 0) return;
  for (int64_t first = 0; first < segment.count;) {
    const int64_t offset = (segment.position + first) % kGdnChunk;
    const Run run{args, segment, first, std::min(segment.count - first, kGdnChunk - offset)};
    const bool chunked = run.count == kGdnChunk && args.form == GdnForm::kAutomatic;
    const int64_t next = first + run.count;
    fetch_ahead(args, segment, next, std::min(segment.count - next, kGdnChunk), key_head, s.ahead);
    key_inputs(run, key_head, s);
    if (chunked) prepare_chunk(s.delta);
    for (int64_t h = 0; h < heads; ++h) run_value_head(run, key_head * heads + h, chunked, s);
    first = next;
  }
  keep_history(args, segment, query_channel(args, key_head), args.key_dim);
  keep_history(args, segment, key_channel(args, key_head), args.key_dim);
  keep_history(args, segment, value_channel(args, key_head * heads), heads * args.value_dim);
}

}  // namespace

void gdn(Workspace& workspace, const GdnArgs& args) {
  workspace.reserve_workers(GroupScratch(nullptr, args).layout.used());
  const int64_t groups = static_cast<int64_t>(args.segments.size()) * args.key_heads;
  workspace.pool().parallel_for(groups, 1, [&](int64_t first, int64_t last, int worker) HWY_ATTR {
    GroupScratch scratch(workspace.worker(worker), args);
    for (int64_t i = first; i < last; ++i) {
      run_group(args, args.segments[static_cast<size_t>(i / args.key_heads)], i % args.key_heads, scratch);
    }
  });
}

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace qnext::cpu {

HWY_EXPORT(gdn);

void choose_gdn(const Target& target, Kernels& kernels) {
  kernels.gdn = HWY_DISPATCH_TABLE(gdn)[target.index];
}

}  // namespace qnext::cpu
#endif
