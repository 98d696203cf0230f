// Zero-centred RMS norm of rows: y = x / rms(x) * (1 + w). Specification 3.1.
#pragma once

#include "train/grad/work.h"

namespace qnext::train {

template <class Real>
struct NormCache {
  Buffer<Real> x, inverse, y;  // [n, width], [n], [n, width]
};

// Copies x into the cache and leaves the result in cache.y.
template <class Real>
void norm_forward(Work<Real>& work, const Real* x, int64_t n, int64_t width, double eps, const Real* w,
                  NormCache<Real>& cache);

// dx += the gradient of the input, from dy; the weight's gradient is added to.
template <class Real>
void norm_backward(Work<Real>& work, const NormCache<Real>& cache, const Real* dy, int64_t n, int64_t width,
                   Weight<Real> weight, Real* dx);

}  // namespace qnext::train
