#include "text/chat_template.h"

#include <gtest/gtest.h>

#include "text/support.h"

namespace qnext {
namespace {

using namespace text_tests;

ChatTemplate parse(std::string_view source, ChatTokens tokens = {}) {
  auto chat = ChatTemplate::parse(source, std::move(tokens), "t");
  QN_CHECK(chat.ok(), chat.error().message());
  return std::move(chat).value();
}
std::string file(const std::string& name) {
  return read_text(std::string(QNEXT_TEST_DATA) + "/templates/" + name + ".jinja");
}
std::string qwen3_source() {
  return Json::parse(read_text(qwen3_file("tokenizer_config.json")))["chat_template"];
}

std::string error_of_messages(const char* messages) {
  const Status status = check_messages(Json::parse(messages));
  return status.ok() ? "no error" : status.error().message();
}

TEST(ChatMessages, TheFormOfMessages) {
  for (
      const char* good : {
          "[]",
          R"([{"role": "user"}])",
          R"([{"role": "user", "content": null}])",
          R"([{"role": "user", "content": "x", "anything": [1]}])",
          R"([{"role": "user", "content": []}])",
          R"([{"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "image"}]}])",
          R"([{"role": "assistant", "tool_calls": null}])",
          R"([{"role": "assistant", "tool_calls": []}])",
          R"([{"role": "assistant", "tool_calls": [{"function": {"name": "f"}}, {"name": "g", "arguments": 3}]}])",
      }) {
    EXPECT_EQ(error_of_messages(good), "no error") << good;
  }
}

TEST(ChatMessages, ErrorsNameThePlace) {
  const std::pair<const char*, const char*> cases[] = {
      {"{}", "messages: a list expected, got {}"},
      {"null", "messages: a list expected, got null"},
      {"[3]", "messages[0]: an object expected, got 3"},
      {R"([{"role": "user"}, {}])", "messages[1].role: missing (a string expected)"},
      {R"([{"role": 5}])", "messages[0].role: a string expected, got 5"},
      {R"([{"role": "user", "content": 7}])",
       "messages[0].content: a string, null or a list of parts expected, got 7"},
      {R"([{"role": "user", "content": {}}])",
       "messages[0].content: a string, null or a list of parts expected, got {}"},
      {R"([{"role": "user", "content": ["x"]}])", "messages[0].content[0]: an object expected, got \"x\""},
      {R"([{"role": "user", "content": [{"text": "x"}]}])",
       "messages[0].content[0].type: missing (a string expected)"},
      {R"([{"role": "user", "content": [{"type": 1}]}])",
       "messages[0].content[0].type: a string expected, got 1"},
      {R"([{"role": "a", "tool_calls": {}}])", "messages[0].tool_calls: a list expected, got {}"},
      {R"([{"role": "a", "tool_calls": [1]}])", "messages[0].tool_calls[0]: an object expected, got 1"},
      {R"([{"role": "a", "tool_calls": [{"function": 1}]}])",
       "messages[0].tool_calls[0].function: an object expected, got 1"},
      {R"([{"role": "a", "tool_calls": [{"function": {}}]}])",
       "messages[0].tool_calls[0].function.name: missing (a string expected)"},
      {R"([{"role": "a", "tool_calls": [{}]}])",
       "messages[0].tool_calls[0].name: missing (a string expected)"},
      {R"([{"role": "a", "tool_calls": [{"name": null}]}])",
       "messages[0].tool_calls[0].name: a string expected, got null"},
  };
  for (const auto& [messages, message] : cases) EXPECT_EQ(error_of_messages(messages), message);
}

TEST(ChatMessages, ErrorsShortenValues) {
  std::string role = "[";
  for (int i = 0; i < 99; ++i) role += "\"\u4f60\",";
  const std::string message = error_of_messages((R"([{"role": )" + role + "0]}]").c_str());
  EXPECT_LT(message.size(), 150u);
  EXPECT_EQ(dump_json(Json(message)).find("\ufffd"), std::string::npos) << message;
}

TEST(ChatMessages, TheFormOfTools) {
  EXPECT_TRUE(check_tools(nullptr).ok());
  EXPECT_TRUE(check_tools(Json::parse(R"([{"type": "function"}])")).ok());
  EXPECT_EQ(check_tools(Json::parse("{}")).error().message(), "tools: a list expected, got {}");
  EXPECT_EQ(check_tools(Json::parse("[{}, 1]")).error().message(), "tools[1]: an object expected, got 1");
}

TEST(ChatMessages, AdaptingSaysTheSame) {
  const MessageForms plain{.null_content = false, .content_parts = false, .text_arguments = false};
  const auto adapted = [&](const char* messages) {
    const auto out = adapt_messages(Json::parse(messages), plain);
    return out.ok() ? dump_json(*out) : out.error().message();
  };
  EXPECT_EQ(adapted(R"([{"role": "a"}, {"role": "b", "content": null}])"),
            R"([{"role":"a","content":""},{"role":"b","content":""}])");
  EXPECT_EQ(
      adapted(
          R"([{"role": "a", "content": [{"type": "text", "text": "x"}, {"type": "text", "text": "y"}]}])"),
      R"([{"role":"a","content":"x\ny"}])");
  EXPECT_EQ(adapted(R"([{"role": "a", "content": [{"type": "image_url", "image_url": {}}]}])"),
            "messages[0].content[0]: this template takes text only, got a part of type \"image_url\"");
  EXPECT_EQ(adapted(R"([{"role": "a", "content": "", "tool_calls": [
      {"function": {"name": "f", "arguments": "{\"x\": 1}"}}, {"name": "g", "arguments": ""}, {"name": "h", "arguments": {"y": 2}}]}])"),
            R"([{"role":"a","content":"","tool_calls":[{"function":{"name":"f","arguments":{"x":1}}},)"
            R"({"name":"g","arguments":{}},{"name":"h","arguments":{"y":2}}]}])");
  EXPECT_EQ(adapted(R"([{"role": "a", "tool_calls": [{"name": "g", "arguments": "[1]"}]}])"),
            "messages[0].tool_calls[0].arguments: the JSON of an object expected, got \"[1]\"");
  EXPECT_EQ(adapted(R"([{"role": "a", "tool_calls": [{"function": {"name": "g", "arguments": "{"}}]}])")
                .substr(0, 63),
            "messages[0].tool_calls[0].function.arguments: not valid JSON: p");
  const char* untouched = R"([{"role":"a","content":null,"tool_calls":[{"name":"f","arguments":"{}"}]}])";
  EXPECT_EQ(dump_json(*adapt_messages(Json::parse(untouched), {})), untouched);
}

TEST(ChatTemplate, FindsOutWhatATemplateTakes) {
  // Prints content as it is: null would be "None", parts would be the list.
  const ChatTemplate simple = parse(
      "{% for m in messages %}[{{ m.role }}:{{ m.content }}"
      "{% for c in m.tool_calls or [] %}{{ c.function.arguments | tojson }}{% endfor %}]{% endfor %}");
  EXPECT_FALSE(simple.forms().null_content);
  EXPECT_FALSE(simple.forms().content_parts);
  EXPECT_TRUE(simple.forms().text_arguments);
  const Json messages = Json::parse(
      R"([{"role": "a", "content": null}, {"role": "b", "content": [{"type": "text", "text": "x"}]}])");
  EXPECT_EQ(*simple.render(messages, nullptr, false), "[a:][b:x]");
  // Walks over arguments: a text is no object.
  const ChatTemplate walks = parse(
      "{% for m in messages %}{{ m.content }}{% for c in m.tool_calls or [] %}"
      "{% for k, v in c.function.arguments.items() %}{{ k }}={{ v }}{% endfor %}{% endfor %}{% endfor %}");
  EXPECT_FALSE(walks.forms().text_arguments);
  EXPECT_EQ(
      *walks.render(
          Json::parse(
              R"([{"role": "a", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": "{\"k\": 1}"}}]}])"),
          nullptr, false),
      "k=1");
  // Takes parts itself.
  const MessageForms forms = ChatTemplate::built_in().forms();
  EXPECT_TRUE(forms.null_content);
  EXPECT_TRUE(forms.content_parts);
  EXPECT_TRUE(forms.text_arguments);
  // Takes none of the conversations that are tried.
  const ChatTemplate picky = parse("{{ raise_exception('no') }}");
  EXPECT_TRUE(picky.forms().null_content);
  EXPECT_EQ(picky.render(Json::array(), nullptr, false).error().message(),
            "t line 1 column 19: the template says: no");
}

TEST(ChatTemplate, TokensAndVariables) {
  const ChatTemplate chat =
      parse("{{ bos_token }}|{{ eos_token is defined }}|{{ extra }}|{{ documents is none }}|{{ tools }}",
            {.bos_token = "<s>", .eos_token = std::nullopt});
  EXPECT_EQ(*chat.render(Json::array(), nullptr, false), "<s>|False||True|None");
  EXPECT_EQ(*chat.render(Json::array(), Json::array(), false, {{"extra", 3}, {"bos_token", "<b>"}}),
            "<b>|False|3|True|[]");
  EXPECT_EQ(chat.render(Json::array(), nullptr, false, Json::array()).error().message(),
            "template variables: an object expected");
  for (const char* name : {"messages", "tools", "add_generation_prompt"}) {
    EXPECT_EQ(chat.render(Json::array(), nullptr, false, {{name, 1}}).error().message(),
              std::string("template variable '") + name + "' cannot be set");
  }
  EXPECT_EQ(chat.render(3, nullptr, false).error().message(), "messages: a list expected, got 3");
  EXPECT_EQ(chat.render(Json::array(), 3, false).error().message(), "tools: a list expected, got 3");
}

TEST(ChatTemplate, ParseErrorsCarryTheLabel) {
  EXPECT_EQ(ChatTemplate::parse("{% if x %}", {}, "m/chat_template.jinja").error().message(),
            "m/chat_template.jinja line 1 column 4: tag 'if' is not closed: '{% endif %}' is missing");
}

TEST(ChatTemplate, OpensThinkingOnlyWhereTheAnswerBeginsInside) {
  EXPECT_FALSE(ChatTemplate::built_in().opens_thinking());
  EXPECT_FALSE(parse(file("instruct")).opens_thinking());
  EXPECT_FALSE(parse(file("coder")).opens_thinking());
  EXPECT_TRUE(parse(file("thinking")).opens_thinking());
  // Qwen3 lets the model write <think> itself, and closes an empty one where thinking is off.
  EXPECT_FALSE(parse(qwen3_source()).opens_thinking());
  EXPECT_FALSE(parse(qwen3_source()).opens_thinking({{"enable_thinking", false}}));
  const std::string source =
      "{% for m in messages %}{{ m.content }}<think>{% endfor %}{% if add_generation_prompt %}A:"
      "{% if mode == 'open' %}<think>\n{% elif mode == 'both' %}<think></think><think>{% elif mode == "
      "'closed' %}"
      "<think>\n\n</think>{% elif mode == 'fail' %}{{ raise_exception('x') }}{% endif %}{% endif %}";
  EXPECT_TRUE(parse(source).opens_thinking({{"mode", "open"}}));
  EXPECT_TRUE(parse(source).opens_thinking({{"mode", "both"}}));
  EXPECT_FALSE(parse(source).opens_thinking({{"mode", "closed"}}));
  EXPECT_FALSE(parse(source).opens_thinking({{"mode", "fail"}}));
  EXPECT_FALSE(parse(source).opens_thinking());
}

}  // namespace
}  // namespace qnext
