// Loops over rows of numbers that every block is made of, compiled for each instruction set. Sums have one
// fixed order for a given instruction set.
#pragma once

#include <cstdint>

namespace qnext::train {

// What one AdamW step needs beside the arrays. Loshchilov and Hutter, "Decoupled Weight Decay
// Regularization".
struct AdamWStep {
  double beta1 = 0, beta2 = 0, epsilon = 0;
  double rate = 0;                          // learning rate
  double decay = 0;                         // w -= rate * decay * w
  double correction1 = 1, correction2 = 1;  // 1 - beta^step
  double gradient_scale = 1;                // from clipping
};

template <class Real>
struct Vectors {
  Real (*dot)(const Real* x, const Real* y, int64_t n);
  Real (*maximum)(const Real* x, int64_t n);
  void (*scale)(Real a, const Real* x, Real* y, int64_t n);               // y = a x
  void (*add_scaled)(Real a, const Real* x, Real* y, int64_t n);          // y += a x
  void (*add_product)(const Real* x, const Real* y, Real* z, int64_t n);  // z += x y
  Real (*exp_sum)(Real* x, Real shift, int64_t n);                        // x = e^(x - shift); their sum
  void (*exp_difference)(Real a, const Real* x, Real* y, int64_t n);      // y = e^(a - x)
  void (*silu)(const Real* x, Real* y, int64_t n);
  void (*silu_backward)(const Real* x, const Real* dy, Real* dx,
                        int64_t n);  // dx = dy silu'(x); dx may be dy
  // act = weight * silu(gate) * up
  void (*gated_unit)(const Real* gate, const Real* up, Real weight, Real* act, int64_t n);
  // From d = the gradient of act by weight 1: the gradients of gate and up at `weight`, act at `weight` once
  // more, and (returned) the gradient of the weight.
  Real (*gated_unit_backward)(const Real* gate, const Real* up, Real weight, const Real* d, Real* dgate,
                              Real* dup, Real* act, int64_t n);
  void (*sigmoid_gate)(const Real* x, const Real* gate, Real* y, int64_t n);  // y = x sigmoid(gate)
  void (*sigmoid_gate_backward)(const Real* x, const Real* gate, const Real* dy, Real* dx, Real* dgate,
                                int64_t n);
  // Zero-centred norm of one row: y = x inverse (1 + w); inverse = 1 / sqrt(mean(x^2) + eps).
  void (*norm)(const Real* x, Real inverse, const Real* w, Real* y, int64_t n);
  // dx += ..., dw += ...
  void (*norm_backward)(const Real* x, Real inverse, const Real* w, const Real* dy, Real* dx, Real* dw,
                        int64_t n);
  // y = x inverse w silu(z)
  void (*gated_norm)(const Real* x, Real inverse, const Real* w, const Real* z, Real* y, int64_t n);
  // dx = ..., dz = ..., dw += ...
  void (*gated_norm_backward)(const Real* x, Real inverse, const Real* w, const Real* z, const Real* dy,
                              Real* dx, Real* dz, Real* dw, int64_t n);
  // (I + L) X = Y in place of Y [rows, n]; L [rows, rows] is strictly lower triangular (what lies above is
  // not read). The transposed form solves (I + L)^T X = Y.
  void (*solve)(const Real* l, int64_t rows, Real* y, int64_t n);
  void (*solve_transposed)(const Real* l, int64_t rows, Real* y, int64_t n);
  double (*sum_squares)(const Real* x, int64_t n);
  void (*adamw)(const AdamWStep& step, Real* w, Real* g, Real* m, Real* v, int64_t n);  // g = 0 afterwards
};

template <class Real>
const Vectors<Real>& vectors();

}  // namespace qnext::train
