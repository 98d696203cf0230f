#include "train/grad/norm.h"

#include <algorithm>

namespace qnext::train {

template <class Real>
void norm_forward(Work<Real>& work, const Real* x, int64_t n, int64_t width, double eps, const Real* w,
                  NormCache<Real>& cache) {
  Real* kept = cache.x.room(n * width);
  Real* inverse = cache.inverse.room(n);
  Real* y = cache.y.room(n * width);
  for_row_blocks(work, n, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const Real* row = x + i * width;
      inverse[i] = inverse_rms(work, row, width, eps);
      std::copy_n(row, width, kept + i * width);
      work.math.norm(row, inverse[i], w, y + i * width, width);
    }
  });
}

template <class Real>
void norm_backward(Work<Real>& work, const NormCache<Real>& cache, const Real* dy, int64_t n, int64_t width,
                   Weight<Real> weight, Real* dx) {
  const int64_t blocks = (n + kRowBlock - 1) / kRowBlock;
  Real* partial = work.partial.zeros(blocks * width);
  const Real* x = cache.x.data();
  const Real* inverse = cache.inverse.data();
  for_row_blocks(work, n, [&](int64_t begin, int64_t end, int) {
    Real* dw = partial + begin / kRowBlock * width;
    for (int64_t i = begin; i < end; ++i) {
      work.math.norm_backward(x + i * width, inverse[i], weight.w, dy + i * width, dx + i * width, dw, width);
    }
  });
  add_partials(work, partial, blocks, width, weight.g);
}

template void norm_forward(Work<float>&, const float*, int64_t, int64_t, double, const float*,
                           NormCache<float>&);
template void norm_forward(Work<double>&, const double*, int64_t, int64_t, double, const double*,
                           NormCache<double>&);
template void norm_backward(Work<float>&, const NormCache<float>&, const float*, int64_t, int64_t,
                            Weight<float>, float*);
template void norm_backward(Work<double>&, const NormCache<double>&, const double*, int64_t, int64_t,
                            Weight<double>, double*);

}  // namespace qnext::train
