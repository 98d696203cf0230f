#include "cli/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include "base/check.h"
#include "base/files.h"

namespace qnext {
namespace {

// A signal handler has no other way to reach what it needs.
std::atomic<bool> flag_wanted{false};
std::atomic<bool> flag_raised{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may not wait for a lock");

extern "C" void on_signal(int number) {
  if (number == SIGINT && flag_wanted && !flag_raised.exchange(true)) return;
  AtomicFile::remove_unfinished_files();
  if (::isatty(STDERR_FILENO) == 1) {
    constexpr char kClear[] = "\r\x1b[0m\x1b[K";                 // a progress line, dimmed text
    if (::write(STDERR_FILENO, kClear, sizeof kClear - 1) < 0) { /* nothing can be done about it here */
    }
  }
  ::_exit(kInterruptedExit);
}

}  // namespace

void install_interrupt_handlers() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  ::sigemptyset(&action.sa_mask);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction old {};
    ::sigaction(number, nullptr, &old);
    if (number == SIGHUP && old.sa_handler == SIG_IGN) continue;  // nohup
    ::sigaction(number, &action, nullptr);
  }
}

InterruptScope::InterruptScope() {
  flag_raised = false;
  QN_CHECK(!flag_wanted.exchange(true), "one scope at a time");
}

InterruptScope::~InterruptScope() {
  flag_wanted = false;
  flag_raised = false;
}

bool InterruptScope::raised() const { return flag_raised; }
const std::atomic<bool>* InterruptScope::flag() const { return &flag_raised; }

}  // namespace qnext
