#include "kernels/cpu/attention_plan.h"

#include <limits>

#include "tensor/dtype.h"

namespace qnext::cpu {
namespace {

// Queries that share one packing of keys and values: with 64 that costs a few per cent, and the scores of 128
// queries with a span fit a second-level cache.
constexpr int64_t kQueriesWanted = 128, kQueriesEnough = 64;
constexpr int64_t kUnitsPerThread = 4;  // so that threads finish at about the same time
constexpr int64_t kMostPartialFloats = int64_t{1} << 24;

// What a piece costs, in (query, position) pairs.
int64_t work(const Piece& p) { return p.queries() * (p.position(p.count - 1) + 1); }

}  // namespace

BlockRows::BlockRows(const AttentionArgs& args, const Piece& piece, int64_t offset, int64_t start,
                     int64_t rows)
    : count(rows) {
  const KvLayerView& kv = piece.segment->kv;
  const int64_t bytes = row_bytes(kv.dtype, args.head_dim);
  auto row = [&](int64_t position) { return cache_row(kv, offset, piece.kv_head, position, bytes); };
  for (int64_t j = 0; j < count;) {
    const int64_t left = kv.block_tokens - (start + j) % kv.block_tokens;
    const std::byte* first = row(start + j);
    for (const int64_t end = std::min(count, j + left); j < end; ++j, first += bytes) at[j] = first;
  }
  std::fill(at + count, at + kBlock, at[count - 1]);
  contiguous = start / kv.block_tokens == (start + count - 1) / kv.block_tokens;
}

// Calls f(piece) for the pieces in order.
template <class F>
void Plan::for_pieces(F f) const {
  const int64_t group = args_.heads / args_.kv_heads;
  int64_t unit = 0, partial = 0;
  auto number = [&](Piece p) {
    const int64_t results = p.spans() * p.queries();
    p.split = p.spans() > 1 && work(p) > most_unsplit_ &&
              (partial + results) * args_.head_dim <= kMostPartialFloats;
    p.unit = unit;
    p.partial = partial;
    unit += p.units();
    if (p.split) partial += results;
    f(p);
  };
  for (const AttentionSegment& s : args_.segments) {
    for (int64_t tile = (s.count + tokens_ - 1) / tokens_ - 1; tile >= 0; --tile) {
      const int64_t first = tile * tokens_, count = std::min(tokens_, s.count - first);
      for (int64_t kv_head = 0; kv_head < args_.kv_heads; ++kv_head) {
        for (int64_t head = 0; head < group; head += heads_) {
          const int64_t heads = std::min(heads_, group - head);
          number(Piece{&s, kv_head, kv_head * group + head, heads, first, count, false, 0, 0});
        }
      }
    }
  }
}

Plan::Plan(const AttentionArgs& args, int threads) : args_(args), threads_(threads) {
  const int64_t group = args.heads / args.kv_heads;
  heads_ = group;
  tokens_ = std::max<int64_t>(1, kQueriesWanted / group);
  auto tiles = [&] {
    int64_t n = 0;
    for (const AttentionSegment& s : args.segments) n += (s.count + tokens_ - 1) / tokens_ * args.kv_heads;
    return n;
  };
  if (tiles() < kUnitsPerThread * threads) tokens_ = std::max<int64_t>(1, kQueriesEnough / group);
  count_units();
  // Short sequences have few spans: with few tokens the heads of a group are spread over threads too.
  if (units_ == 0 || units_ * 2 > threads) return;
  const int64_t parts = std::clamp<int64_t>(threads / units_, 1, group);
  heads_ = (group + parts - 1) / parts;
  count_units();
}

void Plan::count_units() {
  most_unsplit_ = std::numeric_limits<int64_t>::max();
  int64_t total = 0;
  for_pieces([&](const Piece& p) { total += work(p); });
  if (threads_ > 1) most_unsplit_ = total / (kUnitsPerThread * threads_);
  pieces_ = units_ = partials_ = 0;
  for_pieces([&](const Piece& p) {
    ++pieces_;
    units_ += p.units();
    if (p.split) partials_ += p.spans() * p.queries();
  });
}

void Plan::fill(std::span<Piece> pieces) const {
  size_t i = 0;
  for_pieces([&](const Piece& p) { pieces[i++] = p; });
}

const Piece& piece_of(std::span<const Piece> pieces, int64_t unit) {
  return *(std::upper_bound(pieces.begin(), pieces.end(), unit,
                            [](int64_t u, const Piece& p) { return u < p.unit; }) -
           1);
}

}  // namespace qnext::cpu
