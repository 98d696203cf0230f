#include "text/jinja/interpreter.h"

#include <fmt/format.h>

#include <algorithm>

#include "text/jinja/globals.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"

namespace qnext::jinja {
namespace {

struct MacroFunction : Function {
  MacroFunction(Interpreter& macro_interpreter, const MacroDefinition& macro_definition, Scope* macro_closure)
      : Function(macro_definition.name),
        interpreter(macro_interpreter),
        definition(macro_definition),
        closure(macro_closure) {}
  Value call(Runtime&, const Arguments& arguments) override {
    return interpreter.call_macro(definition, closure, arguments);
  }
  Interpreter& interpreter;
  const MacroDefinition& definition;
  Scope* closure;
};

}  // namespace

const Value* Scope::find(NameId id) const {
  for (const Scope* scope = this; scope; scope = scope->outer) {
    for (const auto& [name, value] : scope->variables) {
      if (name == id) return &value;
    }
  }
  return nullptr;
}

void Scope::set(NameId id, Value value) {
  for (auto& [name, old] : variables) {
    if (name == id) {
      old = std::move(value);
      return;
    }
  }
  variables.emplace_back(id, std::move(value));
}

Interpreter::Inner::Inner(Interpreter& interpreter, Scope* outer) : interpreter_(interpreter) {
  auto& unused = interpreter_.free_scopes_;
  if (unused.empty()) {
    interpreter_.scopes_.push_back(std::make_unique<Scope>());
    unused.push_back(interpreter_.scopes_.back().get());
  }
  scope_ = unused.back();
  unused.pop_back();
  scope_->outer = outer;
}

Interpreter::Inner::~Inner() {
  if (scope_->captured) return;
  scope_->variables.clear();
  interpreter_.free_scopes_.push_back(scope_);
}

std::string Interpreter::run(const Json& context) {
  Scope global{nullptr, true, {}};
  Scope top{&global, true, {}};
  for (NameId id = 0; id < program_.names.size(); ++id) {
    const std::string& name = program_.names[id];
    const auto given = context.find(name);
    if (given != context.end()) {
      global.set(id, runtime_.from_json(*given));
      continue;
    }
    for (const NamedGlobal& function : globals()) {
      if (function.name == name)
        global.set(id, Value::object(runtime_.make<BuiltIn>(name, function.function)));
    }
  }
  std::string output;
  output_ = &output;
  run_block(program_.body, &top);
  return output;
}

Interpreter::Flow Interpreter::run_block(const Block& block, Scope* scope) {
  const Nesting level(runtime_);
  for (const Statement& statement : block) {
    runtime_.spend();
    Flow flow = Flow::next;
    try {
      flow = std::visit([&](const auto& node) { return execute(node, scope); }, statement.node);
    } catch (Failure& failure) {
      if (!failure.offset) failure.offset = statement.offset;
      throw;
    }
    if (flow != Flow::next) return flow;
  }
  return Flow::next;
}

void Interpreter::write(const Value& value) {
  const size_t before = output_->size();
  append_text(runtime_, *output_, value);
  runtime_.spend(static_cast<int64_t>((output_->size() - before) / 128));
}

Interpreter::Flow Interpreter::execute(const TextOutput& node, Scope*) {
  if (output_->size() + node.text.size() > runtime_.limits().text) {
    runtime_.reserve_text(output_->size() + node.text.size());
  }
  runtime_.spend(static_cast<int64_t>(node.text.size() / 128));
  *output_ += node.text;
  return Flow::next;
}

Interpreter::Flow Interpreter::execute(const Print& node, Scope* scope) {
  write(evaluate(*node.value, scope));
  return Flow::next;
}

Interpreter::Flow Interpreter::execute(const If& node, Scope* scope) {
  for (const auto& [condition, body] : node.branches) {
    if (is_true(evaluate(*condition, scope))) return run_block(body, scope);
  }
  return run_block(node.otherwise, scope);
}

// What the loop goes through. The filter sees the loop's variables but no `loop`.
List* Interpreter::filtered_items(const For& node, Scope* scope) {
  List* all = iterate(runtime_, evaluate(*node.items, scope));
  if (!node.filter) return all;
  std::vector<Value> kept;
  for (const Value& item : all->items) {
    const Inner inner(*this, scope);
    assign(node.target, item, inner.get());
    if (is_true(evaluate(*node.filter, inner.get()))) kept.push_back(item);
  }
  return runtime_.list(std::move(kept)).as<List>();
}

Interpreter::Flow Interpreter::execute(const For& node, Scope* scope) {
  List* items = filtered_items(node, scope);
  if (items->items.empty()) {
    const Inner inner(*this, scope);
    return run_block(node.otherwise, inner.get());
  }
  auto* loop = runtime_.make<Loop>();
  loop->items = items;
  for (size_t i = 0; i < items->items.size(); ++i) {
    loop->index = i;
    const Inner inner(*this, scope);  // every round starts with a scope of its own
    inner.get()->set(program_.loop, Value::object(loop));
    assign(node.target, items->items[i], inner.get());
    runtime_.spend();
    if (run_block(node.body, inner.get()) == Flow::break_loop) break;
  }
  return Flow::next;
}

void Interpreter::assign(const Target& target, const Value& value, Scope* scope) {
  if (target.name && target.attribute.empty()) return scope->set(*target.name, value);
  if (target.name) {
    const Value* holder = scope->find(*target.name);
    auto* space = holder ? holder->as<Namespace>() : nullptr;
    if (!space) {
      fail_at(target.offset,
              fmt::format("only attributes of a namespace can be set, and '{}' is {}",
                          program_.names[*target.name], holder ? describe(*holder) : "undefined"));
    }
    runtime_.spend();
    return space->attributes.set(Value::text(target.attribute), value);
  }
  if (value.is_undefined()) fail_at(target.offset, value.reason());
  const List* parts = iterate(runtime_, value);
  if (parts->items.size() != target.parts.size()) {
    fail_at(target.offset, fmt::format("{} values cannot be unpacked into {} names", parts->items.size(),
                                       target.parts.size()));
  }
  for (size_t i = 0; i < target.parts.size(); ++i) assign(target.parts[i], parts->items[i], scope);
}

Interpreter::Flow Interpreter::execute(const Set& node, Scope* scope) {
  assign(node.target, evaluate(*node.value, scope), scope);
  return Flow::next;
}

// Runs a block in a scope of its own with its output going to `text`.
Interpreter::Flow Interpreter::run_captured(const Block& block, Scope* outer, std::string& text) {
  struct Restore {
    std::string*& place;
    std::string* before;
    ~Restore() { place = before; }
  } restore{output_, output_};
  const Inner inner(*this, outer);
  output_ = &text;
  return run_block(block, inner.get());
}

Interpreter::Flow Interpreter::execute(const SetBlock& node, Scope* scope) {
  std::string text;
  const Flow flow = run_captured(node.body, scope, text);
  if (flow != Flow::next) return flow;
  assign(node.target, apply_filters(node.filters, Value::text(std::move(text)), scope), scope);
  return Flow::next;
}

Interpreter::Flow Interpreter::execute(const FilterBlock& node, Scope* scope) {
  std::string text;
  const Flow flow = run_captured(node.body, scope, text);
  if (flow != Flow::next) return flow;
  write(apply_filters(node.filters, Value::text(std::move(text)), scope));
  return Flow::next;
}

Interpreter::Flow Interpreter::execute(const With& node, Scope* scope) {
  const Inner inner(*this, scope);
  std::vector<Value> values;  // none of them sees the new names
  for (const auto& [target, expr] : node.bindings) values.push_back(evaluate(*expr, scope));
  for (size_t i = 0; i < values.size(); ++i) assign(node.bindings[i].first, values[i], inner.get());
  return run_block(node.body, inner.get());
}

Value Interpreter::make_macro(const MacroDefinition& macro, Scope* scope) {
  for (Scope* s = scope; s && !s->captured; s = s->outer) s->captured = true;
  runtime_.spend(4);
  return Value::object(runtime_.make<MacroFunction>(*this, macro, scope));
}

Interpreter::Flow Interpreter::execute(const Macro& node, Scope* scope) {
  scope->set(node.id, make_macro(*node.definition, scope));
  return Flow::next;
}

Interpreter::Flow Interpreter::execute(const CallBlock& node, Scope* scope) {
  const auto& call_node = std::get<Call>(node.call->node);
  Arguments arguments = evaluate_arguments(call_node.arguments, scope);
  arguments.named.emplace_back("caller", make_macro(*node.caller, scope));
  write(call(call_node, std::move(arguments), scope));
  return Flow::next;
}

Value Interpreter::call_macro(const MacroDefinition& macro, Scope* closure, const Arguments& arguments) {
  const Nesting level(runtime_);
  const Inner inner(*this, closure);
  Scope* scope = inner.get();
  const size_t count = macro.parameters.size();
  const size_t positional = std::min(count, arguments.positional.size());
  if (arguments.positional.size() > count && !macro.uses_varargs) {
    fail(fmt::format("macro '{}' takes at most {} arguments, got {}", macro.name, count,
                     arguments.positional.size()));
  }
  for (size_t i = 0; i < positional; ++i) scope->set(macro.parameters[i].id, arguments.positional[i]);
  if (macro.uses_varargs) {
    std::vector<Value> rest(arguments.positional.begin() + static_cast<ptrdiff_t>(positional),
                            arguments.positional.end());
    scope->set(program_.varargs, runtime_.list(std::move(rest), List::Form::tuple));
  }
  auto* others = macro.uses_kwargs ? runtime_.make<Dict>() : nullptr;
  if (others) scope->set(program_.kwargs, Value::object(others));
  if (macro.uses_caller) scope->set(program_.caller, Value::undefined("the macro was called without a body"));
  std::vector<bool> given(count, false);
  std::fill(given.begin(), given.begin() + static_cast<ptrdiff_t>(positional), true);
  for (const auto& [name, value] : arguments.named) {
    const auto it =
        std::find_if(macro.parameters.begin(), macro.parameters.end(),
                     [&wanted = name](const auto& parameter) { return parameter.name == wanted; });
    const auto at = static_cast<size_t>(it - macro.parameters.begin());
    if (at < count && !given[at]) {
      scope->set(it->id, value);
      given[at] = true;
    } else if (name == "caller" && macro.uses_caller) {
      scope->set(program_.caller, value);
    } else if (others && at == count) {
      others->set(Value::text(name), value);
    } else {
      fail(fmt::format("macro '{}' {} '{}'", macro.name,
                       at < count ? "got twice the argument" : "has no argument", name));
    }
  }
  for (size_t i = 0; i < count; ++i) {  // defaults see the parameters before them
    if (given[i]) continue;
    const auto& parameter = macro.parameters[i];
    scope->set(parameter.id,
               Value::undefined(fmt::format("parameter '{}' was not provided", parameter.name)));
    if (parameter.fallback) scope->set(parameter.id, evaluate(*parameter.fallback, scope));
  }
  std::string text;
  run_captured(macro.body, scope, text);
  return runtime_.text(std::move(text));
}

}  // namespace qnext::jinja
