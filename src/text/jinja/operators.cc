#include "text/jinja/operators.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "text/jinja/methods.h"
#include "text/jinja/print.h"
#include "text/jinja/unicode.h"

namespace qnext::jinja {
namespace {

std::string_view symbol(BinaryOp op) {
  switch (op) {
    case BinaryOp::add:
      return "+";
    case BinaryOp::subtract:
      return "-";
    case BinaryOp::multiply:
      return "*";
    case BinaryOp::divide:
      return "/";
    case BinaryOp::floor_divide:
      return "//";
    case BinaryOp::modulo:
      return "%";
    case BinaryOp::power:
      return "**";
  }
  return "?";
}

// What to say of an operand that an operator cannot take; an undefined one gives its reason.
std::string shown(const Value& value) { return value.is_undefined() ? value.reason() : describe(value); }

[[noreturn]] void unsuited(BinaryOp op, const Value& left, const Value& right) {
  if (left.is_undefined() || right.is_undefined()) {
    fail(fmt::format("operator '{}': {}", symbol(op), left.is_undefined() ? left.reason() : right.reason()));
  }
  fail(fmt::format("operator '{}' does not take {} and {}", symbol(op), shown(left), shown(right)));
}

[[noreturn]] void overflow() { fail("integer overflow"); }

Int integer_power(Int base, Int exponent) {
  if (base == 0 || base == 1) return exponent == 0 ? 1 : base;
  if (base == -1) return exponent % 2 == 0 ? 1 : -1;
  Int result = 1;
  for (Int i = 0; i < exponent; ++i) {
    if (__builtin_mul_overflow(result, base, &result)) overflow();
  }
  return result;
}

Value integers(BinaryOp op, Int a, Int b) {
  Int result = 0;
  switch (op) {
    case BinaryOp::add:
      if (__builtin_add_overflow(a, b, &result)) overflow();
      return Value::integer(result);
    case BinaryOp::subtract:
      if (__builtin_sub_overflow(a, b, &result)) overflow();
      return Value::integer(result);
    case BinaryOp::multiply:
      if (__builtin_mul_overflow(a, b, &result)) overflow();
      return Value::integer(result);
    case BinaryOp::power:
      if (b < 0) {
        if (a == 0) fail("zero to a negative power");
        return Value::number(std::pow(static_cast<double>(a), static_cast<double>(b)));
      }
      return Value::integer(integer_power(a, b));
    default:
      break;
  }
  if (b == 0) fail("division by zero");
  if (op == BinaryOp::divide) return Value::number(static_cast<double>(a) / static_cast<double>(b));
  if (b == -1) {  // apart, because the quotient of the smallest integer overflows
    if (op == BinaryOp::modulo) return Value::integer(0);
    if (__builtin_sub_overflow(static_cast<Int>(0), a, &result)) overflow();
    return Value::integer(result);
  }
  Int quotient = a / b;
  Int rest = a % b;
  if (rest != 0 && (rest < 0) != (b < 0)) {  // Python rounds down, C++ towards zero
    rest += b;
    --quotient;
  }
  return Value::integer(op == BinaryOp::floor_divide ? quotient : rest);
}

Value floats(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::add:
      return Value::number(a + b);
    case BinaryOp::subtract:
      return Value::number(a - b);
    case BinaryOp::multiply:
      return Value::number(a * b);
    case BinaryOp::power:
      if (a == 0 && b < 0) fail("zero to a negative power");
      if (a < 0 && std::isfinite(b) && b != std::floor(b)) fail("a negative number to a broken power");
      return Value::number(std::pow(a, b));
    default:
      break;
  }
  if (b == 0) fail("division by zero");
  if (op == BinaryOp::divide) return Value::number(a / b);
  double rest = std::fmod(a, b);
  if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
  if (op == BinaryOp::modulo) return Value::number(rest == 0 ? std::copysign(0.0, b) : rest);
  const double quotient = (a - rest) / b;
  const double floored = std::floor(quotient);
  return Value::number(quotient - floored > 0.5 ? floored + 1 : floored);
}

Value repeat(Runtime& runtime, const Value& value, Int count) {
  if (count < 0) count = 0;
  const Int limit = static_cast<Int>(runtime.limits().text) + 1;
  count = std::min(count, limit);
  if (value.is_text()) {
    const Int size = static_cast<Int>(value.text().size()) * count;
    runtime.reserve_text(static_cast<size_t>(std::min(size, limit)));
    std::string out;
    out.reserve(static_cast<size_t>(size));
    for (Int i = 0; i < count && size > 0; ++i) out += value.text();
    return Value::text(std::move(out));
  }
  const auto* list = value.as<List>();
  const Int size = static_cast<Int>(list->items.size()) * count;
  runtime.spend(static_cast<int64_t>(size));
  std::vector<Value> items;
  items.reserve(static_cast<size_t>(size));
  for (Int i = 0; i < count && size > 0; ++i)
    items.insert(items.end(), list->items.begin(), list->items.end());
  return runtime.list(std::move(items), list->form);
}

bool is_text_or_list(const Value& value) {
  const auto* list = value.as<List>();
  return value.is_text() || (list && list->form != List::Form::generator);
}

Value add_sequences(Runtime& runtime, const Value& left, const Value& right) {
  if (left.is_text() && right.is_text()) {
    runtime.reserve_text(left.text().size() + right.text().size());
    return Value::text(left.text() + right.text());
  }
  const auto* a = left.as<List>();
  const auto* b = right.as<List>();
  if (!a || !b || a->form != b->form || a->form == List::Form::generator)
    unsuited(BinaryOp::add, left, right);
  runtime.spend(static_cast<int64_t>(a->items.size() + b->items.size()));
  std::vector<Value> items;
  items.reserve(a->items.size() + b->items.size());
  items.insert(items.end(), a->items.begin(), a->items.end());
  items.insert(items.end(), b->items.begin(), b->items.end());
  return runtime.list(std::move(items), a->form);
}

}  // namespace

Value binary(Runtime& runtime, BinaryOp op, const Value& left, const Value& right) {
  if (left.is_number() && right.is_number()) {
    if (left.is_float() || right.is_float()) return floats(op, as_double(left), as_double(right));
    return integers(op, as_integer(left), as_integer(right));
  }
  if (op == BinaryOp::add) return add_sequences(runtime, left, right);
  if (op == BinaryOp::multiply) {
    const auto whole = [](const Value& v) { return v.is_integer() || v.is_boolean(); };
    if (is_text_or_list(left) && whole(right)) return repeat(runtime, left, as_integer(right));
    if (is_text_or_list(right) && whole(left)) return repeat(runtime, right, as_integer(left));
  }
  if (op == BinaryOp::modulo && left.is_text()) {
    Arguments arguments;
    const auto* tuple = right.as<List>();
    if (const auto* dict = right.as<Dict>()) {
      for (const auto& [key, value] : dict->entries())
        arguments.named.emplace_back(to_text(runtime, key), value);
    }
    if (tuple && tuple->form == List::Form::tuple) {
      arguments.positional = tuple->items;
    } else {
      arguments.positional.push_back(right);
    }
    return runtime.text(format_percent(runtime, left.text(), arguments));
  }
  unsuited(op, left, right);
}

Value negative(const Value& value) {
  if (value.is_float()) return Value::number(-value.number());
  if (!value.is_number()) fail(fmt::format("operator '-' does not take {}", shown(value)));
  return integers(BinaryOp::subtract, 0, as_integer(value));
}

Value positive(const Value& value) {
  if (!value.is_number()) fail(fmt::format("operator '+' does not take {}", shown(value)));
  return value.is_boolean() ? Value::integer(as_integer(value)) : value;
}

bool equal(Runtime& runtime, const Value& left, const Value& right) {
  runtime.spend();
  if (left.is_number() && right.is_number()) {
    if (left.is_float() || right.is_float()) return as_double(left) == as_double(right);
    return as_integer(left) == as_integer(right);
  }
  if (left.kind() != right.kind()) return false;
  if (left.is_text()) {
    runtime.spend(static_cast<int64_t>(std::min(left.text().size(), right.text().size()) / 128));
    return left.text() == right.text();
  }
  if (left.kind() != Kind::object) return true;  // undefined and none
  const Nesting level(runtime);
  const auto* a = left.as<List>();
  const auto* b = right.as<List>();
  if (a && b) {
    if (a == b) return true;
    return a->form == b->form &&
           std::equal(a->items.begin(), a->items.end(), b->items.begin(), b->items.end(),
                      [&](const Value& x, const Value& y) { return equal(runtime, x, y); });
  }
  const auto* c = left.as<Dict>();
  const auto* d = right.as<Dict>();
  if (c && d) {
    if (c == d) return true;
    if (c->entries().size() != d->entries().size()) return false;
    return std::all_of(c->entries().begin(), c->entries().end(), [&](const Dict::Entry& entry) {
      const Value* other = d->find(entry.first);
      return other && equal(runtime, entry.second, *other);
    });
  }
  return left.as<Namespace>() == right.as<Namespace>() && left.as<Function>() == right.as<Function>() &&
         left.as<Loop>() == right.as<Loop>() && !a && !b && !c && !d;
}

int order(Runtime& runtime, const Value& left, const Value& right) {
  runtime.spend();
  if (left.is_number() && right.is_number()) {
    if (left.is_float() || right.is_float()) {
      const double a = as_double(left);
      const double b = as_double(right);
      return a < b ? -1 : a > b ? 1 : 0;
    }
    const Int a = as_integer(left);
    const Int b = as_integer(right);
    return a < b ? -1 : a > b ? 1 : 0;
  }
  if (left.is_text() && right.is_text()) {
    runtime.spend(static_cast<int64_t>(std::min(left.text().size(), right.text().size()) / 128));
    const int sign = left.text().compare(right.text());
    return sign < 0 ? -1 : sign > 0 ? 1 : 0;
  }
  const auto* a = left.as<List>();
  const auto* b = right.as<List>();
  if (a && b && a->form == b->form && a->form != List::Form::generator) {
    const Nesting level(runtime);
    for (size_t i = 0; i < a->items.size() && i < b->items.size(); ++i) {
      if (!equal(runtime, a->items[i], b->items[i])) return order(runtime, a->items[i], b->items[i]);
    }
    return a->items.size() < b->items.size() ? -1 : a->items.size() > b->items.size() ? 1 : 0;
  }
  if (left.is_undefined() || right.is_undefined()) {
    fail(fmt::format("comparison: {}", left.is_undefined() ? left.reason() : right.reason()));
  }
  fail(fmt::format("{} and {} have no order", shown(left), shown(right)));
}

bool contains(Runtime& runtime, const Value& container, const Value& item) {
  if (container.is_text()) {
    if (!item.is_text()) fail(fmt::format("'in': a string holds strings, not {}", shown(item)));
    runtime.spend(1 + static_cast<int64_t>(container.text().size() / 128));
    return container.text().find(item.text()) != std::string::npos;
  }
  if (const auto* list = container.as<List>()) {
    return std::any_of(list->items.begin(), list->items.end(),
                       [&](const Value& element) { return equal(runtime, element, item); });
  }
  if (const auto* dict = container.as<Dict>()) {
    runtime.spend();
    return dict->find(item) != nullptr;
  }
  if (container.is_undefined()) return false;
  fail(fmt::format("'in' does not take {} on its right side", shown(container)));
}

bool compare(Runtime& runtime, CompareOp op, const Value& left, const Value& right) {
  switch (op) {
    case CompareOp::equal:
      return equal(runtime, left, right);
    case CompareOp::not_equal:
      return !equal(runtime, left, right);
    case CompareOp::in:
      return contains(runtime, right, left);
    case CompareOp::not_in:
      return !contains(runtime, right, left);
    default:
      break;
  }
  const int sign = order(runtime, left, right);
  const bool unordered =
      (left.is_float() && std::isnan(left.number())) || (right.is_float() && std::isnan(right.number()));
  if (unordered) return false;
  switch (op) {
    case CompareOp::less:
      return sign < 0;
    case CompareOp::less_equal:
      return sign <= 0;
    case CompareOp::greater:
      return sign > 0;
    default:
      return sign >= 0;
  }
}

List* iterate(Runtime& runtime, const Value& value) {
  if (auto* list = value.as<List>()) return list;
  std::vector<Value> items;
  if (value.is_text()) {
    const std::string& text = value.text();
    for (size_t at = 0; at < text.size(); at += decode(text, at).size) {
      items.push_back(runtime.part(std::string_view(text).substr(at, decode(text, at).size)));
    }
  } else if (const auto* dict = value.as<Dict>()) {
    for (const auto& entry : dict->entries()) items.push_back(entry.first);
  } else if (!value.is_undefined()) {
    fail(fmt::format("{} cannot be iterated", shown(value)));
  }
  return runtime.list(std::move(items)).as<List>();
}

}  // namespace qnext::jinja
