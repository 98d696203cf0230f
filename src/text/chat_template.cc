#include "text/chat_template.h"

#include <fmt/format.h>

namespace qnext {
namespace {

// A question, and an answer that calls a tool.
Json probe(Json question, Json answer, Json arguments) {
  Json call = {{"id", "call_0"},
               {"type", "function"},
               {"function", {{"name", "probe"}, {"arguments", std::move(arguments)}}}};
  Json messages = Json::array();
  messages.push_back({{"role", "user"}, {"content", std::move(question)}});
  messages.push_back(
      {{"role", "assistant"}, {"content", std::move(answer)}, {"tool_calls", Json::array({call})}});
  return messages;
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

Result<ChatTemplate> ChatTemplate::parse(std::string_view source, ChatTokens tokens,
                                         const std::string& label) {
  QN_TRY(jinja::Template parsed, jinja::Template::parse(source, label));
  ChatTemplate out(std::move(parsed), std::move(tokens));
  out.find_forms();
  return out;
}

ChatTemplate ChatTemplate::built_in() {
  auto parsed = parse(built_in_source(), {}, "built-in chat template");
  QN_CHECK(parsed.ok(), parsed.error().message());
  return std::move(parsed).value();
}

// A form is given up when the template fails on it or prints it as Python would print a value, and does
// neither without it. Templates that take none of these conversations keep what they are given.
void ChatTemplate::find_forms() {
  const Json plain = Json::object();
  const Json object = {{"city", "Oslo"}};
  const auto rendered = [&](const Json& messages) -> std::optional<std::string> {
    auto text = render_as_given(messages, nullptr, false, plain);
    return text.ok() ? std::optional(std::move(text).value()) : std::nullopt;
  };
  const bool takes_calls = rendered(probe("question", "answer", object)).has_value();
  if (takes_calls) {
    forms_.text_arguments = rendered(probe("question", "answer", "{\"city\": \"Oslo\"}")).has_value();
    const auto null = rendered(probe("question", nullptr, object));
    forms_.null_content = null && !contains(*null, "None");
  }
  const Json question = Json::array({{{"role", "user"}, {"content", "question"}}});
  if (!rendered(question)) return;
  const Json parts = Json::array({{{"type", "text"}, {"text", "question"}}});
  const auto in_parts = rendered(Json::array({{{"role", "user"}, {"content", parts}}}));
  forms_.content_parts = in_parts && contains(*in_parts, "question") && !contains(*in_parts, "'type'") &&
                         !contains(*in_parts, "\"type\"");
}

Result<std::string> ChatTemplate::render_as_given(const Json& messages, const Json& tools,
                                                  bool add_generation_prompt, const Json& variables) const {
  Json context = Json::object();
  if (tokens_.bos_token) context["bos_token"] = *tokens_.bos_token;
  if (tokens_.eos_token) context["eos_token"] = *tokens_.eos_token;
  for (const auto& [name, value] : variables.items()) context[name] = value;
  context["messages"] = messages;
  context["tools"] = tools;
  context["documents"] = nullptr;
  context["add_generation_prompt"] = add_generation_prompt;
  return template_.render(context);
}

Result<std::string> ChatTemplate::render(const Json& messages, const Json& tools, bool add_generation_prompt,
                                         const Json& variables) const {
  QN_RETURN_IF_ERROR(check_messages(messages));
  QN_RETURN_IF_ERROR(check_tools(tools));
  if (!variables.is_object()) return Error("template variables: an object expected");
  for (const char* name : {"messages", "tools", "add_generation_prompt"}) {
    if (variables.contains(name)) return Error(fmt::format("template variable '{}' cannot be set", name));
  }
  QN_TRY(const Json adapted, adapt_messages(messages, forms_));
  return render_as_given(adapted, tools, add_generation_prompt, variables);
}

bool ChatTemplate::opens_thinking(const Json& variables) const {
  const Json question = Json::array({{{"role", "user"}, {"content", "question"}}});
  const auto with = render(question, nullptr, true, variables);
  const auto without = render(question, nullptr, false, variables);
  if (!with.ok() || !without.ok() || with->size() < without->size()) return false;
  const std::string added = with->substr(without->size());
  const size_t open = added.rfind("<think>");
  return open != std::string::npos && added.find("</think>", open) == std::string::npos;
}

}  // namespace qnext
