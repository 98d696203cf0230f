// A parsed template. Expressions and statements are variants over the node structs below; `offset` is the
// byte of the source where the node's own token stands, for messages.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "text/jinja/call.h"
#include "text/jinja/value.h"

namespace qnext::jinja {

struct Expr;
struct Statement;
using ExprPtr = std::unique_ptr<Expr>;
using Block = std::vector<Statement>;
using NameId = uint32_t;  // index into Program::names

struct CallArguments {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> named;
  ExprPtr spread;        // f(*spread), or null
  ExprPtr named_spread;  // f(**named_spread), or null
};

struct Literal {
  Value value;
};
struct Name {
  NameId id;
};
struct ListLiteral {
  List::Form form;
  std::vector<ExprPtr> items;
};
struct DictLiteral {
  std::vector<std::pair<ExprPtr, ExprPtr>> entries;
};
struct Attribute {  // object.name
  ExprPtr object;
  std::string name;
};
struct Item {  // object[key]
  ExprPtr object, key;
};
struct Slice {  // object[start:stop:step], each of the three possibly null
  ExprPtr object, start, stop, step;
};
struct Call {
  ExprPtr callee;
  CallArguments arguments;
};
struct FilterUse {  // name(arguments), without what it is applied to
  uint32_t offset;
  std::string name;
  Operation apply;  // null when there is no such filter: an error only if it is reached
  CallArguments arguments;
};
struct FilterExpr {
  ExprPtr input;
  FilterUse use;
};
struct TestExpr {
  ExprPtr input;
  std::string name;
  Test holds;  // null when there is no such test
  CallArguments arguments;
};
enum class UnaryOp { negate, plus, logical_not };
struct Unary {
  UnaryOp op;
  ExprPtr operand;
};
enum class BinaryOp { add, subtract, multiply, divide, floor_divide, modulo, power };
struct Binary {
  BinaryOp op;
  ExprPtr left, right;
};
struct Logical {  // left and right, left or right: gives one of the operands
  bool is_and;
  ExprPtr left, right;
};
struct Concat {  // a ~ b ~ c
  std::vector<ExprPtr> parts;
};
enum class CompareOp { equal, not_equal, less, less_equal, greater, greater_equal, in, not_in };
struct Compare {  // a < b <= c: every neighbouring pair must hold
  ExprPtr first;
  std::vector<std::pair<CompareOp, ExprPtr>> rest;
};
struct Conditional {
  ExprPtr condition, then, otherwise;  // otherwise may be null
};

struct Expr {
  uint32_t offset;
  int height;  // of the tree below; limited by the parser
  std::variant<Literal, Name, ListLiteral, DictLiteral, Attribute, Item, Slice, Call, FilterExpr, TestExpr,
               Unary, Binary, Logical, Concat, Compare, Conditional>
      node;
};

// What `set` and `for` assign to: a name, an attribute of a namespace, or a tuple of such.
struct Target {
  uint32_t offset;
  std::optional<NameId> name;
  std::string attribute;      // of the namespace `name`, when not empty
  std::vector<Target> parts;  // when there is no name
};

struct MacroDefinition {
  uint32_t offset;
  std::string name;
  struct Parameter {
    NameId id;
    std::string name;
    ExprPtr fallback;  // or null
  };
  std::vector<Parameter> parameters;
  Block body;
  // Whether the body mentions these names, which then take the arguments that no parameter does.
  bool uses_varargs = false, uses_kwargs = false, uses_caller = false;
};

struct TextOutput {
  std::string text;
};
struct Print {  // {{ value }}
  ExprPtr value;
};
struct If {
  std::vector<std::pair<ExprPtr, Block>> branches;
  Block otherwise;
};
struct For {
  Target target;
  ExprPtr items;
  ExprPtr filter;  // {% for x in xs if filter %}, or null
  Block body;
  Block otherwise;
};
struct Set {
  Target target;
  ExprPtr value;
};
struct SetBlock {
  Target target;
  std::vector<FilterUse> filters;
  Block body;
};
struct Macro {
  NameId id;
  std::shared_ptr<const MacroDefinition> definition;
};
struct CallBlock {  // {% call(parameters) callee(arguments) %} body {% endcall %}
  ExprPtr call;     // holds a Call
  std::shared_ptr<const MacroDefinition> caller;
};
struct FilterBlock {
  std::vector<FilterUse> filters;
  Block body;
};
struct With {  // {% with a = 1 %}; with no bindings also {% generation %}: a scope of its own
  std::vector<std::pair<Target, ExprPtr>> bindings;
  Block body;
};
struct Break {};
struct Continue {};

struct Statement {
  uint32_t offset;
  std::variant<TextOutput, Print, If, For, Set, SetBlock, Macro, CallBlock, FilterBlock, With, Break,
               Continue>
      node;
};

struct Program {
  Block body;
  std::vector<std::string> names;
  NameId varargs, kwargs, caller, loop;  // ids of the names that the language sets
};

}  // namespace qnext::jinja
