// The words in which commands define themselves. Help, manual page, completion and docs/cli.md are all made
// from these definitions (documentation.h).
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace qnext {

// What the chosen command does: its exit code, or an error that the program prints (exit code 1).
using Action = std::function<Result<int>()>;

// A command with its one-line description. `details` may have several paragraphs; each of `examples` is a
// comment and a command line: "# what it shows\nqnext run ...".
CLI::App* add_command(CLI::App& program, const std::string& name, const std::string& description,
                      const std::string& details, std::initializer_list<const char*> examples);

// The parts of what add_command() was given.
std::string details_of(const CLI::App& command);
std::vector<std::string> examples_of(const CLI::App& command);

// An option with one of several words as its value.
CLI::Option* add_choice(CLI::App* command, const std::string& names, std::string& value,
                        std::initializer_list<const char*> choices, const std::string& description);
// Names the value in help texts: "N", "FILE". FILE and FOLDER are completed as paths.
CLI::Option* named(CLI::Option* option, const std::string& value_name);
// An option that may be given several times; each time has one value.
CLI::Option* repeated(CLI::Option* option);
// A list in one value, "512,2048".
CLI::Option* comma_separated(CLI::Option* option);

// Checks of numbers: at least `low`, at most `high`.
CLI::Option* at_least(CLI::Option* option, int64_t low);
CLI::Option* within(CLI::Option* option, double low, double high);

// Every command. When one is chosen on the command line, `action` becomes what it does.
void add_all_commands(CLI::App& program, Action& action);
void add_run(CLI::App& program, Action& action);
void add_chat(CLI::App& program, Action& action);
void add_logits(CLI::App& program, Action& action);
void add_generate_ids(CLI::App& program, Action& action);
void add_tokenize(CLI::App& program, Action& action);
void add_template(CLI::App& program, Action& action);
void add_inspect(CLI::App& program, Action& action);
void add_convert(CLI::App& program, Action& action);
void add_quantize(CLI::App& program, Action& action);
void add_synth(CLI::App& program, Action& action);
void add_train(CLI::App& program, Action& action);
void add_finetune(CLI::App& program, Action& action);
void add_merge(CLI::App& program, Action& action);
void add_train_tokenizer(CLI::App& program, Action& action);
void add_perplexity(CLI::App& program, Action& action);
void add_bench(CLI::App& program, Action& action);
void add_generate_docs(CLI::App& program, Action& action);  // not listed in the help

}  // namespace qnext
