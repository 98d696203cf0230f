// Python's "%s" % values and "{}".format(values), for the conversions that templates use.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "text/jinja/methods.h"
#include "text/jinja/numbers.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"
#include "text/jinja/unicode.h"

namespace qnext::jinja {
namespace {

// How one value is to be written: [[fill]align][sign][#][0][width][,][.precision][type].
struct Spec {
  std::string fill = " ";
  char align = '\0';  // '<', '>', '^', or none: numbers right, texts left
  char sign = '-';
  bool thousands = false;
  int width = 0;
  int precision = -1;
  char type = '\0';
};

constexpr int kWidest = 1000;  // of widths and precisions

void write(Runtime& runtime, std::string& out, std::string_view text) {
  if (out.size() + text.size() > runtime.limits().text) runtime.reserve_text(out.size() + text.size());
  runtime.spend(1 + static_cast<int64_t>(text.size() / 128));
  out += text;
}

// Digits at `at`, moving it on.
int small_number(std::string_view text, size_t& at) {
  int value = 0;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
    value = value * 10 + (text[at++] - '0');
    if (value > kWidest)
      fail(fmt::format("format: widths and precisions above {} are not supported", kWidest));
  }
  return value;
}

std::string digits_in_base(Int value, unsigned base, bool capital) {
  std::string out;
  const char* alphabet = capital ? "0123456789ABCDEF" : "0123456789abcdef";
  for (Int rest = value; rest != 0 || out.empty(); rest /= base)
    out.push_back(alphabet[static_cast<int>(rest % base)]);
  std::reverse(out.begin(), out.end());
  return out;
}

// The number without its sign.
std::string magnitude(const Value& value, const Spec& spec) {
  const bool whole = !value.is_float();
  switch (spec.type) {
    case '\0':
      if (!whole && spec.precision < 0) return print_float(std::fabs(as_double(value)));
      if (!whole) return fmt::format("{:.{}g}", std::fabs(as_double(value)), std::max(spec.precision, 1));
      break;
    case 'd':
      break;
    case 'x':
    case 'X':
    case 'o':
    case 'b': {
      if (!whole) fail(fmt::format("format: '{}' needs an integer, got a float", spec.type));
      Int size = as_integer(value);
      if (size < 0 && __builtin_sub_overflow(static_cast<Int>(0), size, &size)) fail("integer overflow");
      return digits_in_base(size, spec.type == 'o' ? 8 : spec.type == 'b' ? 2 : 16, spec.type == 'X');
    }
    case 'f':
    case 'F':
      return fmt::format("{:.{}f}", std::fabs(as_double(value)), spec.precision < 0 ? 6 : spec.precision);
    case 'e':
      return fmt::format("{:.{}e}", std::fabs(as_double(value)), spec.precision < 0 ? 6 : spec.precision);
    case 'g':
      return fmt::format("{:.{}g}", std::fabs(as_double(value)),
                         spec.precision < 0 ? 6 : std::max(spec.precision, 1));
    case '%':
      return fmt::format("{:.{}f}%", std::fabs(as_double(value)) * 100,
                         spec.precision < 0 ? 6 : spec.precision);
    default:
      fail(fmt::format("format: conversion '{}' is not supported for numbers", spec.type));
  }
  if (!whole) fail("format: 'd' needs an integer, got a float");
  const std::string text = print_integer(as_integer(value));
  return text[0] == '-' ? text.substr(1) : text;
}

void add_thousands(std::string& number) {
  size_t end = 0;
  while (end < number.size() && number[end] >= '0' && number[end] <= '9') ++end;
  while (end > 3) {
    end -= 3;
    number.insert(end, ",");
  }
}

std::string padded(std::string text, const Spec& spec, char default_align) {
  const int missing = spec.width - static_cast<int>(std::min<size_t>(length(text), kWidest));
  if (missing <= 0) return text;
  const char align = spec.align ? spec.align : default_align;
  const int left = align == '>' ? missing : align == '^' ? missing / 2 : 0;
  std::string out;
  for (int i = 0; i < left; ++i) out += spec.fill;
  out += text;
  for (int i = left; i < missing; ++i) out += spec.fill;
  return out;
}

std::string formatted_number(const Value& value, const Spec& spec) {
  const bool negative =
      value.is_float() ? std::signbit(value.number()) && !std::isnan(value.number()) : as_integer(value) < 0;
  std::string sign = negative ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign);
  std::string number = magnitude(value, spec);
  if (spec.thousands) add_thousands(number);
  if (spec.align == '=') {  // zeros between the sign and the digits
    Spec inner = spec;
    inner.align = '>';
    inner.width -= static_cast<int>(sign.size());
    return sign + padded(number, inner, '>');
  }
  return padded(sign + number, spec, '>');
}

std::string formatted(Runtime& runtime, const Value& value, const Spec& spec) {
  if (value.is_number() && !(value.is_boolean() && spec.type == '\0') && spec.type != 's') {
    return formatted_number(value, spec);
  }
  if (spec.type != '\0' && spec.type != 's') {
    if (value.is_undefined()) fail(value.reason());
    fail(fmt::format("format: conversion '{}' does not take {}", spec.type, describe(value)));
  }
  std::string text = to_text(runtime, value);
  if (spec.precision >= 0) text.resize(byte_of(text, static_cast<size_t>(spec.precision)));
  return padded(std::move(text), spec, '<');
}

bool is_align(char c) { return c == '<' || c == '>' || c == '^' || c == '='; }

Spec parse_spec(std::string_view text) {
  Spec spec;
  size_t at = 0;
  const auto peek = [&](size_t ahead = 0) { return at + ahead < text.size() ? text[at + ahead] : '\0'; };
  const size_t first = text.empty() ? 0 : decode(text, 0).size;
  if (first < text.size() && is_align(text[first])) {
    spec.fill = text.substr(0, first);
    spec.align = text[first];
    at = first + 1;
  } else if (is_align(peek())) {
    spec.align = text[at++];
  }
  if (peek() == '+' || peek() == '-' || peek() == ' ') spec.sign = text[at++];
  if (peek() == '0') {
    ++at;
    if (!spec.align) {
      spec.fill = "0";
      spec.align = '=';
    }
  }
  spec.width = small_number(text, at);
  if (peek() == ',') {
    spec.thousands = true;
    ++at;
  }
  if (peek() == '.') {
    ++at;
    spec.precision = small_number(text, at);
  }
  if (at < text.size()) spec.type = text[at++];
  if (at != text.size()) fail(fmt::format("format specification '{}' is not supported", text));
  return spec;
}

class Braces {
 public:
  Braces(Runtime& runtime, const Arguments& arguments) : runtime_(runtime), arguments_(arguments) {}

  std::string run(std::string_view format) {
    std::string out;
    for (size_t at = 0; at < format.size();) {
      const size_t next = std::min(format.find_first_of("{}", at), format.size());
      write(runtime_, out, format.substr(at, next - at));
      at = next;
      if (at == format.size()) break;
      if (at + 1 < format.size() && format[at + 1] == format[at]) {  // {{ and }} stand for one
        out.push_back(format[at]);
        at += 2;
        continue;
      }
      const size_t end = format.find('}', at);
      if (format[at] == '}' || end == std::string_view::npos) fail("format(): a single brace in the format");
      const std::string_view field = format.substr(at + 1, end - at - 1);
      if (field.find('{') != std::string_view::npos) fail("format(): nested fields are not supported");
      write(runtime_, out, replacement(field));
      at = end + 1;
    }
    return out;
  }

 private:
  // name!conversion:spec
  std::string replacement(std::string_view field) {
    const size_t colon = std::min(field.find(':'), field.size());
    const Spec spec = parse_spec(colon < field.size() ? field.substr(colon + 1) : std::string_view());
    std::string_view name = field.substr(0, colon);
    char conversion = '\0';
    if (name.size() >= 2 && name[name.size() - 2] == '!') {
      conversion = name.back();
      name.remove_suffix(2);
    }
    const Value value = look_up(name);
    if (conversion == '\0') return formatted(runtime_, value, spec);
    std::string text;
    if (conversion == 'r') {
      append_repr(runtime_, text, value);
    } else if (conversion == 's') {
      append_text(runtime_, text, value);
    } else {
      fail(fmt::format("format(): conversion '!{}' is not supported", conversion));
    }
    return formatted(runtime_, Value::text(std::move(text)), spec);
  }

  // "", "0" or "name", with .attribute and [key] after it.
  Value look_up(std::string_view path) {
    size_t at = std::min(path.find_first_of(".["), path.size());
    Value value = root(path.substr(0, at));
    while (at < path.size()) {
      const bool bracket = path[at] == '[';
      const size_t end =
          std::min(bracket ? path.find(']', at) : path.find_first_of(".[", at + 1), path.size());
      const std::string key(path.substr(at + 1, end - at - 1));
      const auto index = parse_integer(key);
      value = !bracket ? attribute(runtime_, value, key)
                       : item(runtime_, value, index ? Value::integer(*index) : Value::text(key));
      at = bracket ? std::min(end + 1, path.size()) : end;
      if (at < path.size() && path[at] != '.' && path[at] != '[') fail("format(): malformed field name");
    }
    return value;
  }

  Value root(std::string_view name) {
    const auto index = name.empty() ? std::optional<Int>(next_++) : parse_integer(name);
    if (index) {
      const auto& list = arguments_.positional;
      if (*index < 0 || *index >= static_cast<Int>(list.size())) fail("format(): more fields than arguments");
      return list[static_cast<size_t>(*index)];
    }
    for (const auto& [key, value] : arguments_.named) {
      if (key == name) return value;
    }
    fail(fmt::format("format(): there is no argument '{}'", name));
  }

  Runtime& runtime_;
  const Arguments& arguments_;
  Int next_ = 0;
};

}  // namespace

std::string format_braces(Runtime& runtime, std::string_view format, const Arguments& arguments) {
  return Braces(runtime, arguments).run(format);
}

std::string format_percent(Runtime& runtime, std::string_view format, const Arguments& arguments) {
  std::string out;
  size_t used = 0;
  bool by_name = false;
  for (size_t at = 0; at < format.size();) {
    const size_t next = std::min(format.find('%', at), format.size());
    write(runtime, out, format.substr(at, next - at));
    at = next + 1;
    if (next == format.size()) break;
    Spec spec;
    std::string_view name;
    if (at < format.size() && format[at] == '(') {
      const size_t end = std::min(format.find(')', at), format.size());
      name = format.substr(at + 1, end - at - 1);
      at = std::min(end + 1, format.size());
      by_name = true;
    }
    for (; at < format.size() && std::string_view("-+ 0").find(format[at]) != std::string_view::npos; ++at) {
      if (format[at] == '-')
        spec.align = '<';
      else if (format[at] != '0')
        spec.sign = format[at];
      else if (!spec.align)
        spec.fill = "0", spec.align = '=';
    }
    spec.width = small_number(format, at);
    if (at < format.size() && format[at] == '.') spec.precision = small_number(format, ++at);
    if (at >= format.size()) fail("'%': the format is incomplete");
    spec.type = format[at++];
    if (spec.type == '%') {
      out.push_back('%');
      continue;
    }
    const Value* value = nullptr;
    if (by_name) {
      for (const auto& [key, named] : arguments.named) {
        if (key == name) value = &named;
      }
    } else if (used < arguments.positional.size()) {
      value = &arguments.positional[used++];
    }
    if (!value) fail("'%': not enough values for the format");
    if (!spec.align) spec.align = '>';
    if (spec.type == 's' || spec.type == 'r') {
      if (spec.align == '=') spec.align = '>', spec.fill = " ";
      std::string text;
      if (spec.type == 's')
        append_text(runtime, text, *value);
      else
        append_repr(runtime, text, *value);
      spec.type = 's';
      write(runtime, out, formatted(runtime, Value::text(std::move(text)), spec));
      continue;
    }
    if (spec.type == 'i' || spec.type == 'u') spec.type = 'd';
    if (!value->is_number())
      fail(fmt::format("'%{}': a number expected, got {}", spec.type, describe(*value)));
    const auto whole = spec.type == 'd' ? truncate(as_double(*value)) : std::nullopt;
    const Value number = whole && value->is_float() ? Value::integer(*whole) : *value;
    write(runtime, out, formatted(runtime, number, spec));
  }
  const bool all_used = by_name || used == arguments.positional.size() || !arguments.named.empty();
  if (!all_used) fail("'%': more values than the format takes");
  return out;
}

}  // namespace qnext::jinja
