#include <fmt/format.h>

#include <cctype>

#include "cli/documentation.h"

namespace qnext {
namespace {

std::string cell(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '<' || c == '*' || c == '_') out += '\\';
    out += c;
  }
  return out;
}

// Code inside a table: GitHub's tables end a cell at a bar even in code, unless it is escaped.
std::string code_cell(const std::string& text) {
  std::string out = "`";
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out + "`";
}

std::string markdown_section(const CommandText& command) {
  std::string out =
      fmt::format("\n## qnext {}\n{}.\n\n```\n{}\n```\n", command.name, command.description, command.usage());
  if (!command.details.empty()) out += "\n" + command.details + "\n";
  out += "\n| option | meaning |\n| --- | --- |\n";
  for (const OptionText& option : command.options) {
    if (option.group.empty()) continue;
    out += fmt::format("| {} | {} |\n", code_cell(option.joined_names()), cell(option.description));
  }
  if (command.examples.empty()) return out;
  out += "\n```sh\n";
  for (size_t i = 0; i < command.examples.size(); ++i) out += (i ? "\n" : "") + command.examples[i] + "\n";
  return out + "```\n";
}

}  // namespace

std::string markdown_page(const ProgramText& program) {
  std::string out =
      "# The command line\n\n"
      "<!-- Written by `qnext generate-docs markdown`; a test compares the two. -->\n\n"
      "| command | does |\n| --- | --- |\n";
  for (const CommandText& command : program.commands) {
    out += fmt::format("| [{0}](#qnext-{0}) | {1} |\n", command.name, cell(command.description));
  }
  for (const ProgramText::Section& section : program.sections) {
    std::string title = section.title;
    for (size_t i = 1; i < title.size(); ++i) title[i] = static_cast<char>(std::tolower(title[i]));
    out += fmt::format("\n## {}\n", title);
    for (size_t i = 0; i < section.paragraphs.size(); ++i)
      out += (i ? "\n" : "") + section.paragraphs[i] + "\n";
  }
  for (const CommandText& command : program.commands) out += markdown_section(command);
  return out;
}

}  // namespace qnext
