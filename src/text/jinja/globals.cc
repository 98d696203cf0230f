#include "text/jinja/globals.h"

#include <fmt/format.h>

#include "text/jinja/operators.h"
#include "text/jinja/print.h"

namespace qnext::jinja {
namespace {

Value range(Runtime& runtime, const Arguments& arguments) {
  const Parameters p("range()", arguments, {"start", "stop", "step"}, 1);
  const Int start = p.find(1) ? p.integer(0, 0) : 0;
  const Int stop = p.find(1) ? p.integer(1, 0) : p.integer(0, 0);
  const Int step = p.integer(2, 1);
  constexpr Int kFar = static_cast<Int>(1) << 100;  // so that differences cannot overflow
  if (step == 0) fail("range(): step is zero");
  for (const Int bound : {start, stop, step}) {
    if (bound > kFar || bound < -kFar) fail("range(): a bound is too large");
  }
  const Int span = step > 0 ? stop - start : start - stop;
  const Int stride = step > 0 ? step : -step;
  const Int count = span > 0 ? (span + stride - 1) / stride : 0;
  if (count > runtime.limits().range)
    fail(fmt::format("range() of more than {} numbers", runtime.limits().range));
  std::vector<Value> items;
  items.reserve(static_cast<size_t>(count));
  for (Int i = 0; i < count; ++i) items.push_back(Value::integer(start + i * step));
  return runtime.list(std::move(items));
}

// The entries of dict(mapping or pairs, name=value, ...), also for namespace().
void fill(Runtime& runtime, Dict& dict, std::string_view callee, const Arguments& arguments) {
  if (arguments.positional.size() > 1) fail(fmt::format("{} takes at most 1 positional argument", callee));
  if (!arguments.positional.empty()) {
    const Value& source = arguments.positional[0];
    if (const auto* other = source.as<Dict>()) {
      for (const auto& [key, value] : other->entries()) {
        runtime.spend();
        dict.set(key, value);
      }
    } else {
      for (const Value& element : iterate(runtime, source)->items) {
        const List* pair = iterate(runtime, element);
        if (pair->items.size() != 2 || !Dict::is_key(pair->items[0]))
          fail(fmt::format("{} needs pairs of key and value", callee));
        runtime.spend();
        dict.set(pair->items[0], pair->items[1]);
      }
    }
  }
  for (const auto& [name, value] : arguments.named) dict.set(Value::text(name), value);
}

Value make_dict(Runtime& runtime, const Arguments& arguments) {
  auto* dict = runtime.make<Dict>();
  fill(runtime, *dict, "dict()", arguments);
  return Value::object(dict);
}

Value make_namespace(Runtime& runtime, const Arguments& arguments) {
  auto* space = runtime.make<Namespace>();
  fill(runtime, space->attributes, "namespace()", arguments);
  return Value::object(space);
}

Value raise_exception(Runtime& runtime, const Arguments& arguments) {
  const Parameters p("raise_exception()", arguments, {"message"}, 1);
  fail(fmt::format("the template says: {}", to_text(runtime, p.at(0))));
}

Value strftime_now(Runtime& runtime, const Arguments& arguments) {
  const Parameters p("strftime_now()", arguments, {"format"}, 1);
  const std::string& format = p.text(0);
  if (format.empty()) return Value::text("");
  if (format.size() > 1000) fail("strftime_now(): the format is too long");
  const std::time_t now = runtime.now();
  std::tm local{};
  localtime_r(&now, &local);
  char buffer[16384];
  const size_t size = std::strftime(buffer, sizeof buffer, format.c_str(), &local);
  return runtime.text(std::string(buffer, size));
}

constexpr NamedGlobal kGlobals[] = {
    {"dict", make_dict}, {"namespace", make_namespace},  {"raise_exception", raise_exception},
    {"range", range},    {"strftime_now", strftime_now},
};

}  // namespace

std::span<const NamedGlobal> globals() { return kGlobals; }

}  // namespace qnext::jinja
