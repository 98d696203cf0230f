#include <fmt/format.h>

#include "text/jinja/interpreter.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"

namespace qnext::jinja {

Value Interpreter::evaluate(const Expr& expr, Scope* scope) {
  const Nesting level(runtime_);
  runtime_.spend();
  try {
    return std::visit([&](const auto& node) { return value_of(node, scope); }, expr.node);
  } catch (Failure& failure) {
    if (!failure.offset) failure.offset = expr.offset;
    throw;
  }
}

Value Interpreter::value_of(const Literal& node, Scope*) { return node.value; }

Value Interpreter::value_of(const Name& node, Scope* scope) {
  if (const Value* value = scope->find(node.id)) return *value;
  return Value::undefined(fmt::format("'{}' is undefined", program_.names[node.id]));
}

Value Interpreter::value_of(const ListLiteral& node, Scope* scope) {
  std::vector<Value> items;
  items.reserve(node.items.size());
  for (const ExprPtr& item : node.items) items.push_back(evaluate(*item, scope));
  return runtime_.list(std::move(items), node.form);
}

Value Interpreter::value_of(const DictLiteral& node, Scope* scope) {
  auto* dict = runtime_.make<Dict>();
  for (const auto& [key_expr, value_expr] : node.entries) {
    const Value key = evaluate(*key_expr, scope);
    if (!Dict::is_key(key)) fail_at(key_expr->offset, fmt::format("{} cannot be a key", describe(key)));
    dict->set(key, evaluate(*value_expr, scope));
  }
  return Value::object(dict);
}

Value Interpreter::value_of(const Attribute& node, Scope* scope) {
  return attribute(runtime_, evaluate(*node.object, scope), node.name);
}

Value Interpreter::value_of(const Item& node, Scope* scope) {
  const Value object = evaluate(*node.object, scope);
  return item(runtime_, object, evaluate(*node.key, scope));
}

Value Interpreter::value_of(const Slice& node, Scope* scope) {
  const Value object = evaluate(*node.object, scope);
  Value bounds[3] = {Value::none(), Value::none(), Value::none()};
  const ExprPtr* given[3] = {&node.start, &node.stop, &node.step};
  for (int i = 0; i < 3; ++i) {
    if (*given[i]) bounds[i] = evaluate(**given[i], scope);
  }
  return slice(runtime_, object, &bounds[0], &bounds[1], &bounds[2]);
}

Arguments Interpreter::evaluate_arguments(const CallArguments& arguments, Scope* scope) {
  Arguments out;
  for (const ExprPtr& value : arguments.positional) out.positional.push_back(evaluate(*value, scope));
  if (arguments.spread) {
    const List* list = iterate(runtime_, evaluate(*arguments.spread, scope));
    runtime_.spend(static_cast<int64_t>(list->items.size()));
    out.positional.insert(out.positional.end(), list->items.begin(), list->items.end());
  }
  for (const auto& [name, value] : arguments.named) out.named.emplace_back(name, evaluate(*value, scope));
  if (arguments.named_spread) {
    const Value mapping = evaluate(*arguments.named_spread, scope);
    const auto* dict = mapping.as<Dict>();
    if (!dict) fail(fmt::format("after '**' a dict is expected, got {}", describe(mapping)));
    runtime_.spend(static_cast<int64_t>(dict->entries().size()));
    for (const auto& [key, value] : dict->entries()) {
      if (!key.is_text()) fail(fmt::format("after '**' keys must be strings, got {}", describe(key)));
      out.named.emplace_back(key.text(), value);
    }
  }
  return out;
}

Value Interpreter::call(const Call& node, Arguments arguments, Scope* scope) {
  const Value callee = evaluate(*node.callee, scope);
  if (auto* function = callee.as<Function>()) return function->call(runtime_, arguments);
  if (callee.is_undefined()) fail(fmt::format("{}, and cannot be called", callee.reason()));
  if (callee.as<Loop>()) fail("recursive loops are not supported");
  fail(fmt::format("{} cannot be called", describe(callee)));
}

Value Interpreter::value_of(const Call& node, Scope* scope) {
  return call(node, evaluate_arguments(node.arguments, scope), scope);
}

Value Interpreter::apply_filter(const FilterUse& use, const Value& input, Scope* scope) {
  if (!use.apply) fail_at(use.offset, fmt::format("filter '{}' is not supported", use.name));
  const Arguments arguments = evaluate_arguments(use.arguments, scope);
  try {
    return use.apply(runtime_, input, arguments);
  } catch (Failure& failure) {
    if (!failure.offset) failure.offset = use.offset;
    throw;
  }
}

Value Interpreter::apply_filters(const std::vector<FilterUse>& filters, Value input, Scope* scope) {
  for (const FilterUse& use : filters) input = apply_filter(use, input, scope);
  return input;
}

Value Interpreter::value_of(const FilterExpr& node, Scope* scope) {
  return apply_filter(node.use, evaluate(*node.input, scope), scope);
}

Value Interpreter::value_of(const TestExpr& node, Scope* scope) {
  const Value input = evaluate(*node.input, scope);
  if (!node.holds) fail(fmt::format("test '{}' is not supported", node.name));
  return Value::boolean(node.holds(runtime_, input, evaluate_arguments(node.arguments, scope)));
}

Value Interpreter::value_of(const Unary& node, Scope* scope) {
  const Value operand = evaluate(*node.operand, scope);
  if (node.op == UnaryOp::logical_not) return Value::boolean(!is_true(operand));
  return node.op == UnaryOp::negate ? negative(operand) : positive(operand);
}

Value Interpreter::value_of(const Binary& node, Scope* scope) {
  const Value left = evaluate(*node.left, scope);
  return binary(runtime_, node.op, left, evaluate(*node.right, scope));
}

Value Interpreter::value_of(const Logical& node, Scope* scope) {
  Value left = evaluate(*node.left, scope);
  return is_true(left) == node.is_and ? evaluate(*node.right, scope) : left;
}

Value Interpreter::value_of(const Concat& node, Scope* scope) {
  std::string text;
  for (const ExprPtr& part : node.parts) append_text(runtime_, text, evaluate(*part, scope));
  return runtime_.text(std::move(text));
}

Value Interpreter::value_of(const Compare& node, Scope* scope) {
  Value left = evaluate(*node.first, scope);
  for (const auto& [op, expr] : node.rest) {
    Value right = evaluate(*expr, scope);
    if (!compare(runtime_, op, left, right)) return Value::boolean(false);
    left = std::move(right);
  }
  return Value::boolean(true);
}

Value Interpreter::value_of(const Conditional& node, Scope* scope) {
  if (is_true(evaluate(*node.condition, scope))) return evaluate(*node.then, scope);
  if (node.otherwise) return evaluate(*node.otherwise, scope);
  return Value::undefined("the inline 'if' was false and has no 'else'");
}

}  // namespace qnext::jinja
