#include "train/data/encode.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "text/utf8.h"

namespace qnext::train {
namespace {

Encoded encode_document(std::string_view text, const TextFormat& format) {
  Encoded out;
  out.ids = format.tokenizer->encode(text, {.parse_special = false});
  if (format.end_of_text >= 0) out.ids.push_back(format.end_of_text);
  out.learn.assign(out.ids.size(), 1);
  return out;
}

// The first `count` of the messages as a prompt, or as they stand in a conversation.
Result<std::string> render_first(const ChatTemplate& chat, const Json& messages, size_t count,
                                 const Json& tools, bool prompt) {
  const Json first(messages.begin(), messages.begin() + static_cast<std::ptrdiff_t>(count));
  return chat.render(count > 0 ? first : Json::array(), tools, prompt);
}

size_t common_prefix(std::string_view a, std::string_view b) {
  const size_t n = std::min(a.size(), b.size());
  return static_cast<size_t>(
      std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(n), b.begin()).first - a.begin());
}

// Where the turn of message `at` begins in the text `all` of the conversation: behind the prompt for it. Some
// templates end the prompt with what they leave out of earlier turns (an empty "<think>" block); there the
// turn begins after the last line of the prompt that both have.
Result<size_t> turn_begin(const ChatTemplate& chat, const Json& messages, size_t at, const Json& tools,
                          const std::string& all) {
  QN_TRY(const std::string prompt, render_first(chat, messages, at, tools, true));
  if (all.starts_with(prompt)) return prompt.size();
  QN_TRY(const std::string before, render_first(chat, messages, at, tools, false));
  const size_t common = common_prefix(prompt, all);
  const size_t line = common == 0 ? std::string::npos : prompt.rfind('\n', common - 1);
  if (line != std::string::npos && line + 1 > before.size() && all.starts_with(before)) return line + 1;
  return Error(
      fmt::format("field messages[{}]: the chat template renders what comes before it in another way than "
                  "as its prompt",
                  at));
}

Result<std::vector<size_t>> turn_begins(const ChatTemplate& chat, const Json& messages, const Json& tools,
                                        const std::string& all) {
  std::vector<size_t> begins;
  for (size_t i = 0; i < messages.size(); ++i) {
    if (messages[i]["role"] != "assistant") continue;
    QN_TRY(const size_t begin, turn_begin(chat, messages, i, tools, all));
    if (!begins.empty() && begin < begins.back()) {
      return Error(fmt::format("field messages[{}]: the chat template moves turns", i));
    }
    begins.push_back(begin);
  }
  if (begins.empty()) return Error("field messages: no turn of the assistant in it, so nothing to learn");
  return begins;
}

// Appends the ids of a piece of the conversation that begins with an assistant's turn, as far as the turn.
Status append_turn(std::string_view piece, const TextFormat& format, bool last, Encoded& out) {
  const std::vector<int32_t> ids = format.tokenizer->encode(piece);
  const auto end =
      std::find_first_of(ids.begin(), ids.end(), format.end_of_turn.begin(), format.end_of_turn.end());
  if (end == ids.end()) {
    return Error("field messages: the chat template puts no end-of-turn token after the assistant's turn");
  }
  const size_t learnt = static_cast<size_t>(end - ids.begin()) + 1;
  // What follows the last turn would be computed and never used.
  const size_t kept = last ? learnt : ids.size();
  out.ids.insert(out.ids.end(), ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(kept));
  out.learn.insert(out.learn.end(), learnt, 1);
  out.learn.resize(out.ids.size(), 0);
  return {};
}

Result<Encoded> encode_conversation(const Json& messages, const Json& tools, const TextFormat& format) {
  if (format.end_of_turn.empty()) {
    return Error(
        "field messages: the tokenizer names no token that ends a turn, so conversations cannot be learnt");
  }
  QN_TRY(const std::string all, format.chat.render(messages, tools, false));
  QN_TRY(const std::vector<size_t> begins, turn_begins(format.chat, messages, tools, all));
  // Prompt and answer are made into ids apart, as when the model is used.
  Encoded out;
  out.ids = format.tokenizer->encode(std::string_view(all).substr(0, begins.front()));
  out.learn.assign(out.ids.size(), 0);
  for (size_t i = 0; i < begins.size(); ++i) {
    const bool last = i + 1 == begins.size();
    const size_t end = last ? all.size() : begins[i + 1];
    QN_RETURN_IF_ERROR(
        append_turn(std::string_view(all).substr(begins[i], end - begins[i]), format, last, out));
  }
  return out;
}

}  // namespace

Result<Encoded> encode_text(const Record& record, const TextFormat& format, const std::string& path) {
  if (const size_t valid = valid_utf8_prefix(record.text); valid < record.text.size()) {
    const int64_t line =
        record.line +
        std::count(record.text.begin(), record.text.begin() + static_cast<std::ptrdiff_t>(valid), '\n');
    return Error(fmt::format("{}:{}: not valid UTF-8: byte 0x{:02x}", path, line,
                             static_cast<unsigned char>(record.text[valid])));
  }
  return encode_document(record.text, format);
}

Result<Encoded> encode_json(const Record& record, const TextFormat& format, const std::string& path,
                            Learn learn) {
  const std::string label = fmt::format("{}:{}", path, record.line);
  QN_TRY(const Json json, parse_json(record.text, label));
  if (!json.is_object()) return Error(label + ": a JSON object is expected");
  const JsonFields fields(json, label);
  if (fields.has("text") == fields.has("messages")) {
    return Error(label + (fields.has("text")
                              ? ": both field text and field messages, of which one is expected"
                              : ": neither field text nor field messages"));
  }
  if (fields.has("text")) {
    QN_TRY(const std::string text, fields.string("text"));
    return encode_document(text, format);
  }
  auto encoded = encode_conversation(json["messages"], fields.has("tools") ? json["tools"] : Json(), format);
  if (!encoded.ok()) return encoded.error().in(label);
  if (learn == Learn::kAll) std::fill(encoded->learn.begin(), encoded->learn.end(), uint8_t{1});
  return encoded;
}

}  // namespace qnext::train
