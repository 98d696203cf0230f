// A conversation and the prompt that a model's template makes of it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace qnext {

struct RenderedPrompt {
  std::string text;
  std::vector<int32_t> tokens;
};

class Conversation {
 public:
  // Both outlive the conversation.
  Conversation(const ChatTemplate& chat_template, const Tokenizer& tokenizer)
      : template_(chat_template), tokenizer_(tokenizer) {}

  void set_system(const std::string& text);  // "" for none
  void add(const std::string& role, const std::string& content);
  void drop_last() { turns_.erase(turns_.size() - 1); }
  void clear() { turns_ = Json::array(); }  // keeps the system message
  // With the template's opening of an answer.
  Result<RenderedPrompt> prompt() const;
  Json messages() const;  // the system message, if any, and the turns

 private:
  const ChatTemplate& template_;
  const Tokenizer& tokenizer_;
  std::string system_;
  Json turns_ = Json::array();
};

}  // namespace qnext
