// Calling things: arguments, their matching to parameters, and the kinds of built-in functions.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace qnext::jinja {

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

// A filter applied to `subject`, or a method called on it.
using Operation = Value (*)(Runtime& runtime, const Value& subject, const Arguments& arguments);
using Test = bool (*)(Runtime& runtime, const Value& subject, const Arguments& arguments);
using GlobalFunction = Value (*)(Runtime& runtime, const Arguments& arguments);

struct NamedOperation {
  std::string_view name;
  Operation apply;
};
struct NamedTest {
  std::string_view name;
  Test holds;
};

// Null when there is none of that name.
Operation find_filter(std::string_view name);
Test find_test(std::string_view name);

// A method bound to the value that it was taken from.
struct Method : Function {
  Method(std::string method_name, Value method_self, Operation method_apply)
      : Function(std::move(method_name)), self(std::move(method_self)), apply(method_apply) {}
  Value call(Runtime& runtime, const Arguments& arguments) override {
    return apply(runtime, self, arguments);
  }
  Value self;
  Operation apply;
};

struct BuiltIn : Function {
  BuiltIn(std::string function_name, GlobalFunction function)
      : Function(std::move(function_name)), apply(function) {}
  Value call(Runtime& runtime, const Arguments& arguments) override { return apply(runtime, arguments); }
  GlobalFunction apply;
};

// Arguments matched to the parameters `names`, of which the first `required` must be given. Fails on an
// argument too many, an unknown name or a missing one. `callee` is what messages call it: "filter 'indent'".
// Refers to `arguments`.
class Parameters {
 public:
  Parameters(std::string_view callee, const Arguments& arguments,
             std::initializer_list<std::string_view> names, size_t required = 0);

  const Value* find(size_t i) const { return values_[i]; }  // null when it was not given
  const Value& at(size_t i) const { return *values_[i]; }   // a required one
  Int integer(size_t i, Int fallback) const;
  bool flag(size_t i, bool fallback) const;                          // by truth, as Python does
  std::string_view text(size_t i, std::string_view fallback) const;  // `fallback` outlives the result
  const std::string& text(size_t i) const;                           // a required one
  [[noreturn]] void wrong(size_t i, std::string_view expected) const;

 private:
  std::string_view callee_;
  std::vector<std::string_view> names_;
  std::vector<const Value*> values_;
};

// For callables that take none.
void no_arguments(std::string_view callee, const Arguments& arguments);

}  // namespace qnext::jinja
