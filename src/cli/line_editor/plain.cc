// Built where libedit is missing: the terminal's own line editing.
#include <cstdio>

#include "cli/line_editor.h"

namespace qnext {
namespace {

class PromptedLines : public LineReader {
 public:
  Event read(const std::string& prompt, std::string& line) override {
    std::fputs(prompt.c_str(), stderr);
    return lines_->read(prompt, line);
  }

 private:
  std::unique_ptr<LineReader> lines_ = make_plain_lines();
};

}  // namespace

std::unique_ptr<LineReader> make_terminal_lines() { return std::make_unique<PromptedLines>(); }

}  // namespace qnext
