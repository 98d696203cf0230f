// The words of a template: text outside tags, tag delimiters, and the tokens inside tags.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace qnext::jinja {

enum class TokenType {
  data,            // text outside tags, whitespace control already applied
  block_begin,     // {%
  block_end,       // %}
  variable_begin,  // {{
  variable_end,    // }}
  name,
  string,  // text holds the unescaped value
  integer,
  number,  // with a fraction or an exponent
  op,      // punctuation and operators
  end,     // of the template
};

struct Token {
  TokenType type;
  uint32_t offset;   // byte in the normalised source
  std::string text;  // as written, without the underscores of numbers
};

// Line ends become "\n" and one at the very end is dropped, as Jinja does; the offsets of tokens count in
// this text.
std::string normalise_newlines(std::string_view source);

// Splits normalised source with trim_blocks and lstrip_blocks on: the newline after a block or comment tag
// goes, and so do blanks before one that starts a line. The list ends with a token of type `end`. Throws
// Failure.
std::vector<Token> tokenize(std::string_view source);

}  // namespace qnext::jinja
