#include <fmt/format.h>

#include <algorithm>

#include "text/jinja/failure.h"
#include "text/jinja/numbers.h"
#include "text/jinja/parser.h"

namespace qnext::jinja {
namespace {

int height(const ExprPtr& child) { return child ? child->height : 0; }
int height(const CallArguments& arguments) {
  int tallest = std::max(height(arguments.spread), height(arguments.named_spread));
  for (const auto& value : arguments.positional) tallest = std::max(tallest, height(value));
  for (const auto& [name, value] : arguments.named) tallest = std::max(tallest, height(value));
  return tallest;
}
template <class Part>
int height(const std::vector<Part>& parts);
int height(const std::pair<ExprPtr, ExprPtr>& pair) {
  return std::max(height(pair.first), height(pair.second));
}
int height(const std::pair<CompareOp, ExprPtr>& pair) { return height(pair.second); }
template <class Part>
int height(const std::vector<Part>& parts) {
  int tallest = 0;
  for (const auto& part : parts) tallest = std::max(tallest, height(part));
  return tallest;
}

struct ChildHeight {
  int operator()(const Literal&) const { return 0; }
  int operator()(const Name&) const { return 0; }
  int operator()(const ListLiteral& n) const { return height(n.items); }
  int operator()(const DictLiteral& n) const { return height(n.entries); }
  int operator()(const Attribute& n) const { return height(n.object); }
  int operator()(const Item& n) const { return std::max(height(n.object), height(n.key)); }
  int operator()(const Slice& n) const {
    return std::max({height(n.object), height(n.start), height(n.stop), height(n.step)});
  }
  int operator()(const Call& n) const { return std::max(height(n.callee), height(n.arguments)); }
  int operator()(const FilterExpr& n) const { return std::max(height(n.input), height(n.use.arguments)); }
  int operator()(const TestExpr& n) const { return std::max(height(n.input), height(n.arguments)); }
  int operator()(const Unary& n) const { return height(n.operand); }
  int operator()(const Binary& n) const { return std::max(height(n.left), height(n.right)); }
  int operator()(const Logical& n) const { return std::max(height(n.left), height(n.right)); }
  int operator()(const Concat& n) const { return height(n.parts); }
  int operator()(const Compare& n) const { return std::max(height(n.first), height(n.rest)); }
  int operator()(const Conditional& n) const {
    return std::max({height(n.condition), height(n.then), height(n.otherwise)});
  }
};

}  // namespace

template <class Node>
ExprPtr Parser::make(uint32_t offset, Node node) {
  const int tall = 1 + ChildHeight()(node);
  if (tall > kTallestExpr)
    fail_at(offset, fmt::format("expression of more than {} operators in a row", kTallestExpr));
  return std::make_unique<Expr>(Expr{offset, tall, std::move(node)});
}

// a or a, b, c: a tuple needs no brackets here.
ExprPtr Parser::tuple_or_expression(bool with_conditional, bool in_parentheses) {
  const uint32_t offset = current().offset;
  ListLiteral tuple{List::Form::tuple, {}};
  bool comma = false;
  while (!is(TokenType::variable_end) && !is(TokenType::block_end) && !is_op(")")) {
    tuple.items.push_back(with_conditional ? expression() : logical_or());
    if (!skip_op(",")) break;
    comma = true;
  }
  if (comma || (tuple.items.empty() && in_parentheses)) return make(offset, std::move(tuple));
  if (tuple.items.empty()) unexpected("an expression");
  return std::move(tuple.items[0]);
}

ExprPtr Parser::expression() { return conditional(); }

ExprPtr Parser::conditional() {
  const ParseNesting level(*this);
  ExprPtr value = logical_or();
  while (is_name("if")) {
    const uint32_t offset = take().offset;
    ExprPtr condition = logical_or();
    ExprPtr otherwise = skip_name("else") ? conditional() : nullptr;
    value = make(offset, Conditional{std::move(condition), std::move(value), std::move(otherwise)});
  }
  return value;
}

ExprPtr Parser::logical_or() {
  ExprPtr left = logical_and();
  while (is_name("or")) {
    const uint32_t offset = take().offset;
    ExprPtr right = logical_and();
    left = make(offset, Logical{false, std::move(left), std::move(right)});
  }
  return left;
}

ExprPtr Parser::logical_and() {
  ExprPtr left = logical_not();
  while (is_name("and")) {
    const uint32_t offset = take().offset;
    ExprPtr right = logical_not();
    left = make(offset, Logical{true, std::move(left), std::move(right)});
  }
  return left;
}

ExprPtr Parser::logical_not() {
  if (!is_name("not")) return comparison();
  const ParseNesting level(*this);
  const uint32_t offset = take().offset;
  return make(offset, Unary{UnaryOp::logical_not, logical_not()});
}

ExprPtr Parser::comparison() {
  static constexpr std::pair<std::string_view, CompareOp> kOps[] = {
      {"==", CompareOp::equal},      {"!=", CompareOp::not_equal}, {"<", CompareOp::less},
      {"<=", CompareOp::less_equal}, {">", CompareOp::greater},    {">=", CompareOp::greater_equal}};
  ExprPtr first = sum();
  Compare node{nullptr, {}};
  const uint32_t offset = current().offset;
  while (true) {
    const auto* op =
        std::find_if(std::begin(kOps), std::end(kOps), [&](const auto& o) { return is_op(o.first); });
    if (op != std::end(kOps)) {
      take();
      node.rest.emplace_back(op->second, sum());
    } else if (skip_name("in")) {
      node.rest.emplace_back(CompareOp::in, sum());
    } else if (is_name("not") && ahead().type == TokenType::name && ahead().text == "in") {
      take();
      take();
      node.rest.emplace_back(CompareOp::not_in, sum());
    } else {
      break;
    }
  }
  if (node.rest.empty()) return first;
  node.first = std::move(first);
  return make(offset, std::move(node));
}

ExprPtr Parser::sum() {
  ExprPtr left = concatenation();
  while (is_op("+") || is_op("-")) {
    const BinaryOp op = is_op("+") ? BinaryOp::add : BinaryOp::subtract;
    const uint32_t offset = take().offset;
    ExprPtr right = concatenation();
    left = make(offset, Binary{op, std::move(left), std::move(right)});
  }
  return left;
}

ExprPtr Parser::concatenation() {
  const uint32_t offset = current().offset;
  ExprPtr first = product();
  if (!is_op("~")) return first;
  Concat node;
  node.parts.push_back(std::move(first));
  while (skip_op("~")) node.parts.push_back(product());
  return make(offset, std::move(node));
}

ExprPtr Parser::product() {
  static constexpr std::pair<std::string_view, BinaryOp> kOps[] = {{"*", BinaryOp::multiply},
                                                                   {"/", BinaryOp::divide},
                                                                   {"//", BinaryOp::floor_divide},
                                                                   {"%", BinaryOp::modulo}};
  ExprPtr left = power();
  while (true) {
    const auto* op =
        std::find_if(std::begin(kOps), std::end(kOps), [&](const auto& o) { return is_op(o.first); });
    if (op == std::end(kOps)) return left;
    const uint32_t offset = take().offset;
    ExprPtr right = power();
    left = make(offset, Binary{op->second, std::move(left), std::move(right)});
  }
}

ExprPtr Parser::power() {
  ExprPtr left = unary(true);
  while (is_op("**")) {  // in Jinja, unlike Python, it binds to the left
    const uint32_t offset = take().offset;
    ExprPtr right = unary(true);
    left = make(offset, Binary{BinaryOp::power, std::move(left), std::move(right)});
  }
  return left;
}

ExprPtr Parser::unary(bool with_filters) {
  ExprPtr value;
  if (is_op("-") || is_op("+")) {
    const ParseNesting level(*this);
    const UnaryOp op = is_op("-") ? UnaryOp::negate : UnaryOp::plus;
    const uint32_t offset = take().offset;
    value = make(offset, Unary{op, unary(false)});
  } else {
    value = primary();
  }
  value = postfix(std::move(value));
  return with_filters ? filters_and_tests(std::move(value)) : std::move(value);
}

ExprPtr Parser::number() {
  const Token& token = take();
  if (token.type == TokenType::number) {
    const auto value = parse_float(token.text);
    if (!value) fail_at(token.offset, fmt::format("malformed number '{}'", token.text));
    return make(token.offset, Literal{Value::number(*value)});
  }
  const auto value = parse_integer(token.text, 0);
  if (!value) fail_at(token.offset, fmt::format("integer '{}' is too large", token.text));
  return make(token.offset, Literal{Value::integer(*value)});
}

ExprPtr Parser::primary() {
  const uint32_t offset = current().offset;
  if (is(TokenType::integer) || is(TokenType::number)) return number();
  if (is(TokenType::string)) {
    std::string text;
    while (is(TokenType::string)) text += take().text;  // neighbours join
    return make(offset, Literal{Value::text(std::move(text))});
  }
  if (is_op("(")) {
    const ParseNesting level(*this);
    take();
    ExprPtr value = tuple_or_expression(true, true);
    expect_op(")");
    return value;
  }
  if (is_op("[")) return list();
  if (is_op("{")) return dict();
  if (!is(TokenType::name)) unexpected("an expression");
  const std::string name = take().text;
  if (name == "true" || name == "True") return make(offset, Literal{Value::boolean(true)});
  if (name == "false" || name == "False") return make(offset, Literal{Value::boolean(false)});
  if (name == "none" || name == "None") return make(offset, Literal{Value::none()});
  for (MacroUses& macro : macros_) {
    macro.varargs |= name == "varargs";
    macro.kwargs |= name == "kwargs";
    macro.caller |= name == "caller";
  }
  return make(offset, Name{name_id(name)});
}

ExprPtr Parser::list() {
  const uint32_t offset = take().offset;
  ListLiteral node{List::Form::list, {}};
  while (!is_op("]")) {
    if (!node.items.empty()) expect_op(",");
    if (is_op("]")) break;
    node.items.push_back(expression());
  }
  expect_op("]");
  return make(offset, std::move(node));
}

ExprPtr Parser::dict() {
  const uint32_t offset = take().offset;
  DictLiteral node;
  while (!is_op("}")) {
    if (!node.entries.empty()) expect_op(",");
    if (is_op("}")) break;
    ExprPtr key = expression();
    expect_op(":");
    node.entries.emplace_back(std::move(key), expression());
  }
  expect_op("}");
  return make(offset, std::move(node));
}

ExprPtr Parser::postfix(ExprPtr object) {
  while (true) {
    const uint32_t offset = current().offset;
    if (is_op(".")) {
      take();
      if (is(TokenType::integer)) {
        object = make(offset, Item{std::move(object), number()});
      } else {
        object = make(offset, Attribute{std::move(object), expect_name()});
      }
    } else if (is_op("[")) {
      object = subscript(std::move(object));
    } else if (is_op("(")) {
      object = make(offset, Call{std::move(object), arguments()});
    } else {
      return object;
    }
  }
}

// object[key] or object[start:stop:step]
ExprPtr Parser::subscript(ExprPtr object) {
  const uint32_t offset = take().offset;
  ExprPtr parts[3];
  size_t colons = 0;
  while (!is_op("]")) {
    if (skip_op(":")) {
      if (++colons > 2) unexpected("']'");
    } else if (parts[colons]) {
      unexpected(colons == 2 ? "']'" : "']' or ':'");
    } else {
      parts[colons] = expression();
    }
  }
  take();
  if (colons == 0 && !parts[0]) fail_at(offset, "an index is missing between '[' and ']'");
  if (colons == 0) return make(offset, Item{std::move(object), std::move(parts[0])});
  return make(offset,
              Slice{std::move(object), std::move(parts[0]), std::move(parts[1]), std::move(parts[2])});
}

ExprPtr Parser::filters_and_tests(ExprPtr input) {
  while (true) {
    const uint32_t offset = current().offset;
    if (skip_op("|")) {
      FilterUse use = filter_use();
      input = make(use.offset, FilterExpr{std::move(input), std::move(use)});
    } else if (is_name("is")) {
      input = test(std::move(input));
    } else if (is_op("(")) {
      input = make(offset, Call{std::move(input), arguments()});
    } else {
      return input;
    }
  }
}

std::string Parser::dotted_name() {
  std::string name = expect_name();
  while (skip_op(".")) name.append(".").append(expect_name());
  return name;
}

FilterUse Parser::filter_use() {
  FilterUse use{current().offset, dotted_name(), nullptr, {}};
  use.apply = find_filter(use.name);
  if (is_op("(")) use.arguments = arguments();
  return use;
}

ExprPtr Parser::test(ExprPtr input) {
  take();  // is
  const bool negated = skip_name("not");
  const uint32_t offset = current().offset;
  TestExpr node{std::move(input), dotted_name(), nullptr, {}};
  node.holds = find_test(node.name);
  const bool operand = is(TokenType::name) || is(TokenType::string) || is(TokenType::integer) ||
                       is(TokenType::number) || is_op("[") || is_op("{");
  const bool keyword =
      is_name("else") || is_name("or") || is_name("and") || is_name("if") || is_name("in") || is_name("not");
  if (is_op("(")) {
    node.arguments = arguments();
  } else if (is_name("is")) {
    fail_at(current().offset, "tests cannot be chained with 'is'");
  } else if (operand && !keyword) {  // x is divisibleby 3
    node.arguments.positional.push_back(postfix(primary()));
  }
  ExprPtr result = make(offset, std::move(node));
  return negated ? make(offset, Unary{UnaryOp::logical_not, std::move(result)}) : std::move(result);
}

CallArguments Parser::arguments() {
  const ParseNesting level(*this);
  const uint32_t offset = current().offset;
  expect_op("(");
  CallArguments out;
  const auto in_order = [&](bool fine) {
    if (!fine) fail_at(offset, "arguments stand in the wrong order: positional, named, *list, **dict");
  };
  while (!is_op(")")) {
    if (skip_op("*")) {
      in_order(!out.spread && !out.named_spread);
      out.spread = expression();
    } else if (skip_op("**")) {
      in_order(!out.named_spread);
      out.named_spread = expression();
    } else if (is(TokenType::name) && ahead().type == TokenType::op && ahead().text == "=") {
      in_order(!out.named_spread);
      const std::string name = take().text;
      take();
      out.named.emplace_back(name, expression());
    } else {
      in_order(!out.spread && !out.named_spread && out.named.empty());
      out.positional.push_back(expression());
    }
    if (!skip_op(",")) break;
  }
  expect_op(")");
  return out;
}

}  // namespace qnext::jinja
