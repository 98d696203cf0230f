// Regular expressions as tokenizer files write them, which is the syntax of Oniguruma, put into that of PCRE2
// with the character classes that Oniguruma has.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace qnext {

// The PCRE2 pattern that matches what Oniguruma's would (compile it with UTF, UCP and MULTILINE). Classes
// (\s \w \d \h, \p{..} of general categories) are written out as far as the two libraries' tables differ.
// An error, without a label, names the construct where the two syntaxes part or that is not supported.
Result<std::string> pcre2_pattern(std::string_view onig);

// A pattern that matches exactly `text`.
std::string literal_pattern(std::string_view text);

}  // namespace qnext
