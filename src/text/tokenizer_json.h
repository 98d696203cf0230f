// Reads the tokenizer.json of Hugging Face.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "text/tokenizer_spec.h"

namespace qnext {

// The tokenizer of a tokenizer.json, as far as it is byte-level BPE: normaliser NFC or none; pre-tokenizers
// Split and ByteLevel. The post-processor is not read: nothing is put around a text. `label` (usually the
// path) starts every error; what the file asks for beyond that is one, so that no text gets other ids without
// a word.
Result<TokenizerSpec> tokenizer_spec_from_json(std::string_view text, const std::string& label);

}  // namespace qnext
