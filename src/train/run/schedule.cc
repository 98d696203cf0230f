#include "train/run/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace qnext::train {
namespace {

// How far the decay is in a step: 1 in the last of its `count` steps; `begin` is the first of them.
double decayed(int64_t step, int64_t begin, int64_t count) {
  if (step < begin) return 0;
  return static_cast<double>(step - begin + 1) / static_cast<double>(std::max<int64_t>(count, 1));
}

}  // namespace

double learning_rate(const Schedule& s, int64_t step) {
  step = std::clamp<int64_t>(step, 0, std::max<int64_t>(s.steps - 1, 0));
  if (step < s.warmup) return s.lr * static_cast<double>(step + 1) / static_cast<double>(s.warmup);
  switch (s.kind) {
    case Schedule::Kind::kConstant:
      return s.lr;
    case Schedule::Kind::kCosine: {
      const double part = decayed(step, s.warmup, s.steps - s.warmup);
      return s.final_lr + (s.lr - s.final_lr) * 0.5 * (1 + std::cos(std::numbers::pi * part));
    }
    case Schedule::Kind::kWsd:
      return s.lr + (s.final_lr - s.lr) * decayed(step, s.steps - s.decay, s.decay);
  }
  return s.lr;
}

}  // namespace qnext::train
