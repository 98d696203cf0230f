// The methods of Python's dict and list that leave them unchanged.
#include <algorithm>

#include "text/jinja/methods.h"
#include "text/jinja/operators.h"

namespace qnext::jinja {
namespace {

Value get(Runtime&, const Value& self, const Arguments& arguments) {
  const Parameters p("get()", arguments, {"key", "default"}, 1);
  const Value* found = self.as<Dict>()->find(p.at(0));
  if (found) return *found;
  return p.find(1) ? p.at(1) : Value::none();
}

Value items(Runtime& runtime, const Value& self, const Arguments& arguments) {
  no_arguments("items()", arguments);
  std::vector<Value> pairs;
  for (const auto& [key, value] : self.as<Dict>()->entries()) {
    pairs.push_back(runtime.list({key, value}, List::Form::tuple));
  }
  return runtime.list(std::move(pairs));
}

Value keys(Runtime& runtime, const Value& self, const Arguments& arguments) {
  no_arguments("keys()", arguments);
  std::vector<Value> out;
  for (const auto& entry : self.as<Dict>()->entries()) out.push_back(entry.first);
  return runtime.list(std::move(out));
}

Value values(Runtime& runtime, const Value& self, const Arguments& arguments) {
  no_arguments("values()", arguments);
  std::vector<Value> out;
  for (const auto& entry : self.as<Dict>()->entries()) out.push_back(entry.second);
  return runtime.list(std::move(out));
}

// Nothing can change a dict or a list, so that a copy is the same.
Value copy(Runtime&, const Value& self, const Arguments& arguments) {
  no_arguments("copy()", arguments);
  return self;
}

Value index(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("index()", arguments, {"value"}, 1);
  const auto& list = self.as<List>()->items;
  for (size_t i = 0; i < list.size(); ++i) {
    if (equal(runtime, list[i], p.at(0))) return Value::integer(static_cast<Int>(i));
  }
  fail("index(): the value is not in the list");
}

Value count(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("count()", arguments, {"value"}, 1);
  const auto& list = self.as<List>()->items;
  const auto same = [&](const Value& element) { return equal(runtime, element, p.at(0)); };
  return Value::integer(std::count_if(list.begin(), list.end(), same));
}

constexpr NamedOperation kDictMethods[] = {
    {"copy", copy}, {"get", get}, {"items", items}, {"keys", keys}, {"values", values},
};
constexpr NamedOperation kListMethods[] = {{"copy", copy}, {"count", count}, {"index", index}};
constexpr std::string_view kHiddenOfDict[] = {"clear", "pop", "popitem", "setdefault", "update"};
constexpr std::string_view kHiddenOfList[] = {"append", "clear",  "extend",  "insert",
                                              "pop",    "remove", "reverse", "sort"};

template <size_t n>
Operation look_up(const NamedOperation (&methods)[n], std::string_view name) {
  const auto* it =
      std::find_if(methods, methods + n, [&](const NamedOperation& m) { return m.name == name; });
  return it == methods + n ? nullptr : it->apply;
}

}  // namespace

Operation find_dict_method(std::string_view name) { return look_up(kDictMethods, name); }
Operation find_list_method(std::string_view name) { return look_up(kListMethods, name); }

bool is_hidden_dict_method(std::string_view name) {
  return std::find(std::begin(kHiddenOfDict), std::end(kHiddenOfDict), name) != std::end(kHiddenOfDict);
}

bool is_hidden_list_method(std::string_view name) {
  return std::find(std::begin(kHiddenOfList), std::end(kHiddenOfList), name) != std::end(kHiddenOfList);
}

}  // namespace qnext::jinja
