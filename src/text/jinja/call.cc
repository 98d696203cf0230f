#include "text/jinja/call.h"

#include <fmt/format.h>

#include <algorithm>

namespace qnext::jinja {

Parameters::Parameters(std::string_view callee, const Arguments& arguments,
                       std::initializer_list<std::string_view> names, size_t required)
    : callee_(callee), names_(names), values_(names.size(), nullptr) {
  if (arguments.positional.size() > names_.size()) {
    fail(fmt::format("{} takes at most {} argument{}, got {}", callee_, names_.size(),
                     names_.size() == 1 ? "" : "s", arguments.positional.size()));
  }
  for (size_t i = 0; i < arguments.positional.size(); ++i) values_[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    const auto it = std::find(names_.begin(), names_.end(), name);
    if (it == names_.end()) fail(fmt::format("{} has no argument '{}'", callee_, name));
    const Value*& slot = values_[static_cast<size_t>(it - names_.begin())];
    if (slot) fail(fmt::format("{} got argument '{}' twice", callee_, name));
    slot = &value;
  }
  for (size_t i = 0; i < required; ++i) {
    if (!values_[i]) fail(fmt::format("{} needs argument '{}'", callee_, names_[i]));
  }
}

void Parameters::wrong(size_t i, std::string_view expected) const {
  fail(fmt::format("argument '{}' of {}: {} expected, got {}", names_[i], callee_, expected,
                   describe(*values_[i])));
}

Int Parameters::integer(size_t i, Int fallback) const {
  if (!values_[i]) return fallback;
  if (!values_[i]->is_integer() && !values_[i]->is_boolean()) wrong(i, "an integer");
  return as_integer(*values_[i]);
}

bool Parameters::flag(size_t i, bool fallback) const { return values_[i] ? is_true(*values_[i]) : fallback; }

std::string_view Parameters::text(size_t i, std::string_view fallback) const {
  return values_[i] ? std::string_view(text(i)) : fallback;
}

const std::string& Parameters::text(size_t i) const {
  if (!values_[i]->is_text()) wrong(i, "a string");
  return values_[i]->text();
}

void no_arguments(std::string_view callee, const Arguments& arguments) { Parameters(callee, arguments, {}); }

}  // namespace qnext::jinja
