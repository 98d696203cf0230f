// Filters that apply other filters or tests to each element, and the look-up of all filters.
#include <fmt/format.h>

#include "text/jinja/filters.h"
#include "text/jinja/operators.h"

namespace qnext::jinja {
namespace {

const std::string& name_argument(const Arguments& arguments, size_t i, std::string_view filter) {
  const Value& name = arguments.positional[i];
  if (!name.is_text()) fail(fmt::format("filter '{}': a name expected, got {}", filter, describe(name)));
  return name.text();
}

Arguments rest_of(const Arguments& arguments, size_t from) {
  Arguments rest;
  rest.positional.assign(arguments.positional.begin() + static_cast<ptrdiff_t>(from),
                         arguments.positional.end());
  rest.named = arguments.named;
  return rest;
}

Value map_attribute(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("filter 'map'", arguments, {"attribute", "default"}, 1);
  std::vector<Value> out;
  for (const Value& element : iterate(runtime, input)->items) {
    Value found = at_path(runtime, element, p.find(0));
    runtime.spend();
    out.push_back(found.is_undefined() && p.find(1) && !p.at(1).is_none() ? p.at(1) : std::move(found));
  }
  return runtime.list(std::move(out), List::Form::generator);
}

Value map(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Nesting level(runtime);
  if (arguments.positional.empty()) return map_attribute(runtime, input, arguments);
  const std::string& name = name_argument(arguments, 0, "map");
  const Operation filter = find_filter(name);
  if (!filter) fail(fmt::format("filter '{}' is not supported", name));
  const Arguments rest = rest_of(arguments, 1);
  std::vector<Value> out;
  for (const Value& element : iterate(runtime, input)->items) {
    runtime.spend();
    out.push_back(filter(runtime, element, rest));
  }
  return runtime.list(std::move(out), List::Form::generator);
}

// select, reject, selectattr and rejectattr: elements that a test holds for, or does not. Without a test,
// truth counts.
template <bool keep, bool by_attribute>
Value choose(Runtime& runtime, const Value& input, const Arguments& arguments) {
  constexpr std::string_view kName =
      by_attribute ? (keep ? "selectattr" : "rejectattr") : (keep ? "select" : "reject");
  constexpr size_t kTest = by_attribute ? 1 : 0;
  if (by_attribute && arguments.positional.empty())
    fail(fmt::format("filter '{}' needs an attribute", kName));
  Test test = nullptr;
  Arguments rest;
  if (arguments.positional.size() > kTest) {
    const std::string& name = name_argument(arguments, kTest, kName);
    test = find_test(name);
    if (!test) fail(fmt::format("test '{}' is not supported", name));
    rest = rest_of(arguments, kTest + 1);
  }
  std::vector<Value> out;
  for (const Value& element : iterate(runtime, input)->items) {
    runtime.spend();
    const Value subject = by_attribute ? at_path(runtime, element, &arguments.positional[0]) : element;
    if ((test ? test(runtime, subject, rest) : is_true(subject)) == keep) out.push_back(element);
  }
  return runtime.list(std::move(out), List::Form::generator);
}

constexpr NamedOperation kChoosingFilters[] = {
    {"map", map},
    {"reject", choose<false, false>},
    {"rejectattr", choose<false, true>},
    {"select", choose<true, false>},
    {"selectattr", choose<true, true>},
};

}  // namespace

std::span<const NamedOperation> choosing_filters() { return kChoosingFilters; }

Operation find_filter(std::string_view name) {
  for (const auto table : {text_filters(), value_filters(), sequence_filters(), choosing_filters()}) {
    for (const NamedOperation& filter : table) {
      if (filter.name == name) return filter.apply;
    }
  }
  return nullptr;
}

}  // namespace qnext::jinja
