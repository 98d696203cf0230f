// Attributes, items and slices.
#include <fmt/format.h>

#include <algorithm>

#include "text/jinja/call.h"
#include "text/jinja/methods.h"
#include "text/jinja/operators.h"
#include "text/jinja/unicode.h"

namespace qnext::jinja {
namespace {

Value missing(const Value& object, std::string_view name) {
  return Value::undefined(fmt::format("{} has no attribute '{}'", describe(object), name));
}

Value loop_cycle(Runtime&, const Value& subject, const Arguments& arguments) {
  if (arguments.positional.empty()) fail("loop.cycle() needs something to cycle through");
  return arguments.positional[subject.as<Loop>()->index % arguments.positional.size()];
}

Value loop_changed(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  auto* loop = subject.as<Loop>();
  const auto same = [&](const Value& a, const Value& b) { return equal(runtime, a, b); };
  const auto& now = arguments.positional;
  const bool changed = !loop->asked_changed || !std::equal(now.begin(), now.end(), loop->last_changed.begin(),
                                                           loop->last_changed.end(), same);
  loop->asked_changed = true;
  loop->last_changed = now;
  return Value::boolean(changed);
}

Value loop_attribute(Runtime& runtime, const Value& object, const std::string& name) {
  const auto& loop = *object.as<Loop>();
  const auto& items = loop.items->items;
  const auto number = [](size_t n) { return Value::integer(static_cast<Int>(n)); };
  if (name == "index") return number(loop.index + 1);
  if (name == "index0") return number(loop.index);
  if (name == "revindex") return number(items.size() - loop.index);
  if (name == "revindex0") return number(items.size() - loop.index - 1);
  if (name == "first") return Value::boolean(loop.index == 0);
  if (name == "last") return Value::boolean(loop.index + 1 == items.size());
  if (name == "length") return number(items.size());
  if (name == "depth") return Value::integer(1);  // it counts recursion, which there is none of
  if (name == "depth0") return Value::integer(0);
  if (name == "previtem") {
    return loop.index > 0 ? items[loop.index - 1] : Value::undefined("there is no previous item");
  }
  if (name == "nextitem") {
    return loop.index + 1 < items.size() ? items[loop.index + 1] : Value::undefined("there is no next item");
  }
  if (name == "cycle") return Value::object(runtime.make<Method>("cycle", object, loop_cycle));
  if (name == "changed") return Value::object(runtime.make<Method>("changed", object, loop_changed));
  return missing(object, name);
}

// The method `name` of a text, dict or list as a value; undefined when there is none or it is hidden.
Value method(Runtime& runtime, const Value& object, const std::string& name) {
  Operation apply = nullptr;
  bool hidden = false;
  if (object.is_text()) {
    apply = find_text_method(name);
  } else if (object.as<Dict>()) {
    apply = find_dict_method(name);
    hidden = is_hidden_dict_method(name);
  } else if (object.as<List>()) {
    apply = find_list_method(name);
    hidden = is_hidden_list_method(name);
  }
  if (hidden)
    return Value::undefined(
        fmt::format("method '{}' of {} may not be used: it changes it", name, describe(object)));
  if (!apply) return missing(object, name);
  runtime.spend();
  return Value::object(runtime.make<Method>(name, object, apply));
}

[[noreturn]] void undefined_object(const Value& object) { fail(object.reason()); }

// The element that an index names, counting from the end when it is negative; `count` when there is none.
size_t position(Int index, size_t count) {
  if (index < 0) index += static_cast<Int>(count);
  return index < 0 || index >= static_cast<Int>(count) ? count : static_cast<size_t>(index);
}

Value character(Runtime& runtime, const Value& object, Int index) {
  const std::string& text = object.text();
  runtime.spend(1 + static_cast<int64_t>(text.size() / 128));
  const size_t count = is_ascii(text) ? text.size() : length(text);
  const size_t at = position(index, count);
  if (at == count) return Value::undefined("string index out of range");
  const size_t byte = count == text.size() ? at : byte_of(text, at);
  return Value::text(text.substr(byte, decode(text, byte).size));
}

Int bound(const Value* value, Int fallback, std::string_view what) {
  if (!value || value->is_none()) return fallback;
  if (value->is_undefined()) fail(value->reason());
  if (!value->is_integer() && !value->is_boolean()) {
    fail(fmt::format("{} of a slice: an integer expected, got {}", what, describe(*value)));
  }
  return as_integer(*value);
}

// The indices of a slice of `count` elements, in order, by Python's rules.
struct SliceRange {
  Int start, stop, step;
};
SliceRange slice_range(const Value* start, const Value* stop, const Value* step, Int count) {
  const Int by = bound(step, 1, "step");
  if (by == 0) fail("step of a slice is zero");
  const Int lowest = by > 0 ? 0 : -1;
  const Int highest = by > 0 ? count : count - 1;
  const auto clamp = [&](Int index) {
    if (index < 0) index = index < -count ? -1 - count : index + count;
    return std::clamp(index, lowest, highest);
  };
  Int first = by > 0 ? lowest : highest;
  Int last = by > 0 ? highest : lowest;
  if (start && !start->is_none()) first = clamp(bound(start, 0, "start"));
  if (stop && !stop->is_none()) last = clamp(bound(stop, 0, "stop"));
  return {first, last, std::clamp(by, -count - 1, count + 1)};
}

}  // namespace

Value attribute(Runtime& runtime, const Value& object, const std::string& name) {
  if (object.is_undefined()) undefined_object(object);
  if (const auto* dict = object.as<Dict>()) {
    // A method comes before a key of its name, as in Python: dict.items is the method, dict['items'] the key.
    if (find_dict_method(name) || is_hidden_dict_method(name)) return method(runtime, object, name);
    const Value* value = dict->find(name);
    return value ? *value : missing(object, name);
  }
  if (const auto* space = object.as<Namespace>()) {
    const Value* value = space->attributes.find(name);
    return value ? *value : missing(object, name);
  }
  if (object.as<Loop>()) return loop_attribute(runtime, object, name);
  return method(runtime, object, name);
}

Value item(Runtime& runtime, const Value& object, const Value& key) {
  if (object.is_undefined()) undefined_object(object);
  const bool index = key.is_integer() || key.is_boolean();
  if (const auto* dict = object.as<Dict>()) {
    if (const Value* value = dict->find(key)) return *value;
    if (key.is_text()) return method(runtime, object, key.text());
    return Value::undefined("a dict has no such key");
  }
  if (const auto* list = object.as<List>(); list && index && list->form != List::Form::generator) {
    const size_t at = position(as_integer(key), list->items.size());
    return at < list->items.size() ? list->items[at] : Value::undefined("list index out of range");
  }
  if (object.is_text() && index) return character(runtime, object, as_integer(key));
  if (key.is_text()) return attribute(runtime, object, key.text());
  return Value::undefined(fmt::format("{} has no such item", describe(object)));
}

Value slice(Runtime& runtime, const Value& object, const Value* start, const Value* stop, const Value* step) {
  if (object.is_undefined()) undefined_object(object);
  if (object.is_text()) {
    const std::string& text = object.text();
    std::vector<size_t> begins;  // of the characters, and the end
    runtime.spend(1 + static_cast<int64_t>(text.size() / 128));
    const bool ascii = is_ascii(text);
    if (!ascii) {
      runtime.spend(static_cast<int64_t>(text.size() / 8));
      for (size_t at = 0; at < text.size(); at += decode(text, at).size) begins.push_back(at);
      begins.push_back(text.size());
    }
    const auto byte = [&](Int i) { return ascii ? static_cast<size_t>(i) : begins[static_cast<size_t>(i)]; };
    const auto [first, last, by] =
        slice_range(start, stop, step, static_cast<Int>(ascii ? text.size() : begins.size() - 1));
    if (by == 1) {
      return runtime.text(first < last ? text.substr(byte(first), byte(last) - byte(first)) : std::string());
    }
    std::string out;
    for (Int i = first; by > 0 ? i < last : i > last; i += by)
      out += text.substr(byte(i), byte(i + 1) - byte(i));
    return runtime.text(std::move(out));
  }
  const auto* list = object.as<List>();
  if (!list || list->form == List::Form::generator)
    fail(fmt::format("{} cannot be sliced", describe(object)));
  const auto [first, last, by] = slice_range(start, stop, step, static_cast<Int>(list->items.size()));
  std::vector<Value> items;
  for (Int i = first; by > 0 ? i < last : i > last; i += by)
    items.push_back(list->items[static_cast<size_t>(i)]);
  return runtime.list(std::move(items), list->form);
}

}  // namespace qnext::jinja
