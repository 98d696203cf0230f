// Progress of long work on a terminal: one line that rewrites itself. Silent when stderr is not a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace qnext {

class Progress {
 public:
  // `what` starts the line ("quantising"); `total` is in `unit`s ("tensors"), 0 when unknown. `before` of
  // them were done earlier and say nothing about the time.
  Progress(std::string what, int64_t total, std::string unit, bool enabled, int64_t before = 0);
  ~Progress();  // clears the line
  // The note ends the line.
  void update(int64_t done, std::string_view note = {});
  // Makes room for a line of text; the next update() draws the line again.
  void clear();
  // True when stderr is a terminal.
  static bool terminal();

 private:
  void draw(int64_t done, std::string_view note);
  std::string what_, unit_;
  int64_t total_, before_;
  bool enabled_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point start_, last_;
};

// "40 s", "12 min", "3 h 05 min".
std::string duration_text(double seconds);

}  // namespace qnext
