// Rules of Jinja 3.1 (https://jinja.palletsprojects.com/en/3.1.x/templates/#whitespace-control) with
// trim_blocks and lstrip_blocks, the settings under which chat templates are written.
#include <fmt/format.h>

#include <algorithm>

#include "text/jinja/escapes.h"
#include "text/jinja/failure.h"
#include "text/jinja/token.h"
#include "text/jinja/unicode.h"

namespace qnext::jinja {
namespace {

bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }

bool is_word(int32_t c) {
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  return is_alpha(c) || is_numeric(c);
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) outside();
    add(TokenType::end, at_, "");
    return std::move(tokens_);
  }

 private:
  bool looking_at(std::string_view what, size_t at) const { return source_.substr(at, what.size()) == what; }
  bool looking_at(std::string_view what) const { return looking_at(what, at_); }
  char peek(size_t ahead = 0) const { return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0'; }

  void add(TokenType type, size_t offset, std::string text) {
    tokens_.push_back({type, static_cast<uint32_t>(offset), std::move(text)});
  }

  void skip_space() {
    while (at_ < source_.size()) {
      const CodePoint c = decode(source_, at_);
      if (!is_space(c.value)) return;
      at_ += c.size;
    }
  }

  size_t next_tag(size_t from) const {
    for (size_t at = source_.find('{', from); at != std::string_view::npos; at = source_.find('{', at + 1)) {
      if (looking_at("{{", at) || looking_at("{%", at) || looking_at("{#", at)) return at;
    }
    return source_.size();
  }

  // Text up to `end`, cut as the sign of the tag that follows it says.
  void add_data(size_t end, char sign, bool before_variable) {
    std::string_view text = source_.substr(at_, end - at_);
    if (sign == '-') {
      text = strip_space(text, Side::right);
    } else if (sign != '+' && !before_variable) {
      const size_t newline = text.rfind('\n');
      const bool line_starts_here = at_ == 0 || source_[at_ - 1] == '\n';
      if (newline != std::string_view::npos || line_starts_here) {
        const size_t line = newline == std::string_view::npos ? 0 : newline + 1;
        if (strip_space(text.substr(line), Side::right).empty()) text = text.substr(0, line);
      }
    }
    if (!text.empty()) add(TokenType::data, at_, std::string(text));
  }

  // At text outside tags: takes it, and the tag after it.
  void outside() {
    const size_t tag = next_tag(at_);
    if (tag == source_.size()) {
      add(TokenType::data, at_, std::string(source_.substr(at_)));
      at_ = tag;
      return;
    }
    const char kind = source_[tag + 1];
    char sign = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
    if (sign != '-' && sign != '+') sign = '\0';
    add_data(tag, sign, kind == '{');
    at_ = tag + 2 + (sign ? 1 : 0);
    if (kind == '#') return comment(tag);
    if (kind == '%' && raw_begins(tag)) return raw(tag);
    add(kind == '%' ? TokenType::block_begin : TokenType::variable_begin, tag, "");
    inside(kind == '%', tag);
  }

  void comment(size_t tag) {
    const size_t end = source_.find("#}", at_);
    if (end == std::string_view::npos)
      fail_at(static_cast<uint32_t>(tag), "comment is not closed: '#}' is missing");
    const char sign = end > at_ ? source_[end - 1] : '\0';
    at_ = end + 2;
    after_block(sign);
  }

  // What follows a closing block or comment tag: all whitespace, nothing, or one newline goes.
  void after_block(char sign) {
    if (sign == '-') {
      skip_space();
    } else if (sign != '+' && peek() == '\n') {
      ++at_;
    }
  }

  bool raw_begins(size_t) {
    const size_t back = at_;
    skip_space();
    if (looking_at("raw")) {
      at_ += 3;
      skip_space();
      if (looking_at("-%}")) {
        at_ += 3;
        skip_space();
        return true;
      }
      if (looking_at("%}")) {
        at_ += 2;
        return true;
      }
    }
    at_ = back;
    return false;
  }

  void raw(size_t tag) {
    for (size_t begin = source_.find("{%", at_); begin != std::string_view::npos;
         begin = source_.find("{%", begin + 1)) {
      const size_t data = at_;
      at_ = begin + 2;
      const char sign = peek() == '-' || peek() == '+' ? peek() : '\0';
      if (sign) ++at_;
      skip_space();
      if (looking_at("endraw")) {
        at_ += 6;
        skip_space();
        const char end_sign = peek() == '-' || peek() == '+' ? peek() : '\0';
        if (looking_at("%}", at_ + (end_sign ? 1 : 0))) {
          const size_t resume = at_ + (end_sign ? 3 : 2);
          at_ = data;
          add_data(begin, sign, false);
          at_ = resume;
          return after_block(end_sign);
        }
      }
      at_ = data;
    }
    fail_at(static_cast<uint32_t>(tag), "raw block is not closed: '{% endraw %}' is missing");
  }

  void inside(bool block, size_t tag) {
    brackets_.clear();
    while (true) {
      skip_space();
      if (at_ >= source_.size()) {
        fail_at(static_cast<uint32_t>(tag),
                fmt::format("tag is not closed: '{}' is missing", block ? "%}" : "}}"));
      }
      if (brackets_.empty() && (block ? block_ends() : variable_ends())) return;
      token();
    }
  }

  bool block_ends() {
    const char sign = peek() == '-' || peek() == '+' ? peek() : '\0';
    if (!looking_at("%}", at_ + (sign ? 1 : 0))) return false;
    add(TokenType::block_end, at_, "");
    at_ += sign ? 3 : 2;
    after_block(sign);
    return true;
  }

  bool variable_ends() {
    const bool strips = peek() == '-';
    if (!looking_at("}}", at_ + (strips ? 1 : 0))) return false;
    add(TokenType::variable_end, at_, "");
    at_ += strips ? 3 : 2;
    if (strips) skip_space();
    return true;
  }

  void token() {
    const char c = peek();
    if (is_ascii_digit(c)) return number();
    if (c == '\'' || c == '"') return string(c);
    const size_t start = at_;
    while (at_ < source_.size()) {
      const CodePoint point = decode(source_, at_);
      if (!is_word(point.value)) break;
      at_ += point.size;
    }
    if (at_ > start) return add(TokenType::name, start, std::string(source_.substr(start, at_ - start)));
    punctuation();
  }

  // Digits with single underscores between them.
  std::string digits(std::string_view allowed) {
    std::string out;
    const auto belongs = [&](char d) { return d != '\0' && allowed.find(d) != std::string_view::npos; };
    while (belongs(peek()) || (peek() == '_' && !out.empty() && belongs(peek(1)))) {
      if (peek() != '_') out.push_back(peek());
      ++at_;
    }
    return out;
  }

  void number() {
    constexpr std::string_view kDecimal = "0123456789";
    const size_t start = at_;
    const bool after_dot = start > 0 && source_[start - 1] == '.';
    const char marker = static_cast<char>(peek(1) | 0x20);
    if (peek() == '0' && !after_dot && (marker == 'x' || marker == 'o' || marker == 'b')) {
      at_ += 2;
      const std::string value = digits(marker == 'x'   ? "0123456789abcdefABCDEF"
                                       : marker == 'o' ? "01234567"
                                                       : "01");
      if (!value.empty()) return add(TokenType::integer, start, fmt::format("0{}{}", marker, value));
      at_ = start;
    }
    std::string text = digits(kDecimal);
    bool whole = true;
    if (!after_dot && peek() == '.' && is_ascii_digit(peek(1))) {
      ++at_;
      text += ".";
      text += digits(kDecimal);
      whole = false;
    }
    const size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
    if (!after_dot && (peek() | 0x20) == 'e' && is_ascii_digit(peek(1 + sign))) {
      text += "e";
      text += source_.substr(at_ + 1, sign);
      at_ += 1 + sign;
      text += digits(kDecimal);
      whole = false;
    }
    add(whole ? TokenType::integer : TokenType::number, start, std::move(text));
  }

  void string(char quote) {
    const size_t start = at_++;
    const size_t body = at_;
    while (at_ < source_.size() && source_[at_] != quote) at_ += source_[at_] == '\\' ? 2 : 1;
    if (at_ >= source_.size()) fail_at(static_cast<uint32_t>(start), "string is not closed");
    std::string error;
    auto value = unescape(source_.substr(body, at_ - body), &error);
    if (!value) fail_at(static_cast<uint32_t>(start), error);
    ++at_;
    add(TokenType::string, start, std::move(*value));
  }

  void punctuation() {
    static constexpr std::string_view kLong[] = {"//", "**", "==", "!=", ">=", "<="};
    const auto offset = static_cast<uint32_t>(at_);
    std::string_view text;
    for (const std::string_view two : kLong) {
      if (looking_at(two)) text = two;
    }
    if (text.empty()) {
      const CodePoint c = decode(source_, at_);
      text = source_.substr(at_, c.size);
      if (std::string_view("+-/*%~[](){}><=.:|,;").find(text) == std::string_view::npos) {
        fail_at(offset, fmt::format("unexpected character '{}'", text));
      }
    }
    balance(text, offset);
    add(TokenType::op, at_, std::string(text));
    at_ += text.size();
  }

  // Inside brackets "}}" and "%}" are not ends of tags.
  void balance(std::string_view text, uint32_t offset) {
    if (text == "(") brackets_.push_back(')');
    if (text == "[") brackets_.push_back(']');
    if (text == "{") brackets_.push_back('}');
    if (text != ")" && text != "]" && text != "}") return;
    if (brackets_.empty()) fail_at(offset, fmt::format("unexpected '{}'", text));
    if (brackets_.back() != text[0]) {
      fail_at(offset, fmt::format("unexpected '{}', expected '{}'", text, brackets_.back()));
    }
    brackets_.pop_back();
  }

  std::string_view source_;
  size_t at_ = 0;
  std::string brackets_;  // the closing brackets that are due, innermost last
  std::vector<Token> tokens_;
};

}  // namespace

std::string normalise_newlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out.push_back('\n');
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out.push_back(source[i]);
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

std::vector<Token> tokenize(std::string_view source) { return Lexer(source).run(); }

}  // namespace qnext::jinja
