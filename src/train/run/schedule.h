// The learning rate of every step.
#pragma once

#include <cstdint>

namespace qnext::train {

// Warm-up is a line from 0, the same in all: step s of `warmup` has (s + 1) / warmup of the peak. Then
//   constant  the peak to the end
//   cosine    half a wave from the peak, down to `final_lr` in the last step (Loshchilov, Hutter: "SGDR",
//   2017) wsd       the peak, and in the last `decay` steps a line down to `final_lr` (Hu et al.: "MiniCPM",
//   2024)
struct Schedule {
  enum class Kind : uint8_t { kConstant, kCosine, kWsd } kind = Kind::kCosine;
  int64_t steps = 0;   // of the run
  int64_t warmup = 0;  // of them
  int64_t decay = 0;   // of them, wsd only
  double lr = 0, final_lr = 0;
};

// Of a step counted from 0; from `steps` on it stays what it was in the last one.
double learning_rate(const Schedule& schedule, int64_t step);

}  // namespace qnext::train
