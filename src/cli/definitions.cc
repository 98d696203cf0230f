#include "cli/definitions.h"

#include <fmt/format.h>

#include <charconv>

namespace qnext {
namespace {
constexpr const char* kExamples = "\n\nExamples:\n";

std::optional<double> as_number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}
}  // namespace

CLI::App* add_command(CLI::App& program, const std::string& name, const std::string& description,
                      const std::string& details, std::initializer_list<const char*> examples) {
  CLI::App* command = program.add_subcommand(name, description);
  std::string footer = details + kExamples;
  bool first = true;
  for (const char* example : examples) {
    footer += (first ? "" : "\n\n") + std::string(example);
    first = false;
  }
  command->footer(footer);
  return command;
}

std::string details_of(const CLI::App& command) {
  const std::string footer = command.get_footer();
  return footer.substr(0, footer.find(kExamples));
}

std::vector<std::string> examples_of(const CLI::App& command) {
  const std::string footer = command.get_footer();
  std::vector<std::string> examples;
  size_t at = footer.find(kExamples);
  if (at == std::string::npos) return examples;
  at += std::string_view(kExamples).size();
  while (at < footer.size()) {
    const size_t end = std::min(footer.find("\n\n", at), footer.size());
    examples.push_back(footer.substr(at, end - at));
    at = end + 2;
  }
  return examples;
}

CLI::Option* add_choice(CLI::App* command, const std::string& names, std::string& value,
                        std::initializer_list<const char*> choices, const std::string& description) {
  std::string joined;
  for (const char* choice : choices) joined += (joined.empty() ? "" : "|") + std::string(choice);
  const std::vector<std::string> known(choices.begin(), choices.end());
  return command->add_option(names, value, description)
      ->type_name(joined)
      ->check([known, joined](const std::string& given) {
        const bool found = std::find(known.begin(), known.end(), given) != known.end();
        return found ? std::string() : fmt::format("'{}' is none of {}", given, joined);
      });
}

CLI::Option* named(CLI::Option* option, const std::string& value_name) {
  return option->type_name(value_name);
}

CLI::Option* repeated(CLI::Option* option) {
  return option->allow_extra_args(false)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

CLI::Option* comma_separated(CLI::Option* option) {
  return option->delimiter(',')->allow_extra_args(false)->multi_option_policy(
      CLI::MultiOptionPolicy::TakeAll);
}

CLI::Option* at_least(CLI::Option* option, int64_t low) {
  return option->check([low](const std::string& given) {
    const auto value = as_number(given);
    if (!value) return std::string();  // other text fails elsewhere
    if (*value >= 0x1p63) return fmt::format("expected a number below 2^63, got {}", given);
    return *value >= static_cast<double>(low) ? "" : fmt::format("expected at least {}, got {}", low, given);
  });
}

CLI::Option* within(CLI::Option* option, double low, double high) {
  return option->check([low, high](const std::string& given) {
    const auto value = as_number(given);
    if (!value || (*value >= low && *value <= high)) return std::string();
    return fmt::format("expected a number from {} to {}, got {}", low, high, given);
  });
}

void add_all_commands(CLI::App& program, Action& action) {
  add_run(program, action);
  add_chat(program, action);
  add_inspect(program, action);
  add_convert(program, action);
  add_quantize(program, action);
  add_bench(program, action);
  add_perplexity(program, action);
  add_tokenize(program, action);
  add_template(program, action);
  add_generate_ids(program, action);
  add_logits(program, action);
  add_synth(program, action);
  add_train(program, action);
  add_finetune(program, action);
  add_merge(program, action);
  add_train_tokenizer(program, action);
  add_generate_docs(program, action);
}

}  // namespace qnext
