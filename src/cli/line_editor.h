// Lines that a person types, or that a pipe brings.
#pragma once

#include <memory>
#include <string>

namespace qnext {

class LineReader {
 public:
  enum class Event {
    kLine,
    kInterrupt,  // Ctrl-C: the line was given up
    kEnd,        // Ctrl-D, or the end of the input
  };
  virtual ~LineReader() = default;
  // Reads one line, without its newline.
  virtual Event read(const std::string& prompt, std::string& line) = 0;
};

// Standard input as it comes, with no prompt.
std::unique_ptr<LineReader> make_plain_lines();

// Lines from the terminal: with editing and a history where libedit was there at build time
// (line_editor/editing.cc), otherwise plain ones after a prompt (line_editor/plain.cc). Prompts go to
// standard error.
std::unique_ptr<LineReader> make_terminal_lines();

}  // namespace qnext
