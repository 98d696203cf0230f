#include "train/data/encode.h"

#include "train/data/support.h"

namespace qnext::train {
namespace {

// Text of the ids; what is not learnt stands in brackets.
std::string marked(const Result<Encoded>& encoded) {
  if (!encoded.ok()) return encoded.error().message();
  const auto tokenizer = test::byte_tokenizer();
  std::string out;
  bool learnt = true;
  for (size_t i = 0; i < encoded->ids.size(); ++i) {
    if (learnt != (encoded->learn[i] != 0)) out += learnt ? "[" : "]";
    learnt = encoded->learn[i] != 0;
    out += tokenizer->token_bytes(encoded->ids[i]);
  }
  return out + (learnt ? "" : "]");
}

std::string json(const std::string& line, const TextFormat& format = test::byte_format()) {
  return marked(encode_json({line, 7}, format, "c.jsonl"));
}

TEST(Encode, TextIsLearntWithItsEnd) {
  EXPECT_EQ(marked(encode_text({"Hi there", 1}, test::byte_format(), "c")), "Hi there<|endoftext|>");
  EXPECT_EQ(json(R"({"text": "Hi", "id": 5})"), "Hi<|endoftext|>");
  TextFormat format = test::byte_format();
  format.end_of_text = -1;
  EXPECT_EQ(json(R"({"text": "Hi"})", format), "Hi");
}

TEST(Encode, SpecialTokensInADocumentStayText) {
  const auto encoded = encode_text({"a<|im_end|>", 1}, test::byte_format(), "c");
  EXPECT_EQ(encoded->ids.size(), 12u);
  EXPECT_EQ(encoded->ids.back(), test::kEndOfText);
}

TEST(Encode, TextMustBeUtf8) {
  EXPECT_EQ(marked(encode_text({"a\nb\n\xff", 5}, test::byte_format(), "c.txt")),
            "c.txt:7: not valid UTF-8: byte 0xff");
  EXPECT_NE(json("{\"text\": \"\xff\"}").find("c.jsonl:7"), std::string::npos);
}

TEST(Encode, OfAConversationTheAnswersAreLearnt) {
  EXPECT_EQ(
      json(R"({"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"},
                 {"role": "assistant", "content": "A"}, {"role": "user", "content": "R"},
                 {"role": "assistant", "content": "B"}, {"role": "user", "content": "end"}]})"),
      "[<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n]A<|im_end|>"
      "[\n<|im_start|>user\nR<|im_end|>\n<|im_start|>assistant\n]B<|im_end|>");
}

TEST(Encode, OfAConversationAllCanBeLearnt) {
  const Record record{
      R"({"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]})", 1};
  EXPECT_EQ(marked(encode_json(record, test::byte_format(), "c", Learn::kAll)),
            "<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\nA<|im_end|>");
}

TEST(Encode, CallsOfToolsAreLearntAndTheirResultsAreNot) {
  const std::string text = json(
      R"({"tools": [{"type": "function", "function": {"name": "now"}}], "messages": [{"role": "user", "content": "Q"},
      {"role": "assistant", "tool_calls": [{"function": {"name": "now", "arguments": {}}}]},
      {"role": "tool", "content": "noon"}, {"role": "assistant", "content": "Noon."}]})");
  EXPECT_NE(text.find("]<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call><|im_end|>["),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("[\n<|im_start|>user\n<tool_response>\nnoon"), std::string::npos) << text;
  EXPECT_TRUE(text.starts_with("[<|im_start|>system")) << text;
  EXPECT_TRUE(text.ends_with("]Noon.<|im_end|>")) << text;
}

TextFormat with_template(const std::string& source) {
  TextFormat format = test::byte_format();
  format.chat = *ChatTemplate::parse(source);
  return format;
}

const std::string kMessages =
    R"({"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "<A>"},
                     {"role": "user", "content": "R"}, {"role": "assistant", "content": "B"}]})";

TEST(Encode, APromptThatEndsInThinkingIsCutWhereEarlierTurnsGoOn) {
  const TextFormat format = with_template(
      "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}"
      "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n<think>\\n' }}{% endif %}");
  EXPECT_EQ(json(kMessages, format),
            "[<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n]<A><|im_end|>"
            "[\n<|im_start|>user\nR<|im_end|>\n<|im_start|>assistant\n]B<|im_end|>");
}

TEST(Encode, TemplatesThatCannotBeFollowedAreRefused) {
  const TextFormat reversed = with_template(
      "{% for m in messages|reverse %}{{ m.role + ' ' + m.content + '<|im_end|>' }}{% endfor %}");
  EXPECT_EQ(json(kMessages, reversed),
            "c.jsonl:7: field messages[1]: the chat template renders what comes before it in another way "
            "than as its "
            "prompt");
  const TextFormat endless = with_template("{% for m in messages %}{{ m.content }}{% endfor %}");
  EXPECT_EQ(
      json(kMessages, endless),
      "c.jsonl:7: field messages: the chat template puts no end-of-turn token after the assistant's turn");
  TextFormat nameless = test::byte_format();
  nameless.end_of_turn.clear();
  EXPECT_NE(json(kMessages, nameless).find("c.jsonl:7: field messages: the tokenizer names no token"),
            std::string::npos);
}

TEST(Encode, ErrorsOfALineNameFileLineAndField) {
  const std::pair<const char*, const char*> cases[] = {
      {"{\"text\": ", "c.jsonl:7: "},
      {"[1]", "c.jsonl:7: a JSON object is expected"},
      {"{\"txt\": \"a\"}", "c.jsonl:7: neither field text nor field messages"},
      {R"({"text": "a", "messages": []})", "c.jsonl:7: both field text and field messages"},
      {R"({"text": 5})", "c.jsonl:7: field text: a string expected, got 5"},
      {R"({"messages": 5})", "c.jsonl:7: messages: a list expected, got 5"},
      {R"({"messages": [{"content": "a"}]})", "c.jsonl:7: messages[0].role: missing"},
      {R"({"messages": [{"role": "assistant", "content": "a"}], "tools": [5]})",
       "c.jsonl:7: tools[0]: an object expected, got 5"},
      {R"({"messages": []})", "c.jsonl:7: field messages: no turn of the assistant"},
      {R"({"messages": [{"role": "user", "content": "a"}]})",
       "c.jsonl:7: field messages: no turn of the assistant"},
  };
  for (const auto& [line, message] : cases) {
    const std::string got = json(line);
    EXPECT_TRUE(got.starts_with(message)) << line << ": " << got;
  }
}

}  // namespace
}  // namespace qnext::train
