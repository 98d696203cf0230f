// Help, manual page, shell completion and docs/cli.md, all from the definitions of the commands.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace CLI {
class App;
class FormatterBase;
}  // namespace CLI

namespace qnext {

struct OptionText {
  std::vector<std::string> names;    // "-n", "--max-tokens"; a positional has one name without dashes
  std::string value;                 // "N", "" for a flag
  std::vector<std::string> choices;  // when the value is one of several words
  std::string description;
  std::string group;  // "Options", "Sampling", ...
  bool positional = false, required = false;
  bool path = false;  // the value is a file or folder

  std::string joined_names() const;  // "-n, --max-tokens N"
};

struct CommandText {
  std::string name, description, details;
  std::vector<OptionText> options;  // positionals first
  std::vector<std::string> examples;
  std::string usage() const;  // "qnext run [OPTIONS] [MODEL]"
};

// What is said once for the whole program.
struct ProgramText {
  std::string description;
  struct Section {
    std::string title;
    std::vector<std::string> paragraphs;
  };
  std::vector<Section> sections;
  std::vector<CommandText> commands;
};

ProgramText describe_program(const CLI::App& program);
// What the manual says once for all commands.
std::vector<ProgramText::Section> manual_sections();

// `--help` of the program and its commands.
std::shared_ptr<CLI::FormatterBase> help_formatter();

// Words filled into lines of at most `width` characters, each after `indent` spaces.
std::string fill(const std::string& text, size_t width, size_t indent);

std::string manual_page(const ProgramText& program);    // roff, qnext(1)
std::string markdown_page(const ProgramText& program);  // docs/cli.md
std::string bash_completion(const ProgramText& program);
std::string zsh_completion(const ProgramText& program);
std::string fish_completion(const ProgramText& program);

}  // namespace qnext
