#include "train/run/console.h"

#include <fmt/format.h>

#include <cstdio>

namespace qnext::train {
namespace {

constexpr double kMemory = 0.9;  // of the speed; about ten steps

std::string speed_text(double tokens_per_second) {
  if (tokens_per_second < 1000) return fmt::format("{:.0f} tokens/s", tokens_per_second);
  return fmt::format("{:.1f} k tokens/s", tokens_per_second / 1000);
}

}  // namespace

Console::Console(int64_t steps, int64_t done)
    : steps_(steps), progress_("training", steps, "steps", true, done) {}

std::string Console::describe(const StepRecord& record, double tokens_per_second) {
  std::string text = fmt::format("loss {:.3f}  {}", record.cross_entropy, speed_text(tokens_per_second));
  if (record.most_expert > 0) {
    text += fmt::format("  experts {:.2g}x to {:.2g}x", record.least_expert, record.most_expert);
  }
  return text;
}

void Console::step(const StepRecord& record, int64_t tokens_in_step, double seconds) {
  last_ = record;
  ++seen_;
  all_seconds_ += seconds;
  tokens_ = kMemory * tokens_ + static_cast<double>(tokens_in_step);
  seconds_ = kMemory * seconds_ + seconds;
  progress_.update(record.step, describe(record, tokens_per_second()));
}

void Console::evaluation(const Evaluation& evaluation) {
  std::string text = fmt::format("step {}  held out {:.3f}", evaluation.step, evaluation.held_out);
  if (seen_ > 0) {
    text += fmt::format("  {}  lr {:.3g}", describe(last_, tokens_per_second()), last_.lr);
    const int64_t left = steps_ - evaluation.step;
    if (left > 0) {
      const double each = all_seconds_ / static_cast<double>(seen_);
      text += fmt::format("  {} left", duration_text(each * static_cast<double>(left)));
    }
  }
  line(text);
}

void Console::line(const std::string& text) {
  progress_.clear();
  std::fputs((text + "\n").c_str(), stderr);
  std::fflush(stderr);
}

}  // namespace qnext::train
