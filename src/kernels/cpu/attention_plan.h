// How the attention of a step is cut into work for threads. The cut does not change results: positions are
// summed in spans that start at multiples of kSpan, each span's sums are made alone, and the spans of a query
// are merged in rising order, whoever computed them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "kernels/ops.h"

namespace qnext::cpu {

inline constexpr int64_t kSpan = 512;  // positions whose weights are relative to one largest score
inline constexpr int64_t kBlock =
    64;  // positions whose keys, then values, are at hand at a time; divides kSpan
static_assert(kSpan % kBlock == 0);

// Where the key or value of a head at a position lies. `offset` is the view's k_offset or v_offset.
inline std::byte* cache_row(const KvLayerView& kv, int64_t offset, int64_t head, int64_t position,
                            int64_t bytes_per_row) {
  const int64_t row = head * kv.block_tokens + position % kv.block_tokens;
  return kv.blocks[position / kv.block_tokens] + offset + row * bytes_per_row;
}

// Some tokens of a segment and some query heads of one key/value head. Its queries are numbered
// token * heads + head.
struct Piece {
  const AttentionSegment* segment;
  int64_t kv_head;
  int64_t first_head, heads;  // query heads
  int64_t first, count;       // tokens, relative to the segment
  bool split;                 // every span is a unit of work of its own
  int64_t unit;               // number of its first unit
  int64_t partial;            // if split: number of its first partial result, in the order [span][query]

  int64_t queries() const { return heads * count; }
  int64_t position(int64_t token) const { return segment->position + first + token; }
  int64_t spans() const { return position(count - 1) / kSpan + 1; }
  int64_t units() const { return split ? spans() : 1; }
  // The first token that sees a position, or 0 if all do.
  int64_t first_seeing(int64_t at) const { return std::max<int64_t>(0, at - position(0)); }
  // The step's row of a query, and its head.
  int64_t row(int64_t query) const { return segment->row + first + query / heads; }
  int64_t head(int64_t query) const { return first_head + query % heads; }
  const float* q(const AttentionArgs& args, int64_t query) const {
    return args.q + (row(query) * args.heads + head(query)) * 2 * args.head_dim;
  }
};

// Pointers to the keys or values of positions [start, start + count) of a piece's head; those behind repeat
// the last, so that kernels may load whole blocks.
struct BlockRows {
  BlockRows(const AttentionArgs& args, const Piece& piece, int64_t offset, int64_t start, int64_t count);

  const std::byte* at[kBlock];
  bool contiguous;                   // the first `count` follow each other in memory
  const std::byte* ahead = nullptr;  // what is probably wanted next: kBlock rows, or null
  int64_t count;
};

class Plan {
 public:
  Plan(const AttentionArgs& args, int threads);

  int64_t pieces() const { return pieces_; }
  int64_t units() const { return units_; }
  int64_t partials() const { return partials_; }
  int64_t largest_piece() const { return tokens_ * heads_; }  // queries
  // Writes all pieces, those of a segment's last tokens first: they see most.
  void fill(std::span<Piece> pieces) const;

 private:
  template <class F>
  void for_pieces(F f) const;
  void count_units();

  const AttentionArgs& args_;
  int64_t threads_;
  int64_t tokens_, heads_;  // of a piece, at most
  int64_t pieces_ = 0, units_ = 0, partials_ = 0;
  int64_t most_unsplit_ = 0;  // (query, position) pairs; larger pieces are split
};

// The piece that a unit of work belongs to. `pieces` as filled by the plan.
const Piece& piece_of(std::span<const Piece> pieces, int64_t unit);

}  // namespace qnext::cpu
