// What the blocks compute with: threads, and memory that is used again.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "base/check.h"
#include "base/thread_pool.h"
#include "train/grad/buffer.h"
#include "train/grad/product.h"
#include "train/grad/vectors.h"

namespace qnext::train {

// Rows of tokens: sequence s is rows [starts[s], starts[s + 1]).
struct Rows {
  std::vector<int64_t> starts{0};
  int64_t count() const { return starts.back(); }
  int64_t sequences() const { return static_cast<int64_t>(starts.size()) - 1; }
  int64_t first(int64_t s) const { return starts[static_cast<size_t>(s)]; }
  int64_t length(int64_t s) const { return first(s + 1) - first(s); }
};

// A tensor and its gradient, which blocks add to; `g` is null where no gradient is wanted.
template <class Real>
struct Weight {
  const Real* w = nullptr;
  Real* g = nullptr;
};

template <class Real>
struct Work {
  explicit Work(ThreadPool& threads)
      : pool(threads),
        math(vectors<Real>()),
        pack(static_cast<size_t>(threads.size())),
        scratch(static_cast<size_t>(threads.size())) {}

  ThreadPool& pool;
  const Vectors<Real>& math;
  std::vector<PackSpace<Real>> pack;   // one for each thread
  std::vector<Scratch<Real>> scratch;  // one for each thread; tasks reset it as they start
  Buffer<Real> packed;                 // of the product that all threads work on
  Buffer<Real> partial;                // sums of tasks, added up in the order of the tasks
  Buffer<Real> first, second;          // of a block's backward pass
  Buffer<Real> slots, pairs;           // rows of (token, expert) pairs
  Buffer<Real> block_input;            // gradient of a block's input

  Scratch<Real>& fresh_scratch(int worker) {
    Scratch<Real>& s = scratch[static_cast<size_t>(worker)];
    s.reset();
    return s;
  }
};

// y[n, out] (+)= x[n, in] W^T, W [out, in].
template <class Real>
Product<Real> forward_product(const Real* x, int64_t x_stride, int64_t n, const Real* w, int64_t out,
                              int64_t in, Real* y, int64_t y_stride, bool add = false) {
  return {n, out, in, {x, x_stride, 1}, {w, 1, in}, y, y_stride, add};
}
// dx[n, in] (+)= dy[n, out] W
template <class Real>
Product<Real> input_product(const Real* dy, int64_t dy_stride, int64_t n, const Real* w, int64_t out,
                            int64_t in, Real* dx, int64_t dx_stride, bool add = false) {
  return {n, in, out, {dy, dy_stride, 1}, {w, in, 1}, dx, dx_stride, add};
}
// dW[out, in] += dy^T x
template <class Real>
Product<Real> weight_product(const Real* dy, int64_t dy_stride, const Real* x, int64_t x_stride, int64_t n,
                             int64_t out, int64_t in, Real* dw) {
  return {out, in, n, {dy, 1, dy_stride}, {x, x_stride, 1}, dw, in, true};
}

template <class Real>
void multiply(Work<Real>& work, const Product<Real>& product) {
  multiply(work.pool, product, work.pack, work.packed);
}

// Adds the rows of partial[parts, width] to sum[width], in their order.
template <class Real>
void add_partials(const Work<Real>& work, const Real* partial, int64_t parts, int64_t width, Real* sum) {
  for (int64_t i = 0; i < parts; ++i) work.math.add_scaled(Real(1), partial + i * width, sum, width);
}

// Rows are worked on in blocks of this many: a fixed number, so that sums over rows do not depend on the
// threads.
inline constexpr int64_t kRowBlock = 64;

// body(begin, end, worker) for blocks of kRowBlock rows; begin / kRowBlock numbers the block.
template <class Real, class Body>
void for_row_blocks(Work<Real>& work, int64_t n, Body body) {
  work.pool.parallel_for(n, kRowBlock, body);
}

// body(sequence, head, worker) for all heads of all sequences, the longest sequences first: their tasks take
// the longest, and threads should end together.
template <class Real, class Body>
void for_heads(Work<Real>& work, const Rows& rows, int64_t heads, Body body) {
  std::vector<int64_t> order(static_cast<size_t>(rows.sequences()));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return rows.length(a) > rows.length(b); });
  work.pool.parallel_tasks(rows.sequences() * heads, [&](int64_t task, int worker) {
    body(order[static_cast<size_t>(task / heads)], task % heads, worker);
  });
}

template <class Real>
Real inverse_rms(const Work<Real>& work, const Real* x, int64_t n, double eps) {
  return Real(1) / std::sqrt(work.math.dot(x, x, n) / static_cast<Real>(n) + static_cast<Real>(eps));
}

}  // namespace qnext::train
