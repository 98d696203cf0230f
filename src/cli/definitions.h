// The words in which commands define themselves. Help, manual page, completion and docs/cli.md are all made
// from these definitions (documentation.h).
//
// CLI11 is only named here: it takes a compiler seconds to read, and longer to instantiate, so it stays with
// the few files that work on the whole tree of definitions.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace qnext {

// What the chosen command does: its exit code, or an error that the program prints (exit code 1).
using Action = std::function<Result<int>()>;

// An option or argument of a command. This is a handle: copies stand for the same option.
class Option {
 public:
  explicit Option(CLI::Option& option) : option_(&option) {}

  // The name of the value in help texts: "N", "FILE". FILE and FOLDER are completed as paths.
  Option named(const std::string& value_name);
  // The title that it is listed under; "Options" when there is none.
  Option group(const std::string& title);
  Option required();
  // It may be given several times; each time has one value.
  Option repeated();
  // A list in one value, "512,2048".
  Option comma_separated();

  // Checks of numbers: at least `low`, at most `high`.
  Option at_least(int64_t low);
  Option within(double low, double high);
  // Any other check: what is wrong with a value, "" for nothing.
  Option check(std::function<std::string(const std::string& given)> wrong);

 private:
  CLI::Option* option_;
};

// What commands are added to.
struct Program {
  CLI::App& app;
  Action& action;  // becomes what the chosen command does
};

// One command: a handle, too. The values are written when the command line is parsed.
class Command {
 public:
  Command(CLI::App& app, Action& action) : app_(&app), action_(&action) {}

  std::string name() const;
  // Leaves the command out of the help and the manual.
  void hide();
  // `names` are "-n,--max-tokens", or one without dashes for a positional argument.
  Option add_option(const std::string& names, std::string& value, const std::string& description);
  Option add_option(const std::string& names, int64_t& value, const std::string& description);
  Option add_option(const std::string& names, std::optional<std::string>& value,
                    const std::string& description);
  Option add_option(const std::string& names, std::optional<int64_t>& value, const std::string& description);
  Option add_option(const std::string& names, std::optional<uint64_t>& value, const std::string& description);
  Option add_option(const std::string& names, std::optional<double>& value, const std::string& description);
  Option add_option(const std::string& names, std::vector<std::string>& value,
                    const std::string& description);
  Option add_option(const std::string& names, std::vector<int64_t>& value, const std::string& description);
  // An option with one of several words as its value.
  Option add_choice(const std::string& names, std::string& value, std::initializer_list<const char*> choices,
                    const std::string& description);
  Option add_flag(const std::string& names, bool& value, const std::string& description);
  // What it does when it is chosen.
  void does(Action action);

 private:
  CLI::App* app_;
  Action* action_;
};

// A command with its one-line description. `details` may have several paragraphs; each of `examples` is a
// comment and a command line: "# what it shows\nqnext run ...".
Command add_command(const Program& program, const std::string& name, const std::string& description,
                    const std::string& details, std::initializer_list<const char*> examples);

// The parts of what add_command() was given.
std::string details_of(const CLI::App& command);
std::vector<std::string> examples_of(const CLI::App& command);

void add_all_commands(const Program& program);
void add_run(const Program& program);
void add_chat(const Program& program);
void add_logits(const Program& program);
void add_generate_ids(const Program& program);
void add_tokenize(const Program& program);
void add_template(const Program& program);
void add_inspect(const Program& program);
void add_convert(const Program& program);
void add_quantize(const Program& program);
void add_synth(const Program& program);
void add_train(const Program& program);
void add_finetune(const Program& program);
void add_merge(const Program& program);
void add_train_tokenizer(const Program& program);
void add_perplexity(const Program& program);
void add_bench(const Program& program);
void add_generate_docs(const Program& program);  // not listed in the help

}  // namespace qnext
