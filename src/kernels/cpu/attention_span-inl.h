// Attention of a piece to spans of positions, and the merging of spans (Milakov and Gimelshein, "Online
// normalizer calculation for softmax", 2018; Dao et al., "Flash-Decoding", 2023).
#if defined(QNEXT_KERNELS_CPU_ATTENTION_SPAN_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_ATTENTION_SPAN_INL_H_
#undef QNEXT_KERNELS_CPU_ATTENTION_SPAN_INL_H_
#else
#define QNEXT_KERNELS_CPU_ATTENTION_SPAN_INL_H_
#endif

#include <cmath>
#include <limits>

#include "kernels/cpu/attention_plan.h"
#include "kernels/cpu/attention_rows-inl.h"
#include "kernels/cpu/attention_weights-inl.h"
#include "kernels/cpu/scratch.h"
#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {

// What queries have of some positions: softmax(scores) values = sums / total.
struct Partial {
  float* sums;   // [queries, width], values times e^(score - top)
  float* top;    // [queries], largest score
  float* total;  // [queries], sum of e^(score - top)

  static Partial take(Layout& layout, int64_t queries, int64_t width) {
    float* s = layout.take(queries * width);
    float* t = layout.take(queries);
    return {s, t, layout.take(queries)};
  }
  Partial from(int64_t query, int64_t width) const {
    return {sums + query * width, top + query, total + query};
  }
};

// Elements of a row of sums: head_dim and zeros.
inline int64_t sums_width(const AttentionArgs& args) { return round_up(args.head_dim, 32); }

// ---- Merging

inline void clear(int64_t queries, int64_t width, const Partial& p) {
  std::fill(p.sums, p.sums + queries * width, 0.0f);
  std::fill(p.top, p.top + queries, -std::numeric_limits<float>::infinity());
  std::fill(p.total, p.total + queries, 0.0f);
}

// into = into and part together, for one query.
inline void merge(const Partial& part, int64_t width, const Partial& into) {
  const float top = std::max(*into.top, *part.top);
  const float keep = hn::GetLane(exp(set(*into.top - top))), take = hn::GetLane(exp(set(*part.top - top)));
  *into.top = top;
  *into.total = *into.total * keep + *part.total * take;
  for (int64_t j = 0; j < width; j += kLanes) {
    const VF kept = hn::Mul(load(into.sums + j), set(keep));
    store(hn::MulAdd(load(part.sums + j), set(take), kept), into.sums + j);
  }
}

// The output of a query: the mean of the values, gated.
inline void finish(const AttentionArgs& args, const Piece& piece, int64_t query, const Partial& p) {
  const int64_t d = args.head_dim;
  const float* gate = piece.q(args, query) + d;
  float* out = args.out + (piece.row(query) * args.heads + piece.head(query)) * d;
  const VF inverse = set(1.0f / *p.total);
  for (int64_t j = 0; j < d; j += kLanes) {
    const VF mean = hn::Mul(load(p.sums + j), inverse);
    store(hn::Mul(mean, sigmoid(load(gate + j, d - j))), out + j, d - j);
  }
}

// ---- One span

template <class Arithmetic>
class SpanAttention {
 public:
  SpanAttention(float* memory, const AttentionArgs& args, int64_t queries)
      : layout_(memory), args_(args), arithmetic_(layout_, args, queries) {
    scores_ = layout_.take(queries * kStride);
    local = Partial::take(layout_, queries, sums_width(args));
    merged = Partial::take(layout_, queries, sums_width(args));
  }
  int64_t floats() const { return layout_.used(); }

  void load_queries(const Piece& piece) { arithmetic_.load_queries(piece); }

  // The partial results of those queries of a piece that see positions of a span, from the first on that
  // does.
  void attend(const Piece& piece, int64_t span, const Partial& out) {
    const int64_t begin = span * kSpan;
    const int64_t end = std::min(begin + kSpan, piece.position(piece.count - 1) + 1);
    score(piece, begin, end);
    weigh_all(piece, begin, out);
    sum(piece, begin, end, out);
  }

  Partial local, merged;  // for a caller that merges on the spot

 private:
  using Weights = typename Arithmetic::Weights;
  // Rows of scores are not a power of two apart, so that those of a tile fall into different cache sets.
  static constexpr int64_t kStride = kSpan + kAlign;

  const std::byte* row(const Piece& piece, int64_t offset, int64_t position) const {
    const KvLayerView& kv = piece.segment->kv;
    return cache_row(kv, offset, piece.kv_head, position, row_bytes(kv.dtype, args_.head_dim));
  }

  void score(const Piece& piece, int64_t begin, int64_t end) {
    const KvLayerView& kv = piece.segment->kv;
    for (int64_t at = begin; at < end; at += kBlock) {
      BlockRows keys(args_, piece, kv.k_offset, at, std::min(kBlock, end - at));
      keys.ahead = at + kBlock < end ? row(piece, kv.k_offset, at + kBlock) : row(piece, kv.v_offset, begin);
      arithmetic_.score(keys, kv.dtype, piece.first_seeing(at) * piece.heads, piece.queries(),
                        scores_ + at - begin, kStride);
    }
  }

  void weigh_all(const Piece& piece, int64_t begin, const Partial& out) {
    const float scale = 1.0f / std::sqrt(static_cast<float>(args_.head_dim));
    const int64_t width = sums_width(args_);
    // With few queries memory is the limit, and would rest meanwhile. The first values are on their way.
    Ahead values{nullptr};
    if (piece.queries() <= kFewQueries) {
      values.next = reinterpret_cast<const char*>(row(piece, piece.segment->kv.v_offset, begin)) + kNear;
    }
    for (int64_t q = piece.first_seeing(begin) * piece.heads; q < piece.queries(); ++q) {
      values.ask<16>();
      const int64_t seen = std::min(kSpan, piece.position(q / piece.heads) + 1 - begin);
      float* row = scores_ + q * kStride;
      const Weighed weighed = weigh<Weights>(scale, row, seen);
      out.top[q] = weighed.top;
      out.total[q] = weighed.total;
      std::fill(out.sums + q * width, out.sums + (q + 1) * width, 0.0f);
    }
  }

  void sum(const Piece& piece, int64_t begin, int64_t end, const Partial& out) {
    const KvLayerView& kv = piece.segment->kv;
    for (int64_t at = begin; at < end; at += kBlock) {
      const int64_t count = std::min(kBlock, end - at);
      BlockRows values(args_, piece, kv.v_offset, at, count);
      if (at + kBlock < end) values.ahead = row(piece, kv.v_offset, at + kBlock);
      // The next span is likely the same thread's.
      if (end % kSpan == 0 && at + kBlock == end && end <= piece.position(piece.count - 1)) {
        values.ahead = row(piece, kv.k_offset, end);
      }
      arithmetic_.load_values(values, kv.dtype);
      auto add = [&](int64_t first, int64_t last, int64_t seen) HWY_ATTR {
        const float* row = scores_ + first * piece.heads * kStride;
        arithmetic_.sum(values, first * piece.heads, last * piece.heads, seen, Weights::at(row, at - begin),
                        kStride, out.sums);
      };
      // Tokens that see a part of the block one by one, then all that see the whole of it.
      const int64_t whole = std::min(piece.count, piece.first_seeing(at + count - 1));
      for (int64_t t = piece.first_seeing(at); t < whole; ++t) add(t, t + 1, piece.position(t) + 1 - at);
      add(whole, piece.count, count);
    }
  }

  Layout layout_;
  const AttentionArgs& args_;
  Arithmetic arithmetic_;
  float* scores_;  // [queries, kStride], then weights
};

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
