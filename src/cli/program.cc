#include "cli/program.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <new>

#include "cli/definitions.h"
#include "cli/documentation.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/version.h"

namespace qnext {
namespace {

// Levenshtein distance, for "did you mean".
size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row.back();
}

std::string unknown_command(const CLI::App& program, const std::string& given) {
  std::string best;
  size_t least = 3;
  for (const CLI::App* command : program.get_subcommands([](const CLI::App*) { return true; })) {
    const size_t distance = edit_distance(given, command->get_name());
    if (distance < least && !command->get_group().empty()) {
      least = distance;
      best = command->get_name();
    }
  }
  return fmt::format("unknown command '{}'{}", given,
                     best.empty() ? "" : fmt::format(" (did you mean '{}'?)", best));
}

// The chosen command, or the program itself.
const CLI::App& chosen(const CLI::App& program) {
  const auto commands = program.get_subcommands();
  return commands.empty() ? program : *commands.front();
}

int report_usage(const CLI::App& program, const CLI::ParseError& error) {
  const CLI::App& command = chosen(program);
  const std::string prefix = &command == &program ? "" : command.get_name() + ": ";
  const std::string where = &command == &program ? "" : command.get_name() + " ";
  std::string message = error.what();
  if (dynamic_cast<const CLI::ExtrasError*>(&error)) {
    const auto extras = program.remaining(true);
    const std::string first = extras.empty() ? "" : extras.front();
    const bool option = first.size() > 1 && first.front() == '-';
    if (option)
      message = fmt::format("unknown option '{}'", first);
    else if (&command == &program)
      message = unknown_command(program, first);
    else
      message = fmt::format("unexpected argument '{}'", first);
  }
  report_error(fmt::format("{}{} (see 'qnext {}--help')", prefix, message, where));
  return 2;
}

int perform(const Action& action) {
  try {
    auto code = action();
    if (code.ok()) return *code;
    report_error(code.error().message());
  } catch (const std::bad_alloc&) {
    report_error("out of memory");
  }
  return 1;
}

}  // namespace

int run_program(int argc, const char* const* argv) {
  install_interrupt_handlers();
  CLI::App program("Runs Qwen3-Next language models");
  program.name("qnext");
  program.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  program.formatter(help_formatter());
  program.set_version_flag("--version", std::string("qnext ") + kVersion, "Print the version");
  Action action;
  add_all_commands({program, action});
  try {
    program.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return perform([&program]() -> Result<int> {
      QN_RETURN_IF_ERROR(write_out(chosen(program).help()));
      return 0;
    });
  } catch (const CLI::CallForVersion& version) {
    return perform([&version]() -> Result<int> {
      QN_RETURN_IF_ERROR(write_out(std::string(version.what()) + "\n"));
      return 0;
    });
  } catch (const CLI::ParseError& error) {
    return report_usage(program, error);
  }
  if (!action) {
    note(program.help());
    return 2;
  }
  return perform(action);
}

}  // namespace qnext
