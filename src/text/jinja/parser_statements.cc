#include <fmt/format.h>

#include <algorithm>

#include "text/jinja/failure.h"
#include "text/jinja/parser.h"

namespace qnext::jinja {

void Parser::expect_block_end() {
  if (!is(TokenType::block_end)) unexpected("'%}'");
  take();
}

// Statements up to a tag in `ends`, whose name is left as the current token. With no ends, up to the end of
// the template.
Block Parser::block(const EndTags& ends, uint32_t opened, std::string_view tag) {
  const ParseNesting level(*this);
  Block body;
  while (true) {
    const uint32_t offset = current().offset;
    if (is(TokenType::end)) {
      if (ends.empty()) return body;
      fail_at(opened, fmt::format("tag '{}' is not closed: '{{% {} %}}' is missing", tag, ends.back()));
    } else if (is(TokenType::data)) {
      body.push_back({offset, TextOutput{take().text}});
    } else if (is(TokenType::variable_begin)) {
      take();
      ExprPtr value = tuple_or_expression(true);
      if (!is(TokenType::variable_end)) unexpected("'}}'");
      take();
      body.push_back({offset, Print{std::move(value)}});
    } else {
      take();
      if (is(TokenType::name) && std::find(ends.begin(), ends.end(), current().text) != ends.end())
        return body;
      body.push_back(statement());
      expect_block_end();
    }
  }
}

Block Parser::tag_body(const EndTags& ends, uint32_t opened, std::string_view tag) {
  skip_op(":");
  expect_block_end();
  return block(ends, opened, tag);
}

// After "{%"; up to, not with, the "%}" of its last tag.
Statement Parser::statement() {
  const uint32_t offset = current().offset;
  const std::string tag = expect_name();
  if (tag == "if") return if_statement(offset);
  if (tag == "for") return for_statement(offset);
  if (tag == "set") return set_statement(offset);
  if (tag == "macro") return macro_statement(offset);
  if (tag == "call") return call_statement(offset);
  if (tag == "filter") return filter_statement(offset);
  if (tag == "with") return with_statement(offset);
  if (tag == "generation") return scope_statement(offset);
  if (tag == "break" || tag == "continue") return loop_control(offset, tag == "break");
  if (tag.rfind("end", 0) == 0 || tag == "else" || tag == "elif") {
    fail_at(offset, fmt::format("tag '{}' has no opening tag here", tag));
  }
  fail_at(offset, fmt::format("tag '{}' is not supported", tag));
}

Statement Parser::if_statement(uint32_t offset) {
  If node;
  while (true) {
    ExprPtr condition = tuple_or_expression(false);
    Block body = tag_body({"elif", "else", "endif"}, offset, "if");
    node.branches.emplace_back(std::move(condition), std::move(body));
    const std::string end = take().text;
    if (end == "elif") continue;
    if (end == "else") {
      node.otherwise = tag_body({"endif"}, offset, "if");
      take();
    }
    return {offset, std::move(node)};
  }
}

Statement Parser::for_statement(uint32_t offset) {
  Target variables = target(false);
  if (!skip_name("in")) unexpected("'in'");
  For node{std::move(variables), tuple_or_expression(false), nullptr, {}, {}};
  if (skip_name("if")) node.filter = expression();
  if (is_name("recursive")) fail_at(current().offset, "recursive loops are not supported");
  ++loop_depth_;
  node.body = tag_body({"else", "endfor"}, offset, "for");
  --loop_depth_;
  if (take().text == "else") {
    node.otherwise = tag_body({"endfor"}, offset, "for");
    take();
  }
  return {offset, std::move(node)};
}

Statement Parser::set_statement(uint32_t offset) {
  Target variable = target(true);
  if (skip_op("=")) return {offset, Set{std::move(variable), tuple_or_expression(true)}};
  SetBlock node{std::move(variable), filter_chain(false), {}};
  node.body = tag_body({"endset"}, offset, "set");
  take();
  return {offset, std::move(node)};
}

void Parser::signature(MacroDefinition& macro) {
  expect_op("(");
  while (!is_op(")")) {
    if (!macro.parameters.empty()) expect_op(",");
    if (is_op(")")) break;
    const uint32_t offset = current().offset;
    const std::string name = expect_name();
    for (const auto& known : macro.parameters) {
      if (known.name == name) fail_at(offset, fmt::format("macro parameter '{}' appears twice", name));
    }
    ExprPtr fallback;
    if (skip_op("=")) {
      fallback = expression();
    } else if (!macro.parameters.empty() && macro.parameters.back().fallback) {
      fail_at(offset, fmt::format("macro parameter '{}' without a default follows one with a default", name));
    }
    macro.parameters.push_back({name_id(name), name, std::move(fallback)});
  }
  expect_op(")");
}

void Parser::macro_body(MacroDefinition& macro, std::string_view tag) {
  macros_.emplace_back();
  const int outer_loops = std::exchange(loop_depth_, 0);
  macro.body = tag_body({tag == "macro" ? "endmacro" : "endcall"}, macro.offset, tag);
  take();
  loop_depth_ = outer_loops;
  macro.uses_varargs = macros_.back().varargs;
  macro.uses_kwargs = macros_.back().kwargs;
  macro.uses_caller = macros_.back().caller;
  macros_.pop_back();
  for (const auto& parameter : macro.parameters) {
    if (parameter.name == "varargs") macro.uses_varargs = false;
    if (parameter.name == "kwargs") macro.uses_kwargs = false;
    if (parameter.name == "caller") macro.uses_caller = false;
  }
}

Statement Parser::macro_statement(uint32_t offset) {
  auto macro = std::make_shared<MacroDefinition>();
  macro->offset = offset;
  macro->name = expect_name();
  signature(*macro);
  macro_body(*macro, "macro");
  const NameId id = name_id(macro->name);
  return {offset, Macro{id, std::move(macro)}};
}

Statement Parser::call_statement(uint32_t offset) {
  auto caller = std::make_shared<MacroDefinition>();
  caller->offset = offset;
  caller->name = "caller";
  if (is_op("(")) signature(*caller);
  const uint32_t callee = current().offset;
  ExprPtr call = expression();
  if (!std::holds_alternative<Call>(call->node)) fail_at(callee, "a call is expected after 'call'");
  macro_body(*caller, "call");
  return {offset, CallBlock{std::move(call), std::move(caller)}};
}

Statement Parser::filter_statement(uint32_t offset) {
  FilterBlock node{filter_chain(true), {}};
  node.body = tag_body({"endfilter"}, offset, "filter");
  take();
  return {offset, std::move(node)};
}

Statement Parser::with_statement(uint32_t offset) {
  With node;
  while (!is(TokenType::block_end)) {
    if (!node.bindings.empty()) expect_op(",");
    Target variable = single_target(false);
    expect_op("=");
    node.bindings.emplace_back(std::move(variable), expression());
  }
  node.body = tag_body({"endwith"}, offset, "with");
  take();
  return {offset, std::move(node)};
}

// {% generation %} marks the assistant's text for training; for rendering it is a scope like any other.
Statement Parser::scope_statement(uint32_t offset) {
  With node;
  node.body = tag_body({"endgeneration"}, offset, "generation");
  take();
  return {offset, std::move(node)};
}

Statement Parser::loop_control(uint32_t offset, bool is_break) {
  if (loop_depth_ == 0)
    fail_at(offset, fmt::format("'{}' stands outside a loop", is_break ? "break" : "continue"));
  if (is_break) return {offset, Break{}};
  return {offset, Continue{}};
}

Target Parser::single_target(bool with_attribute) {
  const ParseNesting level(*this);
  const uint32_t offset = current().offset;
  if (skip_op("(")) {
    Target inner = target(with_attribute);
    expect_op(")");
    return inner;
  }
  const std::string name = expect_name();
  for (const std::string_view constant : {"true", "false", "none", "True", "False", "None"}) {
    if (name == constant) fail_at(offset, fmt::format("'{}' cannot be assigned to", name));
  }
  Target out{offset, name_id(name), "", {}};
  if (with_attribute && skip_op(".")) out.attribute = expect_name();
  return out;
}

Target Parser::target(bool with_attribute) {
  const uint32_t offset = current().offset;
  Target first = single_target(with_attribute);
  if (!is_op(",")) return first;
  Target out{offset, std::nullopt, "", {}};
  out.parts.push_back(std::move(first));
  while (skip_op(",")) {
    if (is_op("=") || is_op(")") || is_name("in")) break;  // a comma may end the tuple
    out.parts.push_back(single_target(with_attribute));
  }
  return out;
}

// | name(arguments) | name ..., of which the first has no bar when it starts inline.
std::vector<FilterUse> Parser::filter_chain(bool starts_inline) {
  std::vector<FilterUse> out;
  while (starts_inline || skip_op("|")) {
    starts_inline = false;
    out.push_back(filter_use());
  }
  return out;
}

}  // namespace qnext::jinja
