#include "cli/output.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/files.h"

namespace qnext {

Status write_out(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return {};
  const int code = errno;
  std::clearerr(stdout);
  return system_error("standard output", "write", code);
}

Status print_json(const Json& json) { return write_out(dump_json(json) + "\n"); }

void report_error(std::string_view message) {
  std::string line = fmt::format("qnext: error: {}", message);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f')
      c = ' ';  // one line, and nothing a terminal obeys
  }
  std::fprintf(stderr, "%s\n", line.c_str());
}

int wrong_usage(std::string_view command, std::string_view message) {
  report_error(fmt::format("{}: {} (see 'qnext {} --help')", command, message, command));
  return 2;
}

void note(std::string_view message) { std::fprintf(stderr, "%s\n", std::string(message).c_str()); }

bool stdout_is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }
bool stdin_is_terminal() { return ::isatty(STDIN_FILENO) == 1; }

int64_t peak_memory_bytes() {
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<int64_t>(usage.ru_maxrss) * 1024;
}

std::string human_bytes(int64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (value >= 1e9) return fmt::format("{:.1f} GB", value / 1e9);
  if (value >= 1e6) return fmt::format("{:.1f} MB", value / 1e6);
  if (value >= 1e3) return fmt::format("{:.1f} kB", value / 1e3);
  return fmt::format("{} B", bytes);
}

}  // namespace qnext
