// What a step has to do at least, in bytes and in arithmetic: what a measured speed is held against the
// machine's.
#pragma once

#include <cstdint>

#include "model/model.h"

namespace qnext {

struct StepTraffic {
  int64_t sequences = 1;
  int64_t rows = 1;        // tokens of the step, all sequences together, each the same number
  int64_t position = 0;    // of each sequence after the step
  int64_t logit_rows = 1;  // rows whose logits are wanted, all sequences together
};

// Bytes of one step: every dense matrix once, the experts that its rows are expected to choose, the embedding
// rows, the keys and values up to `position` once, and the recurrent state read and written.
//
// `rows` tokens choosing k of E experts evenly and independently choose E (1 - (1 - k/E)^rows) different
// ones.
double bytes_of_step(const Model& model, const StepTraffic& step);

// Additions and multiplications, by the arithmetic that they can be done in.
struct StepArithmetic {
  double quantised = 0;  // products with quantised weights: 8-bit integers will do
  double bf16 = 0;       // with BF16 weights
  double attention = 0;  // to a cache of 16 bits or fewer: BF16 will do
  double f32 = 0;        // all else
  double total() const { return quantised + bf16 + attention + f32; }
  StepArithmetic& operator+=(const StepArithmetic& other) {
    quantised += other.quantised;
    bf16 += other.bf16;
    attention += other.attention;
    f32 += other.f32;
    return *this;
  }
  StepArithmetic& operator*=(double factor) {
    for (double* part : {&quantised, &bf16, &attention, &f32}) *part *= factor;
    return *this;
  }
};

// Of one step: two for every weight that a row meets (its own experts, the shared one, the router, and the
// head where logits are wanted), scores and sums of attention over what stands before each row, convolution
// and delta rule as they are defined, token by token. Norms and activations are left out: they are less than
// a percent.
StepArithmetic arithmetic_of_step(const Model& model, const StepTraffic& step);

}  // namespace qnext
