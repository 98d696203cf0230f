// The tokenizer as a GGUF file holds it. GGUF names the pre-tokenizer's expression instead of giving it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/tokenizer_spec.h"

namespace qnext {

// Types of tokens as tokenizer.ggml.token_type numbers them.
enum class GgufTokenType : int64_t {
  normal = 1,
  unknown = 2,
  control = 3,
  user_defined = 4,
  unused = 5,
  byte = 6
};

// tokenizer.ggml.tokens, .token_type and .merges ("left right"), and the name in .pre.
struct GgufVocabulary {
  std::string pre;
  std::vector<std::string> tokens;   // by id
  std::vector<int64_t> token_types;  // as many as tokens, or none: all normal
  std::vector<std::string> merges;
};

// `label` (usually the path) starts errors, which name the key: an unknown `pre`, a merge that is not two
// tokens, ...
Result<TokenizerSpec> tokenizer_spec_from_gguf(GgufVocabulary vocabulary, const std::string& label);

// The reverse. An error, when the tokenizer does what no `pre` stands for, or has what GGUF has no place for:
// added tokens with lstrip, rstrip, single_word, or (where there is a normaliser) normalized; merges of
// tokens with a space.
Result<GgufVocabulary> tokenizer_spec_to_gguf(const TokenizerSpec& spec, const std::string& label);

}  // namespace qnext
