// Runs a Program over a context.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "text/jinja/ast.h"
#include "text/jinja/runtime.h"

namespace qnext::jinja {

// The variables of one scope; names that it does not have are looked for in the scope around it. Scopes that
// a macro was defined in live as long as the rendering, because the macro may be called later.
struct Scope {
  Scope* outer;
  bool captured = false;
  std::vector<std::pair<NameId, Value>> variables;

  const Value* find(NameId id) const;
  void set(NameId id, Value value);
};

class Interpreter {
 public:
  Interpreter(const Program& program, Runtime& runtime) : program_(program), runtime_(runtime) {}
  std::string run(const Json& context);  // throws Failure

  // Output of a macro's body; what calling the macro gives.
  Value call_macro(const MacroDefinition& macro, Scope* closure, const Arguments& arguments);

 private:
  enum class Flow { next, break_loop, continue_loop };

  // Statements (interpreter.cc).
  Flow run_block(const Block& block, Scope* scope);
  Flow execute(const TextOutput& node, Scope* scope);
  Flow execute(const Print& node, Scope* scope);
  Flow execute(const If& node, Scope* scope);
  Flow execute(const For& node, Scope* scope);
  Flow execute(const Set& node, Scope* scope);
  Flow execute(const SetBlock& node, Scope* scope);
  Flow execute(const Macro& node, Scope* scope);
  Flow execute(const CallBlock& node, Scope* scope);
  Flow execute(const FilterBlock& node, Scope* scope);
  Flow execute(const With& node, Scope* scope);
  Flow execute(const Break&, Scope*) { return Flow::break_loop; }
  Flow execute(const Continue&, Scope*) { return Flow::continue_loop; }
  List* filtered_items(const For& node, Scope* scope);
  Flow run_captured(const Block& block, Scope* outer, std::string& text);
  void assign(const Target& target, const Value& value, Scope* scope);
  Value make_macro(const MacroDefinition& macro, Scope* scope);
  void write(const Value& value);

  // Expressions (evaluate.cc).
  Value evaluate(const Expr& expr, Scope* scope);
  Value value_of(const Literal& node, Scope* scope);
  Value value_of(const Name& node, Scope* scope);
  Value value_of(const ListLiteral& node, Scope* scope);
  Value value_of(const DictLiteral& node, Scope* scope);
  Value value_of(const Attribute& node, Scope* scope);
  Value value_of(const Item& node, Scope* scope);
  Value value_of(const Slice& node, Scope* scope);
  Value value_of(const Call& node, Scope* scope);
  Value value_of(const FilterExpr& node, Scope* scope);
  Value value_of(const TestExpr& node, Scope* scope);
  Value value_of(const Unary& node, Scope* scope);
  Value value_of(const Binary& node, Scope* scope);
  Value value_of(const Logical& node, Scope* scope);
  Value value_of(const Concat& node, Scope* scope);
  Value value_of(const Compare& node, Scope* scope);
  Value value_of(const Conditional& node, Scope* scope);
  Arguments evaluate_arguments(const CallArguments& arguments, Scope* scope);
  Value call(const Call& node, Arguments arguments, Scope* scope);
  Value apply_filter(const FilterUse& use, const Value& input, Scope* scope);
  Value apply_filters(const std::vector<FilterUse>& filters, Value input, Scope* scope);

  // A scope inside `outer` for as long as this lives, or longer when a macro captured it.
  class Inner {
   public:
    Inner(Interpreter& interpreter, Scope* outer);
    ~Inner();
    Inner(const Inner&) = delete;
    Inner& operator=(const Inner&) = delete;
    Scope* get() const { return scope_; }

   private:
    Interpreter& interpreter_;
    Scope* scope_;
  };

  const Program& program_;
  Runtime& runtime_;
  std::string* output_ = nullptr;
  std::vector<std::unique_ptr<Scope>> scopes_;  // all of them
  std::vector<Scope*> free_scopes_;             // those that can be used again
};

}  // namespace qnext::jinja
