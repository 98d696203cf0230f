#include "text/jinja/parser.h"

#include <fmt/format.h>

#include "text/jinja/failure.h"

namespace qnext::jinja {
namespace {

std::string shown(const Token& token) {
  switch (token.type) {
    case TokenType::data:
      return "text";
    case TokenType::block_begin:
      return "'{%'";
    case TokenType::block_end:
      return "'%}'";
    case TokenType::variable_begin:
      return "'{{'";
    case TokenType::variable_end:
      return "'}}'";
    case TokenType::string:
      return "a string";
    case TokenType::end:
      return "the end of the template";
    default:
      return fmt::format("'{}'", token.text);
  }
}

}  // namespace

ParseNesting::ParseNesting(Parser& parser) : parser_(parser) {
  if (++parser_.depth_ > kDeepestParse) {
    --parser_.depth_;
    fail_at(parser_.current().offset, fmt::format("nested deeper than {} levels", kDeepestParse));
  }
}

bool Parser::skip_op(std::string_view text) {
  if (!is_op(text)) return false;
  take();
  return true;
}

bool Parser::skip_name(std::string_view text) {
  if (!is_name(text)) return false;
  take();
  return true;
}

void Parser::expect_op(std::string_view text) {
  if (!skip_op(text)) unexpected(fmt::format("'{}'", text));
}

std::string Parser::expect_name() {
  if (!is(TokenType::name)) unexpected("a name");
  return take().text;
}

void Parser::unexpected(std::string_view wanted) const {
  fail_at(current().offset, fmt::format("expected {}, got {}", wanted, shown(current())));
}

NameId Parser::name_id(const std::string& name) {
  const auto [it, added] = ids_.emplace(name, static_cast<NameId>(names_.size()));
  if (added) names_.push_back(name);
  return it->second;
}

Program Parser::run() {
  Program program;
  program.varargs = name_id("varargs");
  program.kwargs = name_id("kwargs");
  program.caller = name_id("caller");
  program.loop = name_id("loop");
  program.body = block({}, 0, "");
  program.names = std::move(names_);
  return program;
}

}  // namespace qnext::jinja
