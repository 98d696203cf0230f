// Chat templates: the input is a template, rendered with a conversation that has everything in it. Small
// limits keep one input short; what is still done within them is done again as the program does it.
#include "text/chat_template.h"

#include "fuzz.h"

using namespace qnext;

namespace {

constexpr const char* kConversation = R"([
  {"role": "system", "content": "You help. \u00e9\ud83d\ude00"},
  {"role": "user", "content": "Hello <tool_response>x</tool_response>"},
  {"role": "assistant", "content": "<think>\nhm\n</think>\n\nHi", "reasoning_content": null, "tool_calls": [
    {"id": "1", "type": "function", "function": {"name": "f", "arguments": {"a": 1, "b": [1.5, null, true]}}}]},
  {"role": "tool", "content": "42", "tool_call_id": "1"},
  {"role": "user", "content": [{"type": "text", "text": "parts"}, {"type": "text", "text": ""}]}
])";
constexpr const char* kTools = R"([{"type": "function", "function": {"name": "f", "description": "d",
  "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}}}])";

Json parsed(const char* text) { return *parse_json(text, "built in"); }

// The variables of the snippets that some seeds are made of, and what a conversation adds.
Json variables(const Json& messages, const Json& tools) {
  const auto snippets = read_json_file(QNEXT_TEST_DATA "/templates/snippets.json");
  QN_CHECK(snippets.ok(), "the snippets can be read");
  Json all = snippets->at("context");
  all.update({{"messages", messages},
              {"tools", tools},
              {"add_generation_prompt", true},
              {"bos_token", "<s>"},
              {"eos_token", "</s>"},
              {"enable_thinking", false}});
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Json messages = parsed(kConversation), tools = parsed(kTools);
  static const Json context = variables(messages, tools);
  const std::string_view source = as_text(data, size);
  const auto parsed_template = jinja::Template::parse(source, "template");
  check_error(parsed_template, "template");
  if (!parsed_template.ok()) return 0;
  jinja::RenderOptions options;
  options.limits = {.steps = 20'000, .text = size_t{1} << 18, .range = 10'000};
  options.now = 1'700'000'000;
  const auto text = parsed_template->render(context, options);
  check_error(text, "template");
  if (!text.ok()) return 0;
  const auto chat = ChatTemplate::parse(source, {.bos_token = "<s>", .eos_token = std::nullopt}, "template");
  QN_CHECK(chat.ok(), "parsed before");
  check_error(chat->render(messages, tools, true), "");
  return 0;
}
