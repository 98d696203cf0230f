#include "base/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace qnext {
namespace {
constexpr int kBarWidth = 24;
constexpr std::chrono::milliseconds kRedraw{100};
}  // namespace

bool Progress::terminal() { return ::isatty(STDERR_FILENO) == 1; }

Progress::Progress(std::string what, int64_t total, std::string unit, bool enabled)
    : what_(std::move(what)),
      unit_(std::move(unit)),
      total_(total),
      enabled_(enabled && terminal()),
      start_(std::chrono::steady_clock::now()),
      last_(start_) {}

Progress::~Progress() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);
}

void Progress::update(int64_t done) {
  if (!enabled_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < kRedraw && done < total_) return;
  last_ = now;
  draw(done);
}

void Progress::draw(int64_t done) {
  drawn_ = true;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  std::string line = "\r" + what_ + " ";
  if (total_ > 0) {
    const double share = std::clamp(static_cast<double>(done) / static_cast<double>(total_), 0.0, 1.0);
    const int full = static_cast<int>(share * kBarWidth);
    line += fmt::format("[{}{}] {:3.0f}%  ", std::string(full, '#'), std::string(kBarWidth - full, '.'),
                        100 * share);
    if (share > 0.02) line += fmt::format("{:.0f} s left  ", seconds / share * (1 - share));
    line += fmt::format("{} of {} {}", done, total_, unit_);
  } else {
    line += fmt::format("{} {}", done, unit_);
  }
  std::fputs((line + "\x1b[K").c_str(), stderr);
  std::fflush(stderr);
}

}  // namespace qnext
