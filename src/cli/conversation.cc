#include "cli/conversation.h"

namespace qnext {

void Conversation::set_system(const std::string& text) { system_ = text; }

void Conversation::add(const std::string& role, const std::string& content) {
  turns_.push_back({{"role", role}, {"content", content}});
}

Json Conversation::messages() const {
  Json all = Json::array();
  if (!system_.empty()) all.push_back({{"role", "system"}, {"content", system_}});
  for (const Json& turn : turns_) all.push_back(turn);
  return all;
}

Result<RenderedPrompt> Conversation::prompt() const {
  RenderedPrompt prompt;
  QN_TRY(prompt.text, template_.render(messages(), Json(), true));
  prompt.tokens = tokenizer_.encode(prompt.text);
  return prompt;
}

}  // namespace qnext
