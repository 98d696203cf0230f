// What Ctrl-C and a request to terminate do.
#pragma once

#include <atomic>

namespace qnext {

inline constexpr int kInterruptedExit = 130;

// From now on SIGINT, SIGTERM and SIGHUP delete the files that are half written and end the program with exit
// code 130.
void install_interrupt_handlers();

// While one of these lives, the first SIGINT only raises a flag; a second one ends the program as above. One
// at a time.
class InterruptScope {
 public:
  InterruptScope();
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;
  bool raised() const;
  const std::atomic<bool>* flag() const;
};

}  // namespace qnext
