// Finds added tokens in text.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer_spec.h"

namespace qnext {

// A stretch of text, and the added token that it is: nullptr for plain text.
struct TextPart {
  size_t begin, end;  // byte offsets
  const AddedToken* token;
};

class AddedTokenMatcher {
 public:
  // A token and the text that it is looked for by: its content, or the normal form of that. The tokens
  // outlive the matcher; patterns are not empty.
  struct Pattern {
    std::string text;
    const AddedToken* token;
  };
  explicit AddedTokenMatcher(std::vector<Pattern> patterns);

  // The text cut at added tokens: leftmost first, at each place the longest. Parts come in the order in which
  // their ids belong. Empty text has no parts. Special tokens are left in the plain text unless
  // `parse_special`, and so are tokens whose single_word does not hold. White space that lstrip and rstrip
  // take belongs to the token's part.
  std::vector<TextPart> split(std::string_view text, bool parse_special) const;

 private:
  const Pattern* longest_at(std::string_view text, size_t at) const;

  std::vector<Pattern> patterns_;   // sorted by text
  std::array<bool, 256> begins_{};  // whether a pattern begins with this byte
};

}  // namespace qnext
