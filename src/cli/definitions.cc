#include "cli/definitions.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
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

Option Option::named(const std::string& value_name) {
  option_->type_name(value_name);
  return *this;
}

Option Option::group(const std::string& title) {
  option_->group(title);
  return *this;
}

Option Option::required() {
  option_->required();
  return *this;
}

Option Option::repeated() {
  option_->allow_extra_args(false)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  return *this;
}

Option Option::comma_separated() {
  option_->delimiter(',');
  return repeated();
}

Option Option::at_least(int64_t low) {
  return check([low](const std::string& given) {
    const auto value = as_number(given);
    if (!value) return std::string();  // other text fails elsewhere
    if (*value >= 0x1p63) return fmt::format("expected a number below 2^63, got {}", given);
    return *value >= static_cast<double>(low) ? "" : fmt::format("expected at least {}, got {}", low, given);
  });
}

Option Option::within(double low, double high) {
  return check([low, high](const std::string& given) {
    const auto value = as_number(given);
    if (!value || (*value >= low && *value <= high)) return std::string();
    return fmt::format("expected a number from {} to {}, got {}", low, high, given);
  });
}

Option Option::check(std::function<std::string(const std::string& given)> wrong) {
  option_->check(std::move(wrong));
  return *this;
}

std::string Command::name() const { return app_->get_name(); }

void Command::hide() { app_->group(""); }

Option Command::add_option(const std::string& names, std::string& value, const std::string& description) {
  return Option(*app_->add_option(names, value, description));
}

Option Command::add_option(const std::string& names, int64_t& value, const std::string& description) {
  return Option(*app_->add_option(names, value, description));
}

Option Command::add_option(const std::string& names, std::optional<std::string>& value,
                           const std::string& description) {
  return Option(*app_->add_option(names, value, description));
}

Option Command::add_option(const std::string& names, std::optional<int64_t>& value,
                           const std::string& description) {
  return Option(*app_->add_option(names, value, description));
}

Option Command::add_option(const std::string& names, std::optional<uint64_t>& value,
                           const std::string& description) {
  return Option(*app_->add_option(names, value, description));
}

Option Command::add_option(const std::string& names, std::optional<double>& value,
                           const std::string& description) {
  return Option(*app_->add_option(names, value, description));
}

Option Command::add_option(const std::string& names, std::vector<std::string>& value,
                           const std::string& description) {
  return Option(*app_->add_option(names, value, description));
}

Option Command::add_option(const std::string& names, std::vector<int64_t>& value,
                           const std::string& description) {
  return Option(*app_->add_option(names, value, description));
}

Option Command::add_choice(const std::string& names, std::string& value,
                           std::initializer_list<const char*> choices, const std::string& description) {
  std::string joined;
  for (const char* choice : choices) joined += (joined.empty() ? "" : "|") + std::string(choice);
  const std::vector<std::string> known(choices.begin(), choices.end());
  return add_option(names, value, description).named(joined).check([known, joined](const std::string& given) {
    const bool found = std::find(known.begin(), known.end(), given) != known.end();
    return found ? std::string() : fmt::format("'{}' is none of {}", given, joined);
  });
}

Option Command::add_flag(const std::string& names, bool& value, const std::string& description) {
  return Option(*app_->add_flag(names, value, description));
}

void Command::does(Action action) {
  app_->callback([chosen = action_, action = std::move(action)] { *chosen = action; });
}

Command add_command(const Program& program, const std::string& name, const std::string& description,
                    const std::string& details, std::initializer_list<const char*> examples) {
  CLI::App* command = program.app.add_subcommand(name, description);
  std::string footer = details + kExamples;
  bool first = true;
  for (const char* example : examples) {
    footer += (first ? "" : "\n\n") + std::string(example);
    first = false;
  }
  command->footer(footer);
  return Command(*command, program.action);
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

void add_all_commands(const Program& program) {
  add_run(program);
  add_chat(program);
  add_inspect(program);
  add_convert(program);
  add_quantize(program);
  add_bench(program);
  add_perplexity(program);
  add_tokenize(program);
  add_template(program);
  add_generate_ids(program);
  add_logits(program);
  add_synth(program);
  add_train(program);
  add_finetune(program);
  add_merge(program);
  add_train_tokenizer(program);
  add_generate_docs(program);
}

}  // namespace qnext
