// One key head of a Gated DeltaNet block over one sequence: what lies between the two projections. Internal
// to delta_net.cc.
#pragma once

#include "train/grad/delta_chunk.h"
#include "train/grad/delta_net.h"

namespace qnext::train {

// Where a key head's numbers lie in a projected row: q, k, v of r heads, z of r heads; then b's and a's.
struct HeadLayout {
  int64_t key_heads, value_heads, dk, dv, kernel, r;
  int64_t width;  // of q, k, v together, the channels of the convolution
  int64_t row;    // width of a projected row
  int64_t gates;  // where b and a start in it
  explicit HeadLayout(const ModelConfig& c)
      : key_heads(c.linear_key_heads),
        value_heads(c.linear_value_heads),
        dk(c.linear_key_dim),
        dv(c.linear_value_dim),
        kernel(c.conv_kernel),
        r(value_heads / key_heads),
        width(2 * dk + r * dv),
        row(c.qkvz_rows() + 2 * value_heads),
        gates(c.qkvz_rows()) {}
  int64_t group(int64_t h) const { return h * (width + r * dv); }
  int64_t z(int64_t h, int64_t j) const { return group(h) + width + j * dv; }
  int64_t b(int64_t h, int64_t j) const { return gates + 2 * r * h + j; }
  int64_t a(int64_t h, int64_t j) const { return b(h, j) + r; }
  // The convolution's channel of column `i` of the group: all q, all k, all v in its weight.
  int64_t channel(int64_t h, int64_t i) const {
    if (i < dk) return h * dk + i;
    if (i < 2 * dk) return (key_heads + h) * dk + i - dk;
    return 2 * key_heads * dk + h * r * dv + i - 2 * dk;
  }
  // Weight gradients of one key head and sequence: conv [kernel, width], A_log [r], dt_bias [r], norm [dv].
  int64_t partial() const { return kernel * width + 2 * r + dv; }
};

template <class Real>
class DeltaNetHead {
 public:
  // Rows [first, first + count) of the batch; `chunk` numbers the first chunk among all sequences'.
  DeltaNetHead(Work<Real>& work, int worker, const ModelConfig& config, const DeltaNetWeights<Real>& weights,
               DeltaNetCache<Real>& cache, int64_t h, int64_t first, int64_t count, int64_t chunk);
  void forward();
  // dy: gradient of cache.y, [n, value_heads * dv]; d_projected gets the head's columns.
  void backward(const Real* dy, Real* d_projected, Real* partial);

 private:
  Real* state(int64_t chunk, int64_t j) const;
  // Convolution, silu, normalised q and k, gates: everything before the delta rule.
  void prepare();
  void keys_of(int64_t begin, ChunkKeys<Real>& keys);
  ChunkHead<Real> head_of(int64_t begin, int64_t j) const;
  void rule_backward(const Real* d_o);
  void normalise_backward();
  void gates_backward(Real* d_projected, Real* da_log, Real* ddt_bias);
  void convolution_backward(Real* d_projected, Real* dconv);

  Work<Real>& work_;
  const int worker_;
  Scratch<Real>& scratch_;
  const HeadLayout at_;
  const DeltaNetWeights<Real>& weights_;
  DeltaNetCache<Real>& cache_;
  const double eps_;
  const int64_t h_, first_, count_, chunk_;
  const Real* projected_;         // the sequence's rows
  Real* conv_;                    // [kernel, width] weights of the head's channels
  Real *before_, *after_;         // [count, width] convolution, and silu of it
  Real *q_, *k_;                  // [count, dk]
  Real *q_inverse_, *k_inverse_;  // [count] 1 / length
  Real *beta_, *g_;               // [r, count]
  Real *kk_, *qk_;                // [kChunk, kChunk]
  Real *dq_ = nullptr, *dk_ = nullptr, *dafter_ = nullptr, *dbeta_ = nullptr, *dg_ = nullptr;
};

}  // namespace qnext::train
