// The files of a tokenizer that was trained here: tokenizer.json and tokenizer_config.json.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/bpe_trainer.h"
#include "text/tokenizer_spec.h"

namespace qnext {

// What the tokenizers of Qwen3-Next have in common before any vocabulary: NFC and the expression that cuts
// words.
TokenizerSpec qwen_words_spec();

// Of the ChatML template: <|endoftext|>, <|im_start|> and <|im_end|> are special, <tool_call>, </tool_call>,
// <tool_response> and </tool_response> are not, as with Qwen3-Next. Ids are not set.
std::vector<AddedToken> chatml_tokens();

// qwen_words_spec() with the vocabulary of train_bpe(), then `added`, whose ids are set. Errors, without a
// label: an added token that is also a token of the vocabulary, or given twice.
Result<TokenizerSpec> trained_tokenizer(const BpeTraining& trained, std::vector<AddedToken> added);

// As the library `tokenizers` writes it; tokenizer_spec_from_json() gives the spec back. The spec's steps of
// cutting words must be splits.
Json tokenizer_json(const TokenizerSpec& spec);
// With the built-in chat template. Texts end with <|im_end|>, padding is <|endoftext|>.
Json tokenizer_config_json(const TokenizerSpec& spec);

// Writes both files into `folder`. A folder that does not exist appears only when it is whole; in one that
// exists, the files are replaced when both are written.
Status write_tokenizer_folder(const std::string& folder, const TokenizerSpec& spec);

}  // namespace qnext
