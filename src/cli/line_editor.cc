#include "cli/line_editor.h"

#include <iostream>

namespace qnext {
namespace {

class PlainLines : public LineReader {
 public:
  Event read(const std::string&, std::string& line) override {
    return std::getline(std::cin, line) ? Event::kLine : Event::kEnd;
  }
};

}  // namespace

std::unique_ptr<LineReader> make_plain_lines() { return std::make_unique<PlainLines>(); }

}  // namespace qnext
