// The manual page in roff, see man(7).
#include <fmt/format.h>

#include <algorithm>

#include "cli/documentation.h"
#include "cli/version.h"

namespace qnext {
namespace {

// Text as roff reads it: no escapes, no requests at the start of a line, and dashes that can be copied.
std::string roff(const std::string& text) {
  std::string out;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && (c == '.' || c == '\'')) out += "\\&";
    line_start = c == '\n';
    if (c == '\\')
      out += "\\(rs";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  return out;
}

std::string paragraphs(const std::string& text) {
  std::string out = ".PP\n";
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    out += line.empty() ? ".PP\n" : roff(line) + "\n";
    at = end + 1;
  }
  return out;
}

std::string option_entry(const OptionText& option) {
  return fmt::format(".TP\n.B {}\n{}\n", roff(option.joined_names()), roff(option.description));
}

std::string command_section(const CommandText& command) {
  std::string out = fmt::format(".SS {}\n.B {}\n", roff(command.name), roff(command.usage()));
  out += paragraphs(command.description + ".");
  if (!command.details.empty()) out += paragraphs(command.details);
  for (const OptionText& option : command.options) {
    if (!option.group.empty()) out += option_entry(option);
  }
  for (const std::string& example : command.examples) out += ".PP\n.nf\n" + roff(example) + "\n.fi\n";
  return out;
}

}  // namespace

std::string manual_page(const ProgramText& program) {
  std::string out = fmt::format(".TH QNEXT 1 \"\" \"qnext {}\" \"User Commands\"\n", kVersion);
  out += ".SH NAME\nqnext \\- " + roff(program.description) + "\n";
  out += ".SH SYNOPSIS\n.B qnext\n.I COMMAND\n[\\fIOPTIONS\\fR]\n.SH COMMANDS\n";
  for (const CommandText& command : program.commands) {
    out += fmt::format(".TP\n.B {}\n{}\n", roff(command.name), roff(command.description));
  }
  for (const ProgramText::Section& section : program.sections) {
    out += fmt::format(".SH {}\n", roff(section.title));
    for (const std::string& paragraph : section.paragraphs) out += paragraphs(paragraph);
  }
  out += ".SH OPTIONS\n";
  for (const CommandText& command : program.commands) out += command_section(command);
  return out;
}

}  // namespace qnext
