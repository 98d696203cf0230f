// Checks for bugs: never for input, which gets a Result with a message instead.
#pragma once

#include <string>

namespace qnext {

// Prints "file:line: check failed: ..." to stderr and aborts.
[[noreturn]] void check_failed(const char* file, int line, const char* condition, const std::string& message);

}  // namespace qnext

#define QN_CHECK(condition, message)                                                    \
  do {                                                                                  \
    if (!(condition)) ::qnext::check_failed(__FILE__, __LINE__, #condition, (message)); \
  } while (false)
