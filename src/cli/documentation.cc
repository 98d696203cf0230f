#include "cli/documentation.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/definitions.h"

namespace qnext {
namespace {

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == at)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

OptionText describe_option(const CLI::Option& option) {
  OptionText text;
  text.positional = option.get_positional();
  for (const std::string& name : option.get_snames()) text.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) text.names.push_back("--" + name);
  if (text.positional) text.names = {option.get_name(true)};
  if (option.get_expected_max() > 0 && option.get_items_expected_max() > 0) {
    text.value = option.get_type_name();
  }
  if (text.value.find('|') != std::string::npos) text.choices = split(text.value, '|');
  text.description = option.get_description();
  text.group = option.get_group();
  text.required = option.get_required();
  for (const char* path : {"FILE", "FOLDER", "MODEL"}) {
    const std::string& shown = text.positional ? text.names.front() : text.value;
    text.path = text.path || shown.rfind(path, 0) == 0;
  }
  return text;
}

CommandText describe(const CLI::App& command) {
  CommandText text;
  text.name = command.get_name();
  text.description = command.get_description();
  text.details = details_of(command);
  text.examples = examples_of(command);
  for (const CLI::Option* option : command.get_options()) text.options.push_back(describe_option(*option));
  // Positionals first, then the groups in the order in which they were first used; --help, which is defined
  // before anything else, ends the first group.
  std::vector<std::string> groups;
  for (const OptionText& option : text.options) {
    if (std::find(groups.begin(), groups.end(), option.group) == groups.end()) groups.push_back(option.group);
  }
  const auto rank = [&groups](const OptionText& option) {
    const auto group = std::find(groups.begin(), groups.end(), option.group) - groups.begin();
    const bool help = option.names.back() == "--help";
    return option.positional ? -1 : 2 * static_cast<int>(group) + (help ? 1 : 0);
  };
  std::stable_sort(text.options.begin(), text.options.end(),
                   [&rank](const OptionText& a, const OptionText& b) { return rank(a) < rank(b); });
  return text;
}

// The help of one option: its names, then its description beside or below them.
std::string help_row(const std::string& names, const std::string& description) {
  constexpr size_t kColumn = 32, kWidth = 100;
  const std::string body = fill(description, kWidth - kColumn, kColumn);
  const std::string start = "  " + names;
  if (start.size() + 2 > kColumn) return start + "\n" + body;
  return start + body.substr(start.size());
}

std::string help_of_command(const CommandText& command) {
  std::string out = fmt::format("{}\n\nUsage: {}\n", command.description, command.usage());
  std::string group;
  for (const OptionText& option : command.options) {
    if (option.group.empty()) continue;
    const std::string title = option.positional ? "Arguments" : option.group;
    if (title != group) out += fmt::format("\n{}:\n", title);
    group = title;
    out += help_row(option.joined_names(), option.description);
  }
  for (const std::string& paragraph : split(command.details, '\n')) {
    out += paragraph.empty() ? "\n" : "\n" + fill(paragraph, 100, 0);
  }
  if (!command.examples.empty()) out += "\nExamples:\n";
  for (const std::string& example : command.examples) {
    for (const std::string& line : split(example, '\n')) out += "  " + line + "\n";
  }
  return out;
}

std::string help_of_program(const ProgramText& program) {
  std::string out = fmt::format("{}\n\nUsage: qnext COMMAND [OPTIONS]\n\nCommands:\n", program.description);
  for (const CommandText& command : program.commands) out += help_row(command.name, command.description);
  out += "\nOptions:\n" + help_row("-h, --help", "Print this help; 'qnext COMMAND --help' for a command's") +
         help_row("--version", "Print the version");
  return out + "\nThe manual, 'man qnext', says more.\n";
}

class HelpFormatter : public CLI::FormatterBase {
 public:
  std::string make_help(const CLI::App* app, std::string, CLI::AppFormatMode) const override {
    return app->get_parent() ? help_of_command(describe(*app)) : help_of_program(describe_program(*app));
  }
};

}  // namespace

std::string OptionText::joined_names() const {
  return fmt::format("{}{}{}", fmt::join(names, ", "), value.empty() || positional ? "" : " ",
                     positional ? "" : value);
}

std::string CommandText::usage() const {
  std::string line = "qnext " + name + " [OPTIONS]";
  for (const OptionText& option : options) {
    if (!option.positional && option.required) line += " " + option.names.front() + " " + option.value;
  }
  for (const OptionText& option : options) {
    if (option.positional) line += option.required ? " " + option.names[0] : " [" + option.names[0] + "]";
  }
  return line;
}

ProgramText describe_program(const CLI::App& program) {
  ProgramText text;
  text.description = program.get_description();
  text.sections = manual_sections();
  for (const CLI::App* command : program.get_subcommands([](const CLI::App*) { return true; })) {
    if (!command->get_group().empty()) text.commands.push_back(describe(*command));
  }
  return text;
}

std::shared_ptr<CLI::FormatterBase> help_formatter() { return std::make_shared<HelpFormatter>(); }

std::string fill(const std::string& text, size_t width, size_t indent) {
  std::string out, line;
  const std::string margin(indent, ' ');
  for (const std::string& word : split(text, ' ')) {
    if (!line.empty() && line.size() + 1 + word.size() > width) {
      out += margin + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return out + margin + line + "\n";
}

}  // namespace qnext
