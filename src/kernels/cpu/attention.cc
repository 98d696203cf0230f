// Gated full attention over a paged cache. A step's work is cut into pieces (attention_plan.h); what a piece
// sees of a span of positions is one partial result (attention_span-inl.h), in the arithmetic that fits the
// cache and the machine; the partial results of a query are merged in rising order of the spans. So a result
// depends on nothing but the query's position and the cache.
#include "kernels/cpu/targets.h"
//
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/attention.cc"
#include <hwy/foreach_target.h>
//
#include <new>

#include "kernels/cpu/attention_amx-inl.h"
#include "kernels/cpu/attention_bf16-inl.h"
#include "kernels/cpu/attention_f32-inl.h"
#include "kernels/cpu/attention_prepare-inl.h"
#include "kernels/cpu/attention_q8-inl.h"
#include "kernels/cpu/attention_span-inl.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {
namespace {

// Calls f(attention) with the SpanAttention for a type of cache. `bf16`, `amx`: the machine has AVX512_BF16,
// AMX.
template <class F>
void with_arithmetic(const AttentionArgs& args, DType dtype, bool bf16, bool amx, float* memory,
                     int64_t queries, F f) {
#if HWY_TARGET == HWY_AVX3_DL
  if (amx && AmxArithmetic::fits(args, dtype)) {
    return f(SpanAttention<AmxArithmetic>(memory, args, queries));
  }
  if (bf16 && Bf16Arithmetic::fits(args, dtype)) {
    return f(SpanAttention<Bf16Arithmetic>(memory, args, queries));
  }
  if (bf16 && Q8Arithmetic::fits(args, dtype)) {
    return f(SpanAttention<Q8Arithmetic>(memory, args, queries));
  }
#endif
  f(SpanAttention<F32Arithmetic>(memory, args, queries));
}

// Whether with_arithmetic() reads a cache in panels.
bool keeps_panels(const AttentionArgs& args, const KvLayerView& kv, bool bf16) {
#if HWY_TARGET == HWY_AVX3_DL
  return bf16 && Bf16Arithmetic::fits(args, kv.dtype) && in_panels(kv);
#else
  return false;
#endif
}

// What all threads see.
struct Shared {
  Shared(float* memory, const AttentionArgs& args, const Plan& plan) : layout(memory) {
    const auto bytes = plan.pieces() * static_cast<int64_t>(sizeof(Piece));
    float* list = layout.take((bytes + 3) / 4);
    partials = Partial::take(layout, plan.partials(), sums_width(args));
    if (!memory) return;
    pieces = {new (list) Piece[static_cast<size_t>(plan.pieces())], static_cast<size_t>(plan.pieces())};
    plan.fill(pieces);
  }
  Layout layout;
  std::span<Piece> pieces;
  Partial partials;
};

template <class Attention>
void attend(const AttentionArgs& args, const Piece& piece, int64_t unit, const Partial& partials,
            Attention&& attention) {
  const int64_t width = sums_width(args), queries = piece.queries();
  attention.load_queries(piece);
  if (piece.split) {
    const int64_t span = unit - piece.unit;
    attention.attend(piece, span, partials.from(piece.partial + span * queries, width));
    return;
  }
  clear(queries, width, attention.merged);
  for (int64_t span = 0; span < piece.spans(); ++span) {
    attention.attend(piece, span, attention.local);
    for (int64_t q = piece.first_seeing(span * kSpan) * piece.heads; q < queries; ++q) {
      merge(attention.local.from(q, width), width, attention.merged.from(q, width));
    }
  }
  for (int64_t q = 0; q < queries; ++q) finish(args, piece, q, attention.merged.from(q, width));
}

// The same for a query of a piece whose spans were units of their own.
void merge_spans(const AttentionArgs& args, const Piece& piece, int64_t query, const Partial& partials,
                 const Partial& merged) {
  const int64_t width = sums_width(args), last = piece.position(query / piece.heads) / kSpan;
  clear(1, width, merged);
  for (int64_t span = 0; span <= last; ++span) {
    merge(partials.from(piece.partial + span * piece.queries() + query, width), width, merged);
  }
  finish(args, piece, query, merged);
}

// Calls f(item, index within it) for the indices [begin, end) of items laid end to end, each `size(item)`
// long.
template <class Item, class Size, class F>
void for_range(std::span<Item> items, int64_t begin, int64_t end, Size size, F f) {
  int64_t start = 0;
  for (Item& item : items) {
    const int64_t n = size(item);
    for (int64_t i = std::max(begin, start); i < std::min(end, start + n); ++i) f(item, i - start);
    start += n;
  }
}

void merge_pieces(Workspace& workspace, const AttentionArgs& args, const Shared& shared, int64_t partials) {
  constexpr int64_t kFloats = 1 << 16;  // to merge, that are worth another thread
  auto size = [](const Piece& piece) { return piece.split ? piece.queries() : 0; };
  int64_t queries = 0;
  for (const Piece& piece : shared.pieces) queries += size(piece);
  if (queries == 0) return;
  const int64_t grain = kFloats * queries / (partials * sums_width(args));
  workspace.pool().parallel_for(queries, grain, [&](int64_t begin, int64_t end, int worker) HWY_ATTR {
    Layout layout(workspace.worker(worker));
    const Partial merged = Partial::take(layout, 1, sums_width(args));
    for_range(shared.pieces, begin, end, size, [&](const Piece& piece, int64_t query) HWY_ATTR {
      merge_spans(args, piece, query, shared.partials, merged);
    });
  });
}

void prepare_tokens(Workspace& workspace, const AttentionArgs& args, bool bf16) {
  auto size = [](const AttentionSegment& s) { return s.count; };
  int64_t tokens = 0;
  for (const AttentionSegment& s : args.segments) tokens += size(s);
  workspace.pool().parallel_for(tokens, 4, [&](int64_t begin, int64_t end, int worker) HWY_ATTR {
    for_range(args.segments, begin, end, size, [&](const AttentionSegment& s, int64_t i) HWY_ATTR {
      prepare_token(args, s, i, keeps_panels(args, s.kv, bf16), workspace.worker(worker));
    });
  });
}

void attention(Workspace& workspace, const AttentionArgs& args, bool bf16) {
  const Plan plan(args, workspace.threads());
  const int64_t queries = plan.largest_piece();
  int64_t scratch = prepare_floats(args);
  for (DType dtype : {DType::kF32, DType::kBF16, DType::kQ8_0}) {
    with_arithmetic(args, dtype, bf16, workspace.amx, nullptr, queries,
                    [&](const auto& a) HWY_ATTR { scratch = std::max(scratch, a.floats()); });
  }
  workspace.reserve_workers(scratch);
  prepare_tokens(workspace, args, bf16);

  const Shared shared(workspace.shared(Shared(nullptr, args, plan).layout.used()), args, plan);
  workspace.pool().parallel_for(plan.units(), 1, [&](int64_t begin, int64_t end, int worker) HWY_ATTR {
    for (int64_t unit = begin; unit < end; ++unit) {
      const Piece& piece = piece_of(shared.pieces, unit);
      with_arithmetic(args, piece.segment->kv.dtype, bf16, workspace.amx, workspace.worker(worker), queries,
                      [&](auto&& a) HWY_ATTR { attend(args, piece, unit, shared.partials, a); });
    }
  });
  merge_pieces(workspace, args, shared, plan.partials());
}

}  // namespace

void attention_plain(Workspace& workspace, const AttentionArgs& args) { attention(workspace, args, false); }
void attention_bf16(Workspace& workspace, const AttentionArgs& args) { attention(workspace, args, true); }

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace qnext::cpu {

HWY_EXPORT(attention_plain);
HWY_EXPORT(attention_bf16);

void choose_attention(const Target& target, Kernels& kernels) {
  kernels.attention = target.bf16 ? HWY_DISPATCH_TABLE(attention_bf16)[target.index]
                                  : HWY_DISPATCH_TABLE(attention_plain)[target.index];
}

}  // namespace qnext::cpu
#endif
