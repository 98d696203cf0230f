// Gated full attention over a paged cache: softmax in one pass over blocks of positions, rescaling what was
// summed when a larger score appears (Milakov and Gimelshein, "Online normalizer calculation for softmax",
// 2018; Rabe and Staats, 2021).
//
// Blocks of positions start at multiples of kBlock and are visited in rising order, and a query sums only the
// positions it sees, so its result depends on nothing but its own position and the cache.
#include "kernels/cpu/targets.h"
//
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/attention.cc"
#include <hwy/foreach_target.h>
//
#include <cmath>
#include <limits>

#include "kernels/cpu/dot_rows-inl.h"
#include "kernels/cpu/tile-inl.h"
#include "tensor/block_formats.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {
namespace {

constexpr int64_t kBlock = 64;          // positions
constexpr int64_t kQueriesWanted = 64;  // (token, head) pairs that share one decoding of keys and values

std::byte* cache_row(const AttentionArgs& args, const KvLayerView& kv, int64_t offset, int64_t head,
                     int64_t position) {
  const int64_t row = head * kv.block_tokens + position % kv.block_tokens;
  return kv.blocks[position / kv.block_tokens] + offset + row * row_bytes(kv.dtype, args.head_dim);
}

// ---- Before: norm, rotation, and writing to the cache

void norm_in_place(float* x, const float* scale, float eps, int64_t n) {
  const VF inverse = set(1.0f / std::sqrt(dot(x, x, n) / static_cast<float>(n) + eps));
  for (int64_t j = 0; j < n; j += kLanes) {
    const int64_t left = n - j;
    store(hn::Mul(hn::Mul(load(x + j, left), inverse), load(scale + j, left)), x + j, left);
  }
}

// The pairs are (m, m + half).
void rotate(float* x, const float* cosine, const float* sine, int64_t half) {
  for (int64_t m = 0; m < half; m += kLanes) {
    const int64_t left = half - m;
    const VF a = load(x + m, left), b = load(x + half + m, left);
    const VF c = load(cosine + m, left), s = load(sine + m, left);
    store(hn::NegMulAdd(b, s, hn::Mul(a, c)), x + m, left);
    store(hn::MulAdd(a, s, hn::Mul(b, c)), x + half + m, left);
  }
}

void prepare_token(const AttentionArgs& args, const AttentionSegment& segment, int64_t i, float* cosine) {
  const int64_t row = segment.row + i, position = segment.position + i;
  const int64_t d = args.head_dim, half = args.rope_dim / 2;
  float* sine = cosine + half;
  for (int64_t m = 0; m < half; ++m) {
    const double angle =
        static_cast<float>(position) * args.inv_freq[m];  // rounded to float32, as in training
    cosine[m] = static_cast<float>(std::cos(angle)) * args.rope_factor;
    sine[m] = static_cast<float>(std::sin(angle)) * args.rope_factor;
  }
  for (int64_t h = 0; h < args.heads; ++h) {
    float* q = args.q + (row * args.heads + h) * 2 * d;
    norm_in_place(q, args.q_norm, args.eps, d);
    rotate(q, cosine, sine, half);
  }
  const KvLayerView& kv = segment.kv;
  for (int64_t h = 0; h < args.kv_heads; ++h) {
    float* k = args.k + (row * args.kv_heads + h) * d;
    norm_in_place(k, args.k_norm, args.eps, d);
    rotate(k, cosine, sine, half);
    quantize_row(kv.dtype, k, cache_row(args, kv, kv.k_offset, h, position), d);
    quantize_row(kv.dtype, args.v + (row * args.kv_heads + h) * d,
                 cache_row(args, kv, kv.v_offset, h, position), d);
  }
}

// ---- One piece of work: some tokens of a segment and some query heads of one key/value head

struct Piece {
  const AttentionSegment* segment;
  int64_t kv_head;
  int64_t first_head, heads;  // query heads
  int64_t first, count;       // tokens, relative to the segment
  int64_t queries() const { return heads * count; }
  int64_t position(int64_t token) const { return segment->position + first + token; }
};

// Query number token * heads + head of a piece.
struct PieceScratch {
  PieceScratch(float* memory, int64_t queries, int64_t head_dim)
      : layout(memory), width(round_up(head_dim, 32)) {
    keys = layout.take(kBlock * width);
    values = layout.take(kBlock * width);
    scores = layout.take(queries * kBlock);
    sums = layout.take(queries * width);
    top = layout.take(queries);
    total = layout.take(queries);
  }
  Layout layout;
  int64_t width;  // of the rows below: head_dim and zeros
  float* keys;    // [kBlock, width]
  float* values;  // [kBlock, width]
  float* scores;  // [queries, kBlock], then e^(score - top)
  float* sums;    // [queries, width], values weighted so far
  float* top;     // [queries], largest score so far
  float* total;   // [queries], sum of e^(score - top)
};

void load_block(const AttentionArgs& args, const Piece& piece, int64_t start, int64_t count,
                PieceScratch& s) {
  const KvLayerView& kv = piece.segment->kv;
  for (int64_t j = 0; j < count; ++j) {
    const std::byte* k = cache_row(args, kv, kv.k_offset, piece.kv_head, start + j);
    const std::byte* v = cache_row(args, kv, kv.v_offset, piece.kv_head, start + j);
    decode_padded(kv.dtype, k, args.head_dim, s.keys + j * s.width);
    decode_padded(kv.dtype, v, args.head_dim, s.values + j * s.width);
  }
}

const float* query(const AttentionArgs& args, const Piece& piece, int64_t index) {
  const int64_t row = piece.segment->row + piece.first + index / piece.heads;
  return args.q + (row * args.heads + piece.first_head + index % piece.heads) * 2 * args.head_dim;
}

// Scores of the queries [begin, end) with the first `count` keys of the block.
void score(const AttentionArgs& args, const Piece& piece, int64_t begin, int64_t end, int64_t count,
           PieceScratch& s) {
  for (int64_t i = begin; i < end; i += kTileInputs) {
    const int n = static_cast<int>(std::min<int64_t>(kTileInputs, end - i));
    const float* q[kTileInputs];
    for (int t = 0; t < n; ++t) q[t] = query(args, piece, i + t);
    dot_inputs(s.keys, s.width, count, q, n, args.head_dim, s.scores + i * kBlock, kBlock);
  }
}

// Turns the first `count` scores of a query into weights relative to the new largest score, and rescales what
// was summed relative to the old one.
void reweigh(float scale, int64_t query, int64_t count, PieceScratch& s) {
  float* score = s.scores + query * kBlock;
  const int64_t padded = round_up(count, kLanes);
  for (int64_t j = count; j < padded; ++j) score[j] = -std::numeric_limits<float>::infinity();
  VF largest = set(s.top[query]);
  for (int64_t j = 0; j < padded; j += kLanes) {
    const VF scaled = hn::Mul(load(score + j), set(scale));
    store(scaled, score + j);
    largest = hn::Max(largest, scaled);
  }
  const float top = hn::GetLane(hn::MaxOfLanes(DF(), largest));
  VF total = zero();
  for (int64_t j = 0; j < padded; j += kLanes) {
    const VF weight = exp(hn::Sub(load(score + j), set(top)));
    store(weight, score + j);
    total = hn::Add(total, weight);
  }
  const float fade = hn::GetLane(exp(set(s.top[query] - top)));
  s.total[query] = s.total[query] * fade + sum(total);
  s.top[query] = top;
  if (fade == 1.0f) return;
  float* sums = s.sums + query * s.width;
  for (int64_t j = 0; j < s.width; j += kLanes) store(hn::Mul(load(sums + j), set(fade)), sums + j);
}

void attend_block(const AttentionArgs& args, const Piece& piece, int64_t start, PieceScratch& s) {
  const int64_t last = piece.position(piece.count - 1);
  const int64_t loaded = std::min(kBlock, last + 1 - start);
  load_block(args, piece, start, loaded, s);
  const int64_t first_token =
      std::max<int64_t>(0, start - piece.position(0));  // earlier ones see nothing here
  score(args, piece, first_token * piece.heads, piece.queries(), loaded, s);
  const float scale = 1.0f / std::sqrt(static_cast<float>(args.head_dim));
  for (int64_t token = first_token; token < piece.count; ++token) {
    const int64_t seen = std::min(kBlock, piece.position(token) + 1 - start);
    const int64_t q = token * piece.heads;
    for (int64_t h = 0; h < piece.heads; ++h) reweigh(scale, q + h, seen, s);
    add_scaled_rows({s.scores + q * kBlock, kBlock, 1}, piece.heads, seen, s.values, s.width,
                    s.sums + q * s.width, s.width, s.width);
  }
}

void attend(const AttentionArgs& args, const Piece& piece, PieceScratch& s) {
  const int64_t queries = piece.queries(), d = args.head_dim;
  std::fill(s.sums, s.sums + queries * s.width, 0.0f);
  std::fill(s.total, s.total + queries, 0.0f);
  std::fill(s.top, s.top + queries, -std::numeric_limits<float>::infinity());
  for (int64_t start = 0; start <= piece.position(piece.count - 1); start += kBlock) {
    attend_block(args, piece, start, s);
  }
  for (int64_t i = 0; i < queries; ++i) {
    const int64_t row = piece.segment->row + piece.first + i / piece.heads;
    const float* gate = query(args, piece, i) + d;
    float* out = args.out + (row * args.heads + piece.first_head + i % piece.heads) * d;
    const VF inverse = set(1.0f / s.total[i]);
    for (int64_t j = 0; j < d; j += kLanes) {
      const VF mean = hn::Mul(load(s.sums + i * s.width + j), inverse);
      store(hn::Mul(mean, sigmoid(load(gate + j, d - j))), out + j, d - j);
    }
  }
}

// How the work of a step is cut. The cut does not change results.
struct Cut {
  Cut(const AttentionArgs& args, int threads) {
    const int64_t group = args.heads / args.kv_heads;
    tokens = std::max<int64_t>(1, kQueriesWanted / group);
    int64_t pieces = 0;
    for (const AttentionSegment& s : args.segments) pieces += tiles(s) * args.kv_heads;
    // With few tokens the heads of a group are spread over threads too.
    splits = std::clamp<int64_t>(2 * threads / std::max<int64_t>(1, pieces), 1, group);
    heads = (group + splits - 1) / splits;
    splits = (group + heads - 1) / heads;
  }
  int64_t tiles(const AttentionSegment& s) const { return (s.count + tokens - 1) / tokens; }

  int64_t tokens;  // of a piece
  int64_t heads;   // of a piece
  int64_t splits;  // pieces of a group of heads
};

// Piece number `index` of a segment; the last tokens, which see most, come first.
Piece piece_of(const AttentionArgs& args, const Cut& cut, const AttentionSegment& segment, int64_t index) {
  const int64_t group = args.heads / args.kv_heads, split = index % cut.splits, rest = index / cut.splits;
  const int64_t kv_head = rest % args.kv_heads, tile = cut.tiles(segment) - 1 - rest / args.kv_heads;
  const int64_t head = split * cut.heads, token = tile * cut.tokens;
  return {&segment,
          kv_head,
          kv_head * group + head,
          std::min(cut.heads, group - head),
          token,
          std::min(cut.tokens, segment.count - token)};
}

// Calls f(segment, index within it) for items [begin, end) of all segments laid end to end.
template <class Segment, class Size, class F>
void for_items(std::span<const Segment> segments, int64_t begin, int64_t end, Size size, F f) {
  int64_t start = 0;
  for (const Segment& s : segments) {
    const int64_t n = size(s);
    for (int64_t i = std::max(begin, start); i < std::min(end, start + n); ++i) f(s, i - start);
    start += n;
  }
}

}  // namespace

void attention(Workspace& workspace, const AttentionArgs& args) {
  int64_t tokens = 0, pieces = 0;
  const Cut cut(args, workspace.threads());
  auto pieces_in = [&](const AttentionSegment& s) { return cut.tiles(s) * args.kv_heads * cut.splits; };
  auto tokens_in = [](const AttentionSegment& s) { return s.count; };
  for (const AttentionSegment& s : args.segments) {
    tokens += tokens_in(s);
    pieces += pieces_in(s);
  }
  const int64_t queries = cut.tokens * cut.heads;
  workspace.reserve_workers(
      std::max(PieceScratch(nullptr, queries, args.head_dim).layout.used(), args.rope_dim));

  workspace.pool().parallel_for(tokens, 4, [&](int64_t begin, int64_t end, int worker) HWY_ATTR {
    for_items(args.segments, begin, end, tokens_in, [&](const AttentionSegment& s, int64_t i) HWY_ATTR {
      prepare_token(args, s, i, workspace.worker(worker));
    });
  });
  workspace.pool().parallel_for(pieces, 1, [&](int64_t begin, int64_t end, int worker) HWY_ATTR {
    for_items(args.segments, begin, end, pieces_in, [&](const AttentionSegment& s, int64_t i) HWY_ATTR {
      PieceScratch scratch(workspace.worker(worker), queries, args.head_dim);
      attend(args, piece_of(args, cut, s, i), scratch);
    });
  });
}

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace qnext::cpu {

HWY_EXPORT(attention);

void choose_attention(const Target& target, Kernels& kernels) {
  kernels.attention = HWY_DISPATCH_TABLE(attention)[target.index];
}

}  // namespace qnext::cpu
#endif
