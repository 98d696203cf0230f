// Chat templates against @huggingface/jinja, and the template language against Python's Jinja2. The fixtures
// in tests/data/templates are written by tests/oracles/jinja_conversations.mjs and jinja_reference.py.
#include <gtest/gtest.h>

#include <map>

#include "text/chat_template.h"
#include "text/support.h"

namespace qnext {
namespace {

using namespace text_tests;

Json fixture(const std::string& name) {
  return Json::parse(read_text(std::string(QNEXT_TEST_DATA) + "/templates/" + name));
}

std::string source_of(const std::string& name) {
  if (name == "qwen3") return Json::parse(read_text(qwen3_file("tokenizer_config.json")))["chat_template"];
  return read_text(std::string(QNEXT_TEST_DATA) + "/templates/" + name + ".jinja");
}

class Conversations : public testing::TestWithParam<const char*> {};

TEST_P(Conversations, RenderAsExpected) {
  const std::string name = GetParam();
  const auto chat = ChatTemplate::parse(source_of(name));
  ASSERT_TRUE(chat.ok()) << chat.error().message();
  const auto plain = jinja::Template::parse(source_of(name));
  ASSERT_TRUE(plain.ok()) << plain.error().message();
  std::map<std::string, Json> conversations;
  for (const Json& c : fixture("conversations.json")) conversations[c["name"]] = c;
  const Json expected = fixture("expected_" + name + ".json");
  EXPECT_GE(expected.size(), 81u);
  for (const Json& e : expected) {
    const Json& c = conversations.at(e["name"]);
    const Json variables = c.value("variables", Json::object());
    const Json tools = c.value("tools", Json());
    const bool prompt = c["add_generation_prompt"];
    const auto text = chat->render(c["messages"], tools, prompt, variables);
    ASSERT_TRUE(text.ok()) << e["name"] << ": " << text.error().message();
    EXPECT_EQ(*text, e["text"].get<std::string>()) << e["name"];
    // The same without what ChatTemplate does to messages.
    Json context = variables;
    context["messages"] = c["messages"];
    context["tools"] = tools;
    context["add_generation_prompt"] = prompt;
    const auto same = plain->render(context);
    ASSERT_TRUE(same.ok()) << e["name"] << ": " << same.error().message();
    EXPECT_EQ(*same, *text) << e["name"];
  }
}

INSTANTIATE_TEST_SUITE_P(Templates, Conversations, testing::Values("qwen3", "instruct", "thinking", "coder"),
                         [](const auto& that) { return std::string(that.param); });

TEST(Templates, BuiltInOneIsTheFixture) {
  EXPECT_EQ(std::string(ChatTemplate::built_in_source()), source_of("instruct"));
}

// Each snippet gives the text that Jinja2 gives, or an error where Jinja2 raises one.
TEST(Snippets, RenderAsInJinja2) {
  const Json all = fixture("snippets.json");
  EXPECT_GE(all["cases"].size(), 200u);
  for (const Json& c : all["cases"]) {
    const std::string source = c["template"];
    const auto parsed = jinja::Template::parse(source);
    const auto text = parsed.ok() ? parsed->render(all["context"]) : Result<std::string>(parsed.error());
    if (c.contains("text")) {
      EXPECT_TRUE(text.ok()) << source << "\n" << text.error().message();
      EXPECT_EQ(text.ok() ? *text : "", c["text"].get<std::string>()) << source;
    } else {
      EXPECT_FALSE(text.ok()) << source << "\n" << *text;
      if (text.ok()) continue;
      const std::string& message = text.error().message();
      EXPECT_EQ(message.rfind("chat template line ", 0), 0u) << message;
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
  }
}

// Where Jinja2 and @huggingface/jinja part, it is Jinja2 that is followed.
TEST(Differences, FollowJinja2) {
  for (const Json& d : fixture("differences.json")) {
    const auto parsed = jinja::Template::parse(d["template"].get<std::string>());
    const auto text = parsed.ok() ? parsed->render(d["context"]) : Result<std::string>(parsed.error());
    EXPECT_NE(d["jinja2"], d["huggingface"]) << d["what"];
    EXPECT_EQ(text.ok() ? Json(*text) : Json(), d["jinja2"]) << d["what"];
  }
}

}  // namespace
}  // namespace qnext
