// The tokenizer and the chat template that come with a checkpoint.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf_model_metadata.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace qnext {

// tokenizer.json of a folder, tokenizer.ggml.* of a GGUF file. Null when there is none. `label` starts error
// messages.
Result<std::shared_ptr<const Tokenizer>> load_tokenizer(const Checkpoint& checkpoint,
                                                        const std::string& label);

// The token that ends an answer according to a folder's tokenizer_config.json; nothing when it says none.
Result<std::optional<int32_t>> load_end_token(const Checkpoint& checkpoint, const Tokenizer& tokenizer);

// Null when there is none.
Result<std::shared_ptr<const ChatTemplate>> load_chat_template(const Checkpoint& checkpoint,
                                                               const std::string& label);

// A folder's tokenizer and template as a GGUF file holds them; nothing when the folder has no tokenizer.
Result<std::optional<GgufTokenizer>> tokenizer_for_gguf(const Checkpoint& checkpoint);

}  // namespace qnext
