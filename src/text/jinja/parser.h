// From tokens to a Program, by recursive descent over the grammar of Jinja 3.1.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/token.h"

namespace qnext::jinja {

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}
  Program run();  // throws Failure

 private:
  // Tokens.
  const Token& current() const { return tokens_[at_]; }
  const Token& ahead() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  bool is(TokenType type) const { return current().type == type; }
  bool is_op(std::string_view text) const { return is(TokenType::op) && current().text == text; }
  bool is_name(std::string_view text) const { return is(TokenType::name) && current().text == text; }
  const Token& take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool skip_op(std::string_view text);
  bool skip_name(std::string_view text);
  void expect_op(std::string_view text);
  std::string expect_name();
  [[noreturn]] void unexpected(std::string_view wanted) const;
  NameId name_id(const std::string& name);

  // Statements (parser_statements.cc).
  using EndTags = std::vector<std::string_view>;
  void expect_block_end();
  Block block(const EndTags& ends, uint32_t opened,
              std::string_view tag);  // up to and with "{% end" of one of them
  Block tag_body(const EndTags& ends, uint32_t opened,
                 std::string_view tag);  // the same after the tag's "%}"
  Statement statement();
  Statement if_statement(uint32_t offset);
  Statement for_statement(uint32_t offset);
  Statement set_statement(uint32_t offset);
  Statement macro_statement(uint32_t offset);
  Statement call_statement(uint32_t offset);
  Statement filter_statement(uint32_t offset);
  Statement with_statement(uint32_t offset);
  Statement scope_statement(uint32_t offset);
  Statement loop_control(uint32_t offset, bool is_break);
  void signature(MacroDefinition& macro);
  void macro_body(MacroDefinition& macro, std::string_view tag);
  Target target(bool with_attribute);
  Target single_target(bool with_attribute);
  std::vector<FilterUse> filter_chain(bool starts_inline);

  // Expressions, from the loosest binding to the tightest (parser_expressions.cc).
  ExprPtr tuple_or_expression(bool with_conditional, bool in_parentheses = false);
  ExprPtr expression();
  ExprPtr conditional();
  ExprPtr logical_or();
  ExprPtr logical_and();
  ExprPtr logical_not();
  ExprPtr comparison();
  ExprPtr sum();
  ExprPtr concatenation();
  ExprPtr product();
  ExprPtr power();
  ExprPtr unary(bool with_filters);
  ExprPtr primary();
  ExprPtr number();
  ExprPtr list();
  ExprPtr dict();
  ExprPtr postfix(ExprPtr object);
  ExprPtr subscript(ExprPtr object);
  ExprPtr filters_and_tests(ExprPtr input);
  ExprPtr test(ExprPtr input);
  FilterUse filter_use();
  std::string dotted_name();
  CallArguments arguments();
  template <class Node>
  ExprPtr make(uint32_t offset, Node node);

  struct MacroUses {
    bool varargs = false, kwargs = false, caller = false;
  };

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;       // of nested expressions and blocks being parsed
  int loop_depth_ = 0;  // of loops around this place, within the same macro
  std::map<std::string, NameId, std::less<>> ids_;
  std::vector<std::string> names_;
  std::vector<MacroUses> macros_;  // the macros around this place

  friend class ParseNesting;
};

// One level of nesting while parsing, for as long as it lives.
class ParseNesting {
 public:
  explicit ParseNesting(Parser& parser);
  ~ParseNesting() { --parser_.depth_; }
  ParseNesting(const ParseNesting&) = delete;
  ParseNesting& operator=(const ParseNesting&) = delete;

 private:
  Parser& parser_;
};

inline constexpr int kDeepestParse = 250;  // nested brackets and blocks
inline constexpr int kTallestExpr = 500;   // operators in a row, as in a + b + c

}  // namespace qnext::jinja
