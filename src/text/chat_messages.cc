#include "text/chat_messages.h"

#include <fmt/format.h>

#include "text/shown.h"

namespace qnext {
namespace {

Error wrong(const std::string& place, std::string_view expected, const Json& got) {
  return Error(fmt::format("{}: {} expected, got {}", place, expected, shown(got)));
}

Error missing(const std::string& place, std::string_view expected) {
  return Error(fmt::format("{}: missing ({} expected)", place, expected));
}

const Json* member(const Json& object, const char* name) {
  const auto it = object.find(name);
  return it == object.end() ? nullptr : &*it;
}

Status check_content(const Json& content, const std::string& place) {
  if (content.is_string() || content.is_null()) return {};
  if (!content.is_array()) return wrong(place, "a string, null or a list of parts", content);
  for (size_t i = 0; i < content.size(); ++i) {
    const std::string part = fmt::format("{}[{}]", place, i);
    if (!content[i].is_object()) return wrong(part, "an object", content[i]);
    const Json* type = member(content[i], "type");
    if (!type) return missing(part + ".type", "a string");
    if (!type->is_string()) return wrong(part + ".type", "a string", *type);
  }
  return {};
}

Status check_calls(const Json& calls, const std::string& place) {
  if (calls.is_null()) return {};
  if (!calls.is_array()) return wrong(place, "a list", calls);
  for (size_t i = 0; i < calls.size(); ++i) {
    std::string call = fmt::format("{}[{}]", place, i);
    if (!calls[i].is_object()) return wrong(call, "an object", calls[i]);
    const Json* function = member(calls[i], "function");
    if (function) {
      call += ".function";
      if (!function->is_object()) return wrong(call, "an object", *function);
    }
    const Json* name = member(function ? *function : calls[i], "name");
    if (!name) return missing(call + ".name", "a string");
    if (!name->is_string()) return wrong(call + ".name", "a string", *name);
  }
  return {};
}

// The texts of parts as one; `place` is what messages call the content.
Result<std::string> joined_parts(const Json& parts, const std::string& place) {
  std::string text;
  for (size_t i = 0; i < parts.size(); ++i) {
    const Json* part_text = member(parts[i], "text");
    if (!part_text || !part_text->is_string()) {
      return Error(fmt::format("{}[{}]: this template takes text only, got a part of type {}", place, i,
                               shown(parts[i]["type"])));
    }
    if (i > 0) text += "\n";
    text += part_text->get_ref<const std::string&>();
  }
  return text;
}

Status spell_out_arguments(Json& calls, const std::string& place) {
  for (size_t i = 0; i < calls.size(); ++i) {
    const bool wrapped = calls[i].contains("function");
    Json& function = wrapped ? calls[i]["function"] : calls[i];
    const auto arguments = function.find("arguments");
    if (arguments == function.end() || !arguments->is_string()) continue;
    const std::string label = fmt::format("{}[{}]{}.arguments", place, i, wrapped ? ".function" : "");
    const std::string& text = arguments->get_ref<const std::string&>();
    QN_TRY(Json value, text.empty() ? Result<Json>(Json::object()) : parse_json(text, label));
    if (!value.is_object()) return wrong(label, "the JSON of an object", *arguments);
    *arguments = std::move(value);
  }
  return {};
}

}  // namespace

Status check_messages(const Json& messages) {
  if (!messages.is_array()) return wrong("messages", "a list", messages);
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string place = fmt::format("messages[{}]", i);
    const Json& message = messages[i];
    if (!message.is_object()) return wrong(place, "an object", message);
    const Json* role = member(message, "role");
    if (!role) return missing(place + ".role", "a string");
    if (!role->is_string()) return wrong(place + ".role", "a string", *role);
    if (const Json* content = member(message, "content")) {
      QN_RETURN_IF_ERROR(check_content(*content, place + ".content"));
    }
    if (const Json* calls = member(message, "tool_calls")) {
      QN_RETURN_IF_ERROR(check_calls(*calls, place + ".tool_calls"));
    }
  }
  return {};
}

Status check_tools(const Json& tools) {
  if (tools.is_null()) return {};
  if (!tools.is_array()) return wrong("tools", "a list", tools);
  for (size_t i = 0; i < tools.size(); ++i) {
    if (!tools[i].is_object()) return wrong(fmt::format("tools[{}]", i), "an object", tools[i]);
  }
  return {};
}

Result<Json> adapt_messages(const Json& messages, const MessageForms& forms) {
  Json out = messages;
  for (size_t i = 0; i < out.size(); ++i) {
    Json& message = out[i];
    const std::string place = fmt::format("messages[{}]", i);
    const Json* content = member(message, "content");
    if (!forms.null_content && (!content || content->is_null())) message["content"] = "";
    if (!forms.content_parts && content && content->is_array()) {
      QN_TRY(message["content"], joined_parts(*content, place + ".content"));
    }
    const auto calls = message.find("tool_calls");
    if (!forms.text_arguments && calls != message.end() && calls->is_array()) {
      QN_RETURN_IF_ERROR(spell_out_arguments(*calls, place + ".tool_calls"));
    }
  }
  return out;
}

}  // namespace qnext
