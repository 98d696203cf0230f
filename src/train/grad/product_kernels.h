// The inner loops of a matrix product for one instruction set. Internal to product.cc.
#pragma once

#include "train/grad/product.h"

namespace qnext::train {

template <class Real>
struct ProductKernels {
  int64_t panel_rows = 0;     // rows of A side by side in a panel, a multiple of 4
  int64_t panel_columns = 0;  // columns of B side by side in a panel
  // Rows [begin, begin + count) and k in [first, first + depth) of A: panels of panel_rows rows, each
  // [depth][rows], rows rounded up to 4 with zeros; a panel takes depth * panel_rows elements.
  void (*pack_a)(const Operand<Real>& a, int64_t begin, int64_t count, int64_t first, int64_t depth,
                 Real* out) = nullptr;
  // Columns [begin, begin + count) of B likewise: panels [depth][panel_columns], zeros beyond the last
  // column.
  void (*pack_b)(const Operand<Real>& b, int64_t begin, int64_t count, int64_t first, int64_t depth,
                 Real* out) = nullptr;
  // C[rows, columns] (+)= packed A times packed B.
  void (*multiply)(const Real* a, const Real* b, int64_t rows, int64_t columns, int64_t depth, Real* c,
                   int64_t stride, bool add) = nullptr;
};

template <class Real>
const ProductKernels<Real>& product_kernels();

}  // namespace qnext::train
