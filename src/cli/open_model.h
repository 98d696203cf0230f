// From MODEL on the command line to a checkpoint, and to the tokenizer, template and defaults that come with
// it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "checkpoint/checkpoint.h"
#include "sample/params.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace qnext {

// What tokens are chosen for, where a model does not say how.
enum class Purpose {
  kText,  // to be read: sampled as the publishers of Qwen3-Next recommend
  kIds,   // to be compared: greedy
};

// The tokenizer and the template are made when they are first asked for: commands that take ids work
// without.
class OpenedModel {
 public:
  std::string label;  // as given, or "embedded model"; starts error messages
  Checkpoint checkpoint;

  // An error when the model has none, or a broken one.
  Result<std::shared_ptr<const Tokenizer>> tokenizer() const;
  // Null when the model has none.
  Result<std::shared_ptr<const ChatTemplate>> chat_template() const;
  // Ids of the model that the tokenizer has no text for, never to be generated; none when there is no
  // tokenizer.
  Result<std::vector<int32_t>> tokens_without_text() const;
  SamplingParams defaults(Purpose purpose) const;
  // Ids that end an answer.
  const std::vector<int64_t>& stop_tokens() const { return stop_tokens_; }

 private:
  friend Result<OpenedModel> open_model(const std::string& model, const std::string& lora);
  Status read_defaults();
  SamplingParams sampling_;
  bool sampling_stated_ = false;
  std::vector<int64_t> stop_tokens_;
  mutable std::shared_ptr<const Tokenizer> tokenizer_;
};

// `model` as in cli.md; "" is the embedded model. With `lora`, the folder of an adapter, its changes are in
// the weights.
Result<OpenedModel> open_model(const std::string& model, const std::string& lora = "");

// For its tokenizer and template only: a folder needs no configuration and no weights.
Result<OpenedModel> open_model_text(const std::string& model);

// The contents of a file, or of standard input for "-".
Result<std::string> read_text_input(const std::string& path);

}  // namespace qnext
