// The loops behind vectors.h. Included once per instruction set (see hwy/foreach_target.h).
#if defined(QNEXT_TRAIN_GRAD_VECTORS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_TRAIN_GRAD_VECTORS_INL_H_
#undef QNEXT_TRAIN_GRAD_VECTORS_INL_H_
#else
#define QNEXT_TRAIN_GRAD_VECTORS_INL_H_
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "train/grad/vectors.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::train::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class Real>
using D = hn::ScalableTag<Real>;
template <class Real>
using V = hn::Vec<D<Real>>;
template <class Real>
inline constexpr int64_t kWidth = static_cast<int64_t>(HWY_LANES(Real));

// A whole vector, and the first `count` elements of one (the others are zero, or not written).
struct Whole {};
struct Part {
  size_t count;
};
template <class Real>
HWY_INLINE V<Real> load(const Real* p, Whole) {
  return hn::LoadU(D<Real>(), p);
}
template <class Real>
HWY_INLINE V<Real> load(const Real* p, Part part) {
  HWY_ALIGN Real lanes[kWidth<Real>] = {};
  std::memcpy(lanes, p, part.count * sizeof(Real));
  return hn::Load(D<Real>(), lanes);
}
template <class Real>
HWY_INLINE void store(V<Real> v, Real* p, Whole) {
  hn::StoreU(v, D<Real>(), p);
}
template <class Real>
HWY_INLINE void store(V<Real> v, Real* p, Part part) {
  HWY_ALIGN Real lanes[kWidth<Real>];
  hn::Store(v, D<Real>(), lanes);
  std::memcpy(p, lanes, part.count * sizeof(Real));
}
// f(i, Whole or Part) for vectors from element i on.
template <class Real, class F>
HWY_INLINE void sweep(int64_t n, F f) {
  int64_t i = 0;
  for (; i + kWidth<Real> <= n; i += kWidth<Real>) f(i, Whole());
  if (i < n) f(i, Part{static_cast<size_t>(n - i)});
}
template <class Real>
HWY_INLINE V<Real> set(Real x) {
  return hn::Set(D<Real>(), x);
}
template <class Real>
HWY_INLINE Real total(V<Real> v) {
  return hn::GetLane(hn::SumOfLanes(D<Real>(), v));
}

template <class Real>
HWY_INLINE V<Real> exp(V<Real> x) {
  return hn::Exp(D<Real>(), x);
}
// The exponent is held below where e^-x ends; there the result is next to 0 all the same.
template <class Real>
HWY_INLINE V<Real> sigmoid(V<Real> x) {
  const Real bound = sizeof(Real) == 4 ? Real(80) : Real(700);
  const V<Real> one = set<Real>(1);
  return hn::Div(one, hn::Add(one, exp<Real>(hn::Min(hn::Neg(x), set<Real>(bound)))));
}
// silu'(x) = s + x s (1 - s)
template <class Real>
HWY_INLINE V<Real> silu_slope(V<Real> x, V<Real> s) {
  return hn::MulAdd(hn::Mul(x, s), hn::Sub(set<Real>(1), s), s);
}

template <class Real>
Real dot(const Real* x, const Real* y, int64_t n) {
  V<Real> a = hn::Zero(D<Real>()), b = a;
  int64_t i = 0;
  for (; i + 2 * kWidth<Real> <= n; i += 2 * kWidth<Real>) {
    a = hn::MulAdd(load(x + i, Whole()), load(y + i, Whole()), a);
    b = hn::MulAdd(load(x + i + kWidth<Real>, Whole()), load(y + i + kWidth<Real>, Whole()), b);
  }
  sweep<Real>(n - i, [&](int64_t j, auto part)
                         HWY_ATTR { a = hn::MulAdd(load(x + i + j, part), load(y + i + j, part), a); });
  return total<Real>(hn::Add(a, b));
}

template <class Real>
Real maximum(const Real* x, int64_t n) {
  V<Real> top = set(x[0]);
  int64_t i = 0;
  for (; i + kWidth<Real> <= n; i += kWidth<Real>) top = hn::Max(top, load(x + i, Whole()));
  Real most = hn::GetLane(hn::MaxOfLanes(D<Real>(), top));
  for (; i < n; ++i) most = std::max(most, x[i]);
  return most;
}

template <class Real>
void scale(Real a, const Real* x, Real* y, int64_t n) {
  sweep<Real>(n, [&](int64_t i, auto p) HWY_ATTR { store(hn::Mul(set(a), load(x + i, p)), y + i, p); });
}
template <class Real>
void add_scaled(Real a, const Real* x, Real* y, int64_t n) {
  sweep<Real>(n, [&](int64_t i, auto p)
                     HWY_ATTR { store(hn::MulAdd(set(a), load(x + i, p), load(y + i, p)), y + i, p); });
}
template <class Real>
void add_product(const Real* x, const Real* y, Real* z, int64_t n) {
  sweep<Real>(n, [&](int64_t i, auto p) HWY_ATTR {
    store(hn::MulAdd(load(x + i, p), load(y + i, p), load(z + i, p)), z + i, p);
  });
}
template <class Real>
Real exp_sum(Real* x, Real shift, int64_t n) {
  V<Real> sum = hn::Zero(D<Real>());
  int64_t i = 0;
  for (; i + kWidth<Real> <= n; i += kWidth<Real>) {
    const V<Real> e = exp<Real>(hn::Sub(load(x + i, Whole()), set(shift)));
    store(e, x + i, Whole());
    sum = hn::Add(sum, e);
  }
  Real rest = total<Real>(sum);
  for (; i < n; ++i) rest += x[i] = std::exp(x[i] - shift);
  return rest;
}
template <class Real>
void exp_difference(Real a, const Real* x, Real* y, int64_t n) {
  sweep<Real>(
      n, [&](int64_t i, auto p) HWY_ATTR { store(exp<Real>(hn::Sub(set(a), load(x + i, p))), y + i, p); });
}
template <class Real>
void silu(const Real* x, Real* y, int64_t n) {
  sweep<Real>(n, [&](int64_t i, auto p) HWY_ATTR {
    const V<Real> v = load(x + i, p);
    store(hn::Mul(v, sigmoid<Real>(v)), y + i, p);
  });
}
template <class Real>
void silu_backward(const Real* x, const Real* dy, Real* dx, int64_t n) {
  sweep<Real>(n, [&](int64_t i, auto p) HWY_ATTR {
    const V<Real> v = load(x + i, p);
    store(hn::Mul(load(dy + i, p), silu_slope<Real>(v, sigmoid<Real>(v))), dx + i, p);
  });
}
template <class Real>
void gated_unit(const Real* gate, const Real* up, Real weight, Real* act, int64_t n) {
  sweep<Real>(n, [&](int64_t i, auto p) HWY_ATTR {
    const V<Real> g = load(gate + i, p);
    const V<Real> unit = hn::Mul(hn::Mul(g, sigmoid<Real>(g)), load(up + i, p));
    store(hn::Mul(set(weight), unit), act + i, p);
  });
}
template <class Real>
Real gated_unit_backward(const Real* gate, const Real* up, Real weight, const Real* d, Real* dgate, Real* dup,
                         Real* act, int64_t n) {
  V<Real> sum = hn::Zero(D<Real>());
  sweep<Real>(n, [&](int64_t i, auto p) HWY_ATTR {
    const V<Real> g = load(gate + i, p), u = load(up + i, p), dv = load(d + i, p);
    const V<Real> s = sigmoid<Real>(g), silu_g = hn::Mul(g, s), unit = hn::Mul(silu_g, u);
    sum = hn::MulAdd(dv, unit, sum);
    const V<Real> weighted = hn::Mul(set(weight), dv);
    store(hn::Mul(hn::Mul(weighted, u), silu_slope<Real>(g, s)), dgate + i, p);
    store(hn::Mul(weighted, silu_g), dup + i, p);
    store(hn::Mul(set(weight), unit), act + i, p);
  });
  return total<Real>(sum);
}
template <class Real>
void sigmoid_gate(const Real* x, const Real* gate, Real* y, int64_t n) {
  sweep<Real>(n, [&](int64_t i, auto p) HWY_ATTR {
    store(hn::Mul(load(x + i, p), sigmoid<Real>(load(gate + i, p))), y + i, p);
  });
}
template <class Real>
void sigmoid_gate_backward(const Real* x, const Real* gate, const Real* dy, Real* dx, Real* dgate,
                           int64_t n) {
  sweep<Real>(n, [&](int64_t i, auto p) HWY_ATTR {
    const V<Real> s = sigmoid<Real>(load(gate + i, p)), d = hn::Mul(load(dy + i, p), s);
    store(hn::Mul(hn::Mul(d, load(x + i, p)), hn::Sub(set<Real>(1), s)), dgate + i, p);
    store(d, dx + i, p);
  });
}

template <class Real>
void norm(const Real* x, Real inverse, const Real* w, Real* y, int64_t n) {
  sweep<Real>(n, [&](int64_t i, auto p) HWY_ATTR {
    const V<Real> unit = hn::Mul(load(x + i, p), set(inverse));
    store(hn::Mul(unit, hn::Add(set<Real>(1), load(w + i, p))), y + i, p);
  });
}
template <class Real>
void norm_backward(const Real* x, Real inverse, const Real* w, const Real* dy, Real* dx, Real* dw,
                   int64_t n) {
  V<Real> sum = hn::Zero(D<Real>());
  const V<Real> one = set<Real>(1), inv = set(inverse);
  sweep<Real>(n, [&](int64_t i, auto p) HWY_ATTR {
    const V<Real> part = hn::Mul(load(dy + i, p), load(x + i, p));
    sum = hn::MulAdd(part, hn::Add(one, load(w + i, p)), sum);
    store(hn::MulAdd(part, inv, load(dw + i, p)), dw + i, p);
  });
  const V<Real> mean = set<Real>(total<Real>(sum) * inverse / static_cast<Real>(n));
  sweep<Real>(n, [&](int64_t i, auto p) HWY_ATTR {
    const V<Real> d = hn::Mul(load(dy + i, p), hn::Add(one, load(w + i, p)));
    const V<Real> along = hn::NegMulAdd(hn::Mul(load(x + i, p), inv), mean, d);
    store(hn::MulAdd(inv, along, load(dx + i, p)), dx + i, p);
  });
}
template <class Real>
void gated_norm(const Real* x, Real inverse, const Real* w, const Real* z, Real* y, int64_t n) {
  sweep<Real>(n, [&](int64_t i, auto p) HWY_ATTR {
    const V<Real> zv = load(z + i, p), unit = hn::Mul(load(x + i, p), set(inverse));
    store(hn::Mul(hn::Mul(unit, load(w + i, p)), hn::Mul(zv, sigmoid<Real>(zv))), y + i, p);
  });
}
template <class Real>
void gated_norm_backward(const Real* x, Real inverse, const Real* w, const Real* z, const Real* dy, Real* dx,
                         Real* dz, Real* dw, int64_t n) {
  V<Real> sum = hn::Zero(D<Real>());
  const V<Real> inv = set(inverse);
  sweep<Real>(n, [&](int64_t i, auto p) HWY_ATTR {
    const V<Real> zv = load(z + i, p), s = sigmoid<Real>(zv), silu_z = hn::Mul(zv, s);
    const V<Real> unit = hn::Mul(load(x + i, p), inv), d = load(dy + i, p), wv = load(w + i, p);
    const V<Real> d_unit = hn::Mul(d, unit);
    store(hn::Mul(hn::Mul(d_unit, wv), silu_slope<Real>(zv, s)), dz + i, p);
    store(hn::MulAdd(d_unit, silu_z, load(dw + i, p)), dw + i, p);
    const V<Real> inner = hn::Mul(hn::Mul(d, wv), silu_z);
    sum = hn::MulAdd(inner, unit, sum);
    store(inner, dx + i, p);
  });
  const V<Real> mean = set<Real>(total<Real>(sum) / static_cast<Real>(n));
  sweep<Real>(n, [&](int64_t i, auto p) HWY_ATTR {
    const V<Real> unit = hn::Mul(load(x + i, p), inv);
    store(hn::Mul(inv, hn::NegMulAdd(unit, mean, load(dx + i, p))), dx + i, p);
  });
}

// y_i -= sum over j in [begin, end) of coefficient(j) y_j, in four sums so that none waits for the other.
template <class Real, class Coefficient>
HWY_INLINE void subtract_rows(int64_t begin, int64_t end, Coefficient coefficient, const Real* y, Real* row,
                              int64_t n) {
  sweep<Real>(n, [&](int64_t c, auto p) HWY_ATTR {
    V<Real> s0 = hn::Zero(D<Real>()), s1 = s0, s2 = s0, s3 = s0;
    int64_t j = begin;
    for (; j + 4 <= end; j += 4) {
      s0 = hn::MulAdd(set(coefficient(j)), load(y + j * n + c, p), s0);
      s1 = hn::MulAdd(set(coefficient(j + 1)), load(y + (j + 1) * n + c, p), s1);
      s2 = hn::MulAdd(set(coefficient(j + 2)), load(y + (j + 2) * n + c, p), s2);
      s3 = hn::MulAdd(set(coefficient(j + 3)), load(y + (j + 3) * n + c, p), s3);
    }
    for (; j < end; ++j) s0 = hn::MulAdd(set(coefficient(j)), load(y + j * n + c, p), s0);
    store(hn::Sub(load(row + c, p), hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))), row + c, p);
  });
}
template <class Real>
void solve(const Real* l, int64_t rows, Real* y, int64_t n) {
  for (int64_t i = 1; i < rows; ++i) {
    subtract_rows<Real>(
        0, i, [&](int64_t j) HWY_ATTR { return l[i * rows + j]; }, y, y + i * n, n);
  }
}
template <class Real>
void solve_transposed(const Real* l, int64_t rows, Real* y, int64_t n) {
  for (int64_t i = rows - 2; i >= 0; --i) {
    subtract_rows<Real>(
        i + 1, rows, [&](int64_t j) HWY_ATTR { return l[j * rows + i]; }, y, y + i * n, n);
  }
}

// Short runs in the type itself, their totals in double.
template <class Real>
double sum_squares(const Real* x, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i += 512) sum += dot(x + i, x + i, std::min<int64_t>(512, n - i));
  return sum;
}

template <class Real>
void adamw(const AdamWStep& step, Real* w, Real* g, Real* m, Real* v, int64_t n) {
  const auto real = [](double x) HWY_ATTR { return set(static_cast<Real>(x)); };
  const V<Real> beta1 = real(step.beta1), rest1 = real(1 - step.beta1), beta2 = real(step.beta2),
                rest2 = real(1 - step.beta2), keep = real(1 - step.rate * step.decay),
                rate = real(step.rate / step.correction1), root = real(1 / std::sqrt(step.correction2)),
                epsilon = real(step.epsilon), clip = real(step.gradient_scale);
  sweep<Real>(n, [&](int64_t i, auto p) HWY_ATTR {
    const V<Real> gradient = hn::Mul(clip, load(g + i, p));
    const V<Real> first = hn::MulAdd(beta1, load(m + i, p), hn::Mul(rest1, gradient));
    const V<Real> second = hn::MulAdd(beta2, load(v + i, p), hn::Mul(rest2, hn::Mul(gradient, gradient)));
    const V<Real> size = hn::MulAdd(hn::Sqrt(second), root, epsilon);
    const V<Real> moved = hn::NegMulAdd(rate, hn::Div(first, size), hn::Mul(keep, load(w + i, p)));
    store(first, m + i, p);
    store(second, v + i, p);
    store(moved, w + i, p);
    store(hn::Zero(D<Real>()), g + i, p);
  });
}

template <class Real>
Vectors<Real> vectors_of() {
  return {dot<Real>,
          maximum<Real>,
          scale<Real>,
          add_scaled<Real>,
          add_product<Real>,
          exp_sum<Real>,
          exp_difference<Real>,
          silu<Real>,
          silu_backward<Real>,
          gated_unit<Real>,
          gated_unit_backward<Real>,
          sigmoid_gate<Real>,
          sigmoid_gate_backward<Real>,
          norm<Real>,
          norm_backward<Real>,
          gated_norm<Real>,
          gated_norm_backward<Real>,
          solve<Real>,
          solve_transposed<Real>,
          sum_squares<Real>,
          adamw<Real>};
}
Vectors<float> float_vectors() { return vectors_of<float>(); }
Vectors<double> double_vectors() { return vectors_of<double>(); }

}  // namespace qnext::train::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
