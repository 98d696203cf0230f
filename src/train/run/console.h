// What a person sees of a run: a line that rewrites itself where stderr is a terminal, and lines that stay at
// every evaluation and checkpoint, there and in a file.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/progress.h"
#include "train/run/run_log.h"

namespace qnext::train {

class Console {
 public:
  // Of `steps`, `done` were done by earlier runs.
  Console(int64_t steps, int64_t done);

  // After every step. The speed is that of the last few steps alone, evaluations and checkpoints not counted.
  void step(const StepRecord& record, int64_t tokens_in_step, double seconds);
  // A line that stays: "step 500  loss 2.310  held out 2.402  lr 0.001  12.3 k tokens/s  experts 0.4x to 2.1x
  // ...".
  void evaluation(const Evaluation& evaluation);
  // Any other line that stays.
  void line(const std::string& text);

  // What a step says, in words.
  static std::string describe(const StepRecord& record, double tokens_per_second);

 private:
  double tokens_per_second() const { return seconds_ > 0 ? tokens_ / seconds_ : 0; }
  int64_t steps_;
  Progress progress_;
  StepRecord last_;
  int64_t seen_ = 0;
  double tokens_ = 0, seconds_ = 0, all_seconds_ = 0;  // the first two are of the last few steps
};

}  // namespace qnext::train
