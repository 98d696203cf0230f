#include <fmt/format.h>

#include <algorithm>

#include "text/jinja/filters.h"
#include "text/jinja/methods.h"
#include "text/jinja/numbers.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"
#include "text/jinja/unicode.h"

namespace qnext::jinja {

Value at_path(Runtime& runtime, const Value& value, const Value* path) {
  if (!path || path->is_none()) return value;
  if (path->is_integer()) return item(runtime, value, *path);
  if (!path->is_text())
    fail(fmt::format("an attribute is named by a string or an integer, not {}", describe(*path)));
  Value found = value;
  const std::string& text = path->text();
  for (size_t at = 0; at <= text.size();) {
    const size_t dot = std::min(text.find('.', at), text.size());
    const std::string part = text.substr(at, dot - at);
    const bool index = !part.empty() && part.find_first_not_of("0123456789") == std::string::npos;
    const auto number = index ? parse_integer(part) : std::nullopt;
    found = item(runtime, found, number ? Value::integer(*number) : Value::text(part));
    at = dot + 1;
  }
  return found;
}

Value without_case(Runtime& runtime, const Value& value, bool case_sensitive) {
  if (case_sensitive || !value.is_text()) return value;
  runtime.reserve_text(value.text().size());
  return Value::text(lower(value.text()));
}

namespace {

Value length_of(Runtime& runtime, const Value& input, const Arguments& arguments) {
  no_arguments("filter 'length'", arguments);
  if (input.is_undefined()) return Value::integer(0);
  if (input.is_text()) {
    runtime.reserve_text(input.text().size());
    return Value::integer(static_cast<Int>(length(input.text())));
  }
  const auto* list = input.as<List>();
  if (list && list->form != List::Form::generator)
    return Value::integer(static_cast<Int>(list->items.size()));
  if (const auto* dict = input.as<Dict>()) return Value::integer(static_cast<Int>(dict->entries().size()));
  fail(fmt::format("filter 'length' does not take {}", describe(input)));
}

Value first(Runtime& runtime, const Value& input, const Arguments& arguments) {
  no_arguments("filter 'first'", arguments);
  if (input.is_text() && !input.text().empty()) return item(runtime, input, Value::integer(0));
  const List* list = iterate(runtime, input);
  return list->items.empty() ? Value::undefined("the sequence has no first item") : list->items.front();
}

Value last(Runtime& runtime, const Value& input, const Arguments& arguments) {
  no_arguments("filter 'last'", arguments);
  if (input.is_text() && !input.text().empty()) return item(runtime, input, Value::integer(-1));
  const List* list = iterate(runtime, input);
  return list->items.empty() ? Value::undefined("the sequence has no last item") : list->items.back();
}

Value to_list(Runtime& runtime, const Value& input, const Arguments& arguments) {
  no_arguments("filter 'list'", arguments);
  return runtime.list(iterate(runtime, input)->items);
}

Value items_of(Runtime& runtime, const Value& input, const Arguments& arguments) {
  no_arguments("filter 'items'", arguments);
  if (input.is_undefined()) return runtime.list({}, List::Form::generator);
  if (!input.as<Dict>()) fail(fmt::format("filter 'items' needs a dict, got {}", describe(input)));
  Value pairs = find_dict_method("items")(runtime, input, {});
  pairs.as<List>()->form = List::Form::generator;
  return pairs;
}

Value join(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("filter 'join'", arguments, {"d", "attribute"});
  std::vector<std::string> parts;
  for (const Value& part : iterate(runtime, input)->items) {
    parts.push_back(to_text(runtime, at_path(runtime, part, p.find(1))));
    runtime.reserve_text(parts.back().size());
  }
  return Value::text(join_texts(runtime, p.find(0) ? to_text(runtime, p.at(0)) : "", parts));
}

Value reverse(Runtime& runtime, const Value& input, const Arguments& arguments) {
  no_arguments("filter 'reverse'", arguments);
  const Value minus_one = Value::integer(-1);
  if (input.is_text()) return slice(runtime, input, nullptr, nullptr, &minus_one);
  std::vector<Value> items = iterate(runtime, input)->items;
  std::reverse(items.begin(), items.end());
  return runtime.list(std::move(items), List::Form::generator);
}

// The items in the order of their keys; equal ones stay as they were, in either direction.
void sort_by_keys(Runtime& runtime, std::vector<Value>& items, const std::vector<std::vector<Value>>& keys,
                  bool descending) {
  std::vector<size_t> places(items.size());
  for (size_t i = 0; i < places.size(); ++i) places[i] = i;
  std::stable_sort(places.begin(), places.end(), [&](size_t a, size_t b) {
    for (size_t k = 0; k < keys[a].size(); ++k) {
      const int sign = order(runtime, keys[a][k], keys[b][k]);
      if (sign != 0) return descending ? sign > 0 : sign < 0;
    }
    return false;
  });
  std::vector<Value> sorted;
  sorted.reserve(items.size());
  for (const size_t place : places) sorted.push_back(items[place]);
  items = std::move(sorted);
}

Value sort(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("filter 'sort'", arguments, {"reverse", "case_sensitive", "attribute"});
  std::vector<Value> paths;  // several attributes are given as "a,b"
  if (p.find(2) && p.at(2).is_text()) {
    const std::string& text = p.text(2);
    for (size_t at = 0; at <= text.size();) {
      const size_t comma = std::min(text.find(',', at), text.size());
      paths.push_back(Value::text(text.substr(at, comma - at)));
      at = comma + 1;
    }
  } else {
    paths.push_back(p.find(2) ? p.at(2) : Value::none());
  }
  std::vector<Value> items = iterate(runtime, input)->items;
  std::vector<std::vector<Value>> keys;
  for (const Value& element : items) {
    auto& key = keys.emplace_back();
    for (const Value& path : paths) {
      key.push_back(without_case(runtime, at_path(runtime, element, &path), p.flag(1, false)));
      runtime.spend(4);
    }
  }
  sort_by_keys(runtime, items, keys, p.flag(0, false));
  return runtime.list(std::move(items));
}

Value sort_dict(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("filter 'dictsort'", arguments, {"case_sensitive", "by", "reverse"});
  if (!input.as<Dict>()) fail(fmt::format("filter 'dictsort' needs a dict, got {}", describe(input)));
  const std::string_view by = p.text(1, "key");
  if (by != "key" && by != "value") p.wrong(1, "'key' or 'value'");
  std::vector<Value> pairs;
  std::vector<std::vector<Value>> keys;
  for (const auto& [key, value] : input.as<Dict>()->entries()) {
    pairs.push_back(runtime.list({key, value}, List::Form::tuple));
    keys.push_back({without_case(runtime, by == "key" ? key : value, p.flag(0, false))});
  }
  sort_by_keys(runtime, pairs, keys, p.flag(2, false));
  return runtime.list(std::move(pairs));
}

Value unique(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("filter 'unique'", arguments, {"case_sensitive", "attribute"});
  Dict seen;
  std::vector<Value> out;
  for (const Value& element : iterate(runtime, input)->items) {
    const Value key = without_case(runtime, at_path(runtime, element, p.find(1)), p.flag(0, false));
    if (!Dict::is_key(key)) fail(fmt::format("filter 'unique' does not take {}", describe(key)));
    runtime.spend(4);
    if (seen.find(key)) continue;
    seen.set(key, Value::none());
    out.push_back(element);
  }
  return runtime.list(std::move(out), List::Form::generator);
}

template <bool largest>
Value extreme(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p(largest ? "filter 'max'" : "filter 'min'", arguments, {"case_sensitive", "attribute"});
  const List* list = iterate(runtime, input);
  if (list->items.empty()) return Value::undefined("the sequence has no item");
  const auto key = [&](const Value& v) {
    return without_case(runtime, at_path(runtime, v, p.find(1)), p.flag(0, false));
  };
  Value best = list->items[0];
  Value best_key = key(best);
  for (size_t i = 1; i < list->items.size(); ++i) {
    Value next_key = key(list->items[i]);
    const int sign = order(runtime, next_key, best_key);
    if (largest ? sign > 0 : sign < 0) {
      best = list->items[i];
      best_key = std::move(next_key);
    }
  }
  return best;
}

Value sum(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("filter 'sum'", arguments, {"attribute", "start"});
  Value total = p.find(1) ? p.at(1) : Value::integer(0);
  if (total.is_text()) fail("filter 'sum' does not add strings");
  for (const Value& element : iterate(runtime, input)->items) {
    total = binary(runtime, BinaryOp::add, total, at_path(runtime, element, p.find(0)));
  }
  return total;
}

Value batch(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("filter 'batch'", arguments, {"linecount", "fill_with"}, 1);
  const Int width = p.integer(0, 1);
  if (width < 1) p.wrong(0, "a positive integer");
  const bool fills = p.find(1) && !p.at(1).is_none();
  std::vector<Value> rows;
  std::vector<Value> row;
  const auto flush = [&] {
    if (!row.empty()) rows.push_back(runtime.list(std::exchange(row, {})));
  };
  for (const Value& element : iterate(runtime, input)->items) {
    if (static_cast<Int>(row.size()) == width) flush();
    row.push_back(element);
  }
  while (fills && !row.empty() && static_cast<Int>(row.size()) < width) {
    runtime.spend();
    row.push_back(p.at(1));
  }
  flush();
  return runtime.list(std::move(rows), List::Form::generator);
}

Value slice_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("filter 'slice'", arguments, {"slices", "fill_with"}, 1);
  const Int slices = p.integer(0, 1);
  if (slices < 1 || slices > runtime.limits().range) p.wrong(0, "a positive integer");
  const auto& items = iterate(runtime, input)->items;
  const Int each = static_cast<Int>(items.size()) / slices;
  const Int longer = static_cast<Int>(items.size()) % slices;
  std::vector<Value> rows;
  size_t at = 0;
  for (Int i = 0; i < slices; ++i) {
    const auto size = static_cast<size_t>(each + (i < longer ? 1 : 0));
    std::vector<Value> row(items.begin() + static_cast<ptrdiff_t>(at),
                           items.begin() + static_cast<ptrdiff_t>(at + size));
    at += size;
    if (p.find(1) && !p.at(1).is_none() && i >= longer) row.push_back(p.at(1));
    rows.push_back(runtime.list(std::move(row)));
  }
  return runtime.list(std::move(rows), List::Form::generator);
}

constexpr NamedOperation kSequenceFilters[] = {
    {"batch", batch},        {"count", length_of},    {"dictsort", sort_dict},
    {"first", first},        {"items", items_of},     {"join", join},
    {"last", last},          {"length", length_of},   {"list", to_list},
    {"max", extreme<true>},  {"min", extreme<false>}, {"reverse", reverse},
    {"slice", slice_filter}, {"sort", sort},          {"sum", sum},
    {"unique", unique},
};

}  // namespace

std::span<const NamedOperation> sequence_filters() { return kSequenceFilters; }

}  // namespace qnext::jinja
