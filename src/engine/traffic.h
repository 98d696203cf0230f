// How many bytes a step has to move at least: what a measured speed is held against the memory's.
#pragma once

#include <cstdint>

#include "model/model.h"

namespace qnext {

struct StepTraffic {
  int64_t sequences = 1;
  int64_t rows = 1;      // tokens of the step, all sequences together
  int64_t position = 0;  // of each sequence after the step
};

// Bytes of one step: every dense matrix once, the experts that its rows are expected to choose, the embedding
// rows, the keys and values up to `position` once, and the recurrent state read and written.
//
// `rows` tokens choosing k of E experts evenly and independently choose E (1 - (1 - k/E)^rows) different
// ones.
double bytes_of_step(const Model& model, const StepTraffic& step);

}  // namespace qnext
