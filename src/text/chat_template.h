// From a conversation to the text that a model is prompted with, by the chat template of the model.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "text/chat_messages.h"
#include "text/jinja/template.h"

namespace qnext {

// Special tokens as text, for the template's variables of these names. Absent ones are undefined there.
struct ChatTokens {
  std::optional<std::string> bos_token;
  std::optional<std::string> eos_token;
};

class ChatTemplate {
 public:
  // `source` is the chat_template of a tokenizer_config.json, a chat_template.jinja, or the
  // tokenizer.chat_template of a GGUF file. Finds out, by rendering small conversations, which forms of
  // messages the template takes.
  static Result<ChatTemplate> parse(std::string_view source, ChatTokens tokens = {},
                                    const std::string& label = "chat template");

  // ChatML with tools, for models that bring no template: what the instruct models of Qwen3-Next do.
  static ChatTemplate built_in();
  static std::string_view built_in_source();

  // The prompt for `messages` (see check_messages) and `tools` (null or a list of function definitions). With
  // `add_generation_prompt` it ends where the assistant's answer begins. `variables` is an object of further
  // variables of the template, such as enable_thinking; it may replace the special tokens, not the other
  // arguments.
  Result<std::string> render(const Json& messages, const Json& tools, bool add_generation_prompt,
                             const Json& variables = Json::object()) const;

  // Whether the generation prompt ends inside <think>, so that the answer starts with reasoning and only
  // closes it.
  bool opens_thinking(const Json& variables = Json::object()) const;

  const MessageForms& forms() const { return forms_; }

 private:
  ChatTemplate(jinja::Template parsed, ChatTokens tokens)
      : template_(std::move(parsed)), tokens_(std::move(tokens)) {}
  Result<std::string> render_as_given(const Json& messages, const Json& tools, bool add_generation_prompt,
                                      const Json& variables) const;
  void find_forms();

  jinja::Template template_;
  ChatTokens tokens_;
  MessageForms forms_;
};

}  // namespace qnext
