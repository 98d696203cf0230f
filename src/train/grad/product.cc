#include "train/grad/product.h"

#include <algorithm>

#include "train/grad/product_kernels.h"

namespace qnext::train {
namespace {

constexpr int64_t kDepth = 256;  // of a packed piece: a panel of B fits in the first cache
constexpr int64_t kBlock = 192;  // rows of A that are packed together: they fit in the second cache

int64_t round_up(int64_t x, int64_t to) { return (x + to - 1) / to * to; }

template <class Real>
void clear(const Product<Real>& p) {
  for (int64_t i = 0; i < p.m; ++i) std::fill_n(p.c + i * p.stride, p.n, Real(0));
}

// Rows [row, row + rows) and columns [column, column + columns) of C, all of k. `b` holds the packed columns
// of all of B (`padded` in number), one piece of kDepth after the other.
template <class Real>
void multiply_block(const Product<Real>& p, int64_t row, int64_t rows, int64_t column, int64_t columns,
                    const Real* b, int64_t padded, Buffer<Real>& space) {
  const ProductKernels<Real>& kernels = product_kernels<Real>();
  Real* a = space.room(round_up(rows, kernels.panel_rows) * std::min(p.k, kDepth));
  for (int64_t first = 0; first < p.k; first += kDepth) {
    const int64_t depth = std::min(kDepth, p.k - first);
    kernels.pack_a(p.a, row, rows, first, depth, a);
    kernels.multiply(a, b + first * padded + column * depth, rows, columns, depth,
                     p.c + row * p.stride + column, p.stride, p.add || first > 0);
  }
}

}  // namespace

template <class Real>
void multiply(const Product<Real>& p, PackSpace<Real>& space) {
  if (!p.c) return;
  if (p.k == 0 && !p.add) clear(p);
  if (p.m == 0 || p.n == 0 || p.k == 0) return;
  const ProductKernels<Real>& kernels = product_kernels<Real>();
  const int64_t padded = round_up(p.n, kernels.panel_columns);
  Real* b = space.b.room(padded * p.k);
  for (int64_t first = 0; first < p.k; first += kDepth) {
    kernels.pack_b(p.b, 0, p.n, first, std::min(kDepth, p.k - first), b + first * padded);
  }
  for (int64_t row = 0; row < p.m; row += kBlock) {
    multiply_block(p, row, std::min(kBlock, p.m - row), 0, p.n, b, padded, space.a);
  }
}

template <class Real>
void multiply(ThreadPool& pool, const Product<Real>& p, std::vector<PackSpace<Real>>& workers,
              Buffer<Real>& shared) {
  // Below this a second thread costs more than it brings.
  constexpr double kSmall = 1 << 18;
  const double work = static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k);
  if (!p.c) return;
  if (pool.size() == 1 || work < kSmall) return multiply(p, workers[0]);

  const ProductKernels<Real>& kernels = product_kernels<Real>();
  const int64_t width = kernels.panel_columns, panels = (p.n + width - 1) / width;
  const int64_t padded = panels * width, pieces = (p.k + kDepth - 1) / kDepth;
  Real* b = shared.room(padded * p.k);
  pool.parallel_for(pieces * panels, 4, [&](int64_t begin, int64_t end, int) {
    for (int64_t t = begin; t < end; ++t) {
      const int64_t first = t / panels * kDepth, column = t % panels * width;
      const int64_t depth = std::min(kDepth, p.k - first);
      kernels.pack_b(p.b, column, std::min(width, p.n - column), first, depth,
                     b + first * padded + column * depth);
    }
  });

  // Blocks of rows, and of columns where the rows alone do not give every thread enough of them.
  const int64_t wanted = 4 * pool.size();
  const int64_t block =
      std::clamp(round_up(p.m / wanted, kernels.panel_rows), 2 * kernels.panel_rows, kBlock);
  const int64_t down = (p.m + block - 1) / block;
  const int64_t across = std::clamp<int64_t>(wanted / down, 1, std::max<int64_t>(1, panels / 4));
  const int64_t step = round_up(panels, across) / across * width;
  pool.parallel_for(down * across, 1, [&](int64_t begin, int64_t end, int worker) {
    for (int64_t t = begin; t < end; ++t) {
      const int64_t row = t / across * block, column = t % across * step;
      if (column >= p.n) continue;
      multiply_block(p, row, std::min(block, p.m - row), column, std::min(step, p.n - column), b, padded,
                     workers[static_cast<size_t>(worker)].a);
    }
  });
}

template void multiply(const Product<float>&, PackSpace<float>&);
template void multiply(const Product<double>&, PackSpace<double>&);
template void multiply(ThreadPool&, const Product<float>&, std::vector<PackSpace<float>>&, Buffer<float>&);
template void multiply(ThreadPool&, const Product<double>&, std::vector<PackSpace<double>>&, Buffer<double>&);

}  // namespace qnext::train
