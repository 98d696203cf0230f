// From a document to the ids that the model learns from.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"
#include "train/data/records.h"

namespace qnext::train {

// How text becomes ids. The tokens come from the checkpoint's tokenizer_config.json and
// generation_config.json.
struct TextFormat {
  std::shared_ptr<const Tokenizer> tokenizer;
  int32_t end_of_text = -1;  // learnt after every document that is no conversation; -1 for none
  ChatTemplate chat = ChatTemplate::built_in();
  std::vector<int32_t> end_of_turn;  // the tokens that end an assistant's turn; conversations need one
};

struct Encoded {
  std::vector<int32_t> ids;
  std::vector<uint8_t> learn;  // [ids] whether the token is to be predicted
};

// A document of plain text: all of it is learnt, and the end after it. Special tokens that are spelt out in
// the text stay text. `label` is the path, for errors: text that is not UTF-8 (with its line).
Result<Encoded> encode_text(const Record& record, const TextFormat& format, const std::string& path);

// One line of JSON: {"text": TEXT}, a document as above, or {"messages": [...], "tools": [...]}, a
// conversation. The chat template makes its text. Learnt is what the assistant would have to say: from where
// the prompt of its turn ends to the end-of-turn token, that included, or with Learn::kAll everything. Other
// members are not looked at. Errors start with PATH:LINE.
Result<Encoded> encode_json(const Record& record, const TextFormat& format, const std::string& path,
                            Learn learn = Learn::kAnswers);

}  // namespace qnext::train
