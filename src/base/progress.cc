#include "base/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace qnext {
namespace {
constexpr int kBarWidth = 24;
constexpr std::chrono::milliseconds kRedraw{100};

// A line that is longer than the terminal is wide could not be drawn over.
void cut_to_terminal(std::string& line) {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 2) return;
  if (line.size() > size.ws_col) line.resize(size.ws_col);  // with the \r, so one less than the width
}
}  // namespace

bool Progress::terminal() { return ::isatty(STDERR_FILENO) == 1; }

std::string duration_text(double seconds) {
  if (!(seconds < 3e9)) return "a century";
  const auto whole = static_cast<int64_t>(std::lround(std::max(seconds, 0.0))), minutes = (whole + 30) / 60;
  if (whole < 120) return fmt::format("{} s", whole);
  if (minutes < 120) return fmt::format("{} min", minutes);
  return fmt::format("{} h {:02} min", minutes / 60, minutes % 60);
}

Progress::Progress(std::string what, int64_t total, std::string unit, bool enabled, int64_t before)
    : what_(std::move(what)),
      unit_(std::move(unit)),
      total_(total),
      before_(before),
      enabled_(enabled && terminal()),
      start_(std::chrono::steady_clock::now()),
      last_(start_) {}

Progress::~Progress() { clear(); }

void Progress::clear() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);
  drawn_ = false;
}

void Progress::update(int64_t done, std::string_view note) {
  if (!enabled_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < kRedraw && done < total_) return;
  last_ = now;
  draw(done, note);
}

void Progress::draw(int64_t done, std::string_view note) {
  drawn_ = true;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  std::string line = "\r" + what_ + " ";
  if (total_ > 0) {
    const double share = std::clamp(static_cast<double>(done) / static_cast<double>(total_), 0.0, 1.0);
    const int full = static_cast<int>(share * kBarWidth);
    line += fmt::format("[{}{}] {:3.0f}%  ", std::string(full, '#'), std::string(kBarWidth - full, '.'),
                        100 * share);
    const double new_share =
        static_cast<double>(done - before_) / static_cast<double>(std::max<int64_t>(total_ - before_, 1));
    if (new_share > 0.02) line += duration_text(seconds / new_share * (1 - new_share)) + " left  ";
    line += fmt::format("{} of {} {}", done, total_, unit_);
  } else {
    line += fmt::format("{} {}", done, unit_);
  }
  if (!note.empty()) line.append("  ").append(note);
  cut_to_terminal(line);
  std::fputs((line + "\x1b[K").c_str(), stderr);
  std::fflush(stderr);
}

}  // namespace qnext
