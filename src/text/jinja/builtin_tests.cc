// The tests of "x is name(arguments)".
#include <fmt/format.h>

#include "text/jinja/call.h"
#include "text/jinja/methods.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"

namespace qnext::jinja {
namespace {

template <bool (*Holds)(const Value&)>
bool simple(Runtime&, const Value& subject, const Arguments& arguments) {
  no_arguments("the test", arguments);
  return Holds(subject);
}

bool is_defined(const Value& v) { return !v.is_undefined(); }
bool is_undefined(const Value& v) { return v.is_undefined(); }
bool is_none(const Value& v) { return v.is_none(); }
bool is_boolean(const Value& v) { return v.is_boolean(); }
bool is_literally_true(const Value& v) { return v.is_boolean() && v.boolean(); }
bool is_literally_false(const Value& v) { return v.is_boolean() && !v.boolean(); }
bool is_integer(const Value& v) { return v.is_integer(); }
bool is_float(const Value& v) { return v.is_float(); }
bool is_number(const Value& v) { return v.is_number(); }
bool is_string(const Value& v) { return v.is_text(); }
bool is_mapping(const Value& v) { return v.as<Dict>() != nullptr; }
bool is_iterable(const Value& v) {
  return v.is_undefined() || v.is_text() || v.as<List>() || v.as<Dict>() || v.as<Loop>();
}
bool is_sequence(const Value& v) {
  const auto* list = v.as<List>();
  return is_iterable(v) && !v.as<Loop>() && !(list && list->form == List::Form::generator);
}
bool is_callable(const Value& v) { return v.is_undefined() || v.as<Function>(); }
bool never(const Value&) { return false; }

Int whole_number(const Value& v, std::string_view test) {
  if (v.is_undefined()) fail(v.reason());
  if (!v.is_integer() && !v.is_boolean())
    fail(fmt::format("test '{}' needs an integer, got {}", test, describe(v)));
  return as_integer(v);
}

bool is_odd(const Value& v) { return whole_number(v, "odd") % 2 != 0; }
bool is_even(const Value& v) { return whole_number(v, "even") % 2 == 0; }

bool is_divisible_by(Runtime&, const Value& subject, const Arguments& arguments) {
  const Parameters p("test 'divisibleby'", arguments, {"num"}, 1);
  const Int divisor = whole_number(p.at(0), "divisibleby");
  if (divisor == 0) fail("division by zero");
  return divisor == -1 || whole_number(subject, "divisibleby") % divisor == 0;
}

template <CompareOp op>
bool compares(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Parameters p("the test", arguments, {"other"}, 1);
  return compare(runtime, op, subject, p.at(0));
}

// The same object; equal values of kinds that have no identity here.
bool is_same_as(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Parameters p("test 'sameas'", arguments, {"other"}, 1);
  const Value& other = p.at(0);
  if (subject.kind() != other.kind()) return false;
  if (subject.kind() != Kind::object) return equal(runtime, subject, other);
  return subject.as<List>() == other.as<List>() && subject.as<Dict>() == other.as<Dict>() &&
         subject.as<Namespace>() == other.as<Namespace>() && subject.as<Function>() == other.as<Function>() &&
         subject.as<Loop>() == other.as<Loop>();
}

template <const char* method>
bool has_case(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  return find_text_method(method)(runtime, runtime.text(to_text(runtime, subject)), arguments).boolean();
}
constexpr char kIsLower[] = "islower";
constexpr char kIsUpper[] = "isupper";

bool is_filter_name(const Value& v) { return v.is_text() && find_filter(v.text()); }
bool is_test_name(const Value& v) { return v.is_text() && find_test(v.text()); }

constexpr NamedTest kTests[] = {
    {"boolean", simple<is_boolean>},
    {"callable", simple<is_callable>},
    {"defined", simple<is_defined>},
    {"divisibleby", is_divisible_by},
    {"eq", compares<CompareOp::equal>},
    {"equalto", compares<CompareOp::equal>},
    {"==", compares<CompareOp::equal>},
    {"escaped", simple<never>},
    {"even", simple<is_even>},
    {"false", simple<is_literally_false>},
    {"filter", simple<is_filter_name>},
    {"float", simple<is_float>},
    {"ge", compares<CompareOp::greater_equal>},
    {">=", compares<CompareOp::greater_equal>},
    {"gt", compares<CompareOp::greater>},
    {"greaterthan", compares<CompareOp::greater>},
    {">", compares<CompareOp::greater>},
    {"in", compares<CompareOp::in>},
    {"integer", simple<is_integer>},
    {"iterable", simple<is_iterable>},
    {"le", compares<CompareOp::less_equal>},
    {"<=", compares<CompareOp::less_equal>},
    {"lower", has_case<kIsLower>},
    {"lt", compares<CompareOp::less>},
    {"lessthan", compares<CompareOp::less>},
    {"<", compares<CompareOp::less>},
    {"mapping", simple<is_mapping>},
    {"ne", compares<CompareOp::not_equal>},
    {"!=", compares<CompareOp::not_equal>},
    {"none", simple<is_none>},
    {"number", simple<is_number>},
    {"odd", simple<is_odd>},
    {"sameas", is_same_as},
    {"sequence", simple<is_sequence>},
    {"string", simple<is_string>},
    {"test", simple<is_test_name>},
    {"true", simple<is_literally_true>},
    {"undefined", simple<is_undefined>},
    {"upper", has_case<kIsUpper>},
};

}  // namespace

Test find_test(std::string_view name) {
  for (const NamedTest& test : kTests) {
    if (test.name == name) return test.holds;
  }
  return nullptr;
}

}  // namespace qnext::jinja
