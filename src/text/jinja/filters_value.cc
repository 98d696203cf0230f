#include <fmt/format.h>

#include <cmath>
#include <cstdlib>

#include "text/jinja/filters.h"
#include "text/jinja/numbers.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"

namespace qnext::jinja {
namespace {

Value default_value(Runtime&, const Value& input, const Arguments& arguments) {
  const Parameters p("filter 'default'", arguments, {"default_value", "boolean"});
  const bool replaces = input.is_undefined() || (p.flag(1, false) && !is_true(input));
  if (!replaces) return input;
  return p.find(0) ? p.at(0) : Value::text("");
}

[[noreturn]] void undefined_input(const Value& input) { fail(input.reason()); }

Value to_integer(Runtime&, const Value& input, const Arguments& arguments) {
  const Parameters p("filter 'int'", arguments, {"default", "base"});
  if (input.is_undefined()) undefined_input(input);
  std::optional<Int> value;
  if (input.is_text()) {
    value = parse_integer(input.text(), static_cast<int>(p.integer(1, 10) % 64));
    if (!value) {
      const auto number = parse_float(input.text());
      if (number) value = truncate(*number);
    }
  } else if (input.is_float()) {
    value = truncate(input.number());
  } else if (input.is_number()) {
    value = as_integer(input);
  }
  if (value) return Value::integer(*value);
  return p.find(0) ? p.at(0) : Value::integer(0);
}

Value to_float(Runtime&, const Value& input, const Arguments& arguments) {
  const Parameters p("filter 'float'", arguments, {"default"});
  if (input.is_undefined()) undefined_input(input);
  if (input.is_number()) return Value::number(as_double(input));
  const auto value = input.is_text() ? parse_float(input.text()) : std::nullopt;
  if (value) return Value::number(*value);
  return p.find(0) ? p.at(0) : Value::number(0);
}

Value absolute(Runtime&, const Value& input, const Arguments& arguments) {
  no_arguments("filter 'abs'", arguments);
  if (input.is_undefined()) undefined_input(input);
  if (!input.is_number()) fail(fmt::format("filter 'abs' does not take {}", describe(input)));
  if (input.is_float()) return Value::number(std::fabs(input.number()));
  return as_integer(input) < 0 ? negative(input) : Value::integer(as_integer(input));
}

// Halves go to the even digit and the exact value of the double counts, as in Python's round().
double round_to(double value, int places) {
  if (!std::isfinite(value)) return value;
  if (places < 0) {
    const double unit = std::pow(10.0, -places);
    return std::nearbyint(value / unit) * unit;
  }
  return std::strtod(fmt::format("{:.{}f}", value, places).c_str(), nullptr);
}

Value round(Runtime&, const Value& input, const Arguments& arguments) {
  const Parameters p("filter 'round'", arguments, {"precision", "method"});
  if (input.is_undefined()) undefined_input(input);
  if (!input.is_number()) fail(fmt::format("filter 'round' does not take {}", describe(input)));
  const Int precision = p.integer(0, 0);
  if (precision < -300 || precision > 300) p.wrong(0, "an integer between -300 and 300");
  const std::string_view method = p.text(1, "common");
  const auto places = static_cast<int>(precision);
  if (method == "common") {
    if (!input.is_float() && places >= 0) return Value::integer(as_integer(input));
    if (!input.is_float()) {
      const auto whole = truncate(round_to(as_double(input), places));
      if (!whole) fail("integer overflow");
      return Value::integer(*whole);
    }
    return Value::number(round_to(input.number(), places));
  }
  if (method != "ceil" && method != "floor")
    fail("filter 'round': method must be 'common', 'ceil' or 'floor'");
  const double unit = std::pow(10.0, places);
  const double scaled = as_double(input) * unit;
  return Value::number((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / unit);
}

// As transformers defines it, not as Jinja does: nothing is escaped for HTML, and the order of keys stays.
Value to_json_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("filter 'tojson'", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ensure_ascii = p.flag(0, false);
  style.sort_keys = p.flag(3, false);
  if (p.find(1) && !p.at(1).is_none()) {
    style.indented = true;
    style.item_separator = ",";
    if (p.at(1).is_text()) {
      style.indent = p.text(1);
    } else {
      const Int width = p.integer(1, 0);
      if (width > 1000) p.wrong(1, "at most 1000");
      style.indent.assign(width > 0 ? static_cast<size_t>(width) : 0, ' ');
    }
  }
  if (p.find(2) && !p.at(2).is_none()) {
    const auto* pair = p.at(2).as<List>();
    if (!pair || pair->items.size() != 2 || !pair->items[0].is_text() || !pair->items[1].is_text()) {
      p.wrong(2, "a pair of strings");
    }
    style.item_separator = pair->items[0].text();
    style.key_separator = pair->items[1].text();
  }
  return Value::text(to_json(runtime, input, style));
}

Value attr(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("filter 'attr'", arguments, {"name"}, 1);
  if (input.is_undefined()) undefined_input(input);
  if (input.as<Dict>()) {  // attributes only, not keys
    const Value found = attribute(runtime, input, p.text(0));
    return found.as<Function>() ? found
                                : Value::undefined(fmt::format("a dict has no attribute '{}'", p.text(0)));
  }
  return attribute(runtime, input, p.text(0));
}

constexpr NamedOperation kValueFilters[] = {
    {"abs", absolute},   {"attr", attr},      {"d", default_value}, {"default", default_value},
    {"float", to_float}, {"int", to_integer}, {"round", round},     {"tojson", to_json_filter},
};

}  // namespace

std::span<const NamedOperation> value_filters() { return kValueFilters; }

}  // namespace qnext::jinja
