// Dense matrix products, the bulk of a training step's arithmetic. Both operands are packed into panels, so
// any strides (and so any transposition) cost the same. Every element of C is one chain of fused
// multiply-adds in rising k, cut into pieces of kDepth: its bits depend neither on the number of threads nor
// on its neighbours.
#pragma once

#include <cstdint>
#include <vector>

#include "base/thread_pool.h"
#include "train/grad/buffer.h"

namespace qnext::train {

// A matrix in memory: element (i, j) is data[i * row + j * column].
template <class Real>
struct Operand {
  const Real* data = nullptr;
  int64_t row = 0, column = 1;
};

// C[m, n] = A[m, k] B[k, n], or C += A B with `add`. Row i of C starts at c + i * stride; without a C, as the
// gradient of a weight that is not trained, nothing is done.
template <class Real>
struct Product {
  int64_t m = 0, n = 0, k = 0;
  Operand<Real> a, b;
  Real* c = nullptr;
  int64_t stride = 0;
  bool add = false;
};

// Room for packed operands: one for each thread that multiplies.
template <class Real>
struct PackSpace {
  Buffer<Real> a, b;
};

// On the calling thread alone: for products inside the tasks of a parallel loop.
template <class Real>
void multiply(const Product<Real>& product, PackSpace<Real>& space);

// On all threads; `workers` has one space for each thread of the pool, `shared` holds the packed B.
template <class Real>
void multiply(ThreadPool& pool, const Product<Real>& product, std::vector<PackSpace<Real>>& workers,
              Buffer<Real>& shared);

}  // namespace qnext::train
