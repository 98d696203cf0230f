// Progress of long work on a terminal: one line that rewrites itself. Silent when stderr is not a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace qnext {

class Progress {
 public:
  // `what` starts the line ("quantising"); `total` is in `unit`s ("tensors"), 0 when unknown.
  Progress(std::string what, int64_t total, std::string unit, bool enabled);
  ~Progress();  // clears the line
  void update(int64_t done);
  // True when stderr is a terminal.
  static bool terminal();

 private:
  void draw(int64_t done);
  std::string what_, unit_;
  int64_t total_;
  bool enabled_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point start_, last_;
};

}  // namespace qnext
