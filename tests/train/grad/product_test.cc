// Matrix products against plain sums, for every transposition, odd extents and any number of threads.
#include "train/grad/product.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"

namespace qnext::train {
namespace {

template <class Real>
std::vector<Real> numbers(int64_t n, uint64_t stream) {
  std::vector<Real> out;
  for (int64_t i = 0; i < n; ++i) {
    out.push_back(static_cast<Real>(2 * random_unit(1, stream, static_cast<uint64_t>(i)) - 1));
  }
  return out;
}

template <class Real>
void check(int64_t m, int64_t n, int64_t k, bool a_across, bool b_across, bool add) {
  SCOPED_TRACE(testing::Message() << m << " " << n << " " << k << " " << a_across << b_across << add);
  const std::vector<Real> a = numbers<Real>(m * k, 1), b = numbers<Real>(k * n, 2),
                          start = numbers<Real>(m * n, 3);
  const Operand<Real> left = a_across ? Operand<Real>{a.data(), 1, m} : Operand<Real>{a.data(), k, 1};
  const Operand<Real> right = b_across ? Operand<Real>{b.data(), 1, k} : Operand<Real>{b.data(), n, 1};
  std::vector<Real> alone = start;
  Product<Real> product{m, n, k, left, right, alone.data(), n, add};
  PackSpace<Real> space;
  multiply(product, space);
  const double tolerance = (sizeof(Real) == 4 ? 1e-6 : 1e-14) * std::sqrt(static_cast<double>(k) + 1) * 3;
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = add ? static_cast<double>(start[static_cast<size_t>(i * n + j)]) : 0;
      for (int64_t l = 0; l < k; ++l) {
        sum += static_cast<double>(left.data[i * left.row + l * left.column]) *
               right.data[l * right.row + j * right.column];
      }
      ASSERT_NEAR(alone[static_cast<size_t>(i * n + j)], sum, tolerance) << i << " " << j;
    }
  }
  for (const int threads : {2, 3, 5}) {
    ThreadPool pool(threads);
    std::vector<PackSpace<Real>> workers(static_cast<size_t>(threads));
    Buffer<Real> shared;
    std::vector<Real> together = start;
    product.c = together.data();
    multiply(pool, product, workers, shared);
    ASSERT_EQ(together, alone) << threads << " threads";
  }
}

TEST(ProductTest, AgreesWithPlainSumsAndDoesNotDependOnThreads) {
  const int64_t shapes[][3] = {{1, 1, 1},    {1, 33, 5},     {13, 31, 7},     {64, 64, 32},   {5, 100, 300},
                               {200, 7, 64}, {193, 65, 513}, {300, 130, 257}, {24, 1000, 64}, {3, 4, 0}};
  for (const auto& s : shapes) {
    for (int form = 0; form < 8; ++form) {
      check<float>(s[0], s[1], s[2], form & 1, form & 2, form & 4);
      check<double>(s[0], s[1], s[2], form & 1, form & 2, form & 4);
    }
  }
}

}  // namespace
}  // namespace qnext::train
