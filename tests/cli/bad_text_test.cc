// Tokenizers, templates, prompts, lists of ids, and what comes on standard input.
#include <gtest/gtest.h>

#include "cli/models.h"

namespace qnext {
namespace {

class BadText : public ::testing::Test {
 protected:
  BadText() : model_(small_model(scratch_, "model", true)) {
    messages_ = scratch_.file("messages.json", R"([{"role": "user", "content": "hi"}])");
  }
  Ran tokenize(const std::string& input, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments{"tokenize", model_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    RunOptions options;
    options.input = input;
    return qnext(arguments, options);
  }
  Ran with_tokenizer(const std::function<void(Json&)>& change) {
    Json json = small_tokenizer();
    change(json);
    write_json(model_ + "/tokenizer.json", json);
    return tokenize("\"hello\"\n");
  }
  Ran with_template(const std::string& source) {
    write_all(model_ + "/chat_template.jinja", source);
    return render(messages_);
  }
  Ran render(const std::string& messages) { return qnext({"template", model_, "--messages", messages}); }

  Scratch scratch_;
  std::string model_, messages_;
};

TEST_F(BadText, TokenizerFile) {
  const std::string name = "tokenizer.json: ";
  const auto with_text = [&](const std::string& text) {
    write_all(model_ + "/tokenizer.json", text);
    return tokenize("\"x\"\n");
  };
  expect_error(with_text(""), 1, {name + "not valid JSON"});
  expect_error(with_text("[]"), 1, {name + "an object expected"});
  expect_error(with_text("{}"), 1, {name + "model"});
  expect_error(with_text(std::string(100000, '[')), 1, {name + "JSON at byte", "deeper"});
  expect_error(with_tokenizer([](Json& t) { t["model"]["type"] = "Unigram"; }), 1,
               {name + "model.type: \"Unigram\""});
  expect_error(with_tokenizer([](Json& t) { t["model"]["vocab"]["x"] = -1; }), 1,
               {name + "model.vocab", "-1"});
  expect_error(with_tokenizer([](Json& t) { t["model"]["vocab"]["zz"] = 5; }), 1, {name, "5"});
  expect_error(with_tokenizer([](Json& t) { t["model"]["vocab"]["zz"] = 1 << 30; }), 1,
               {name + "model.vocab"});
  expect_error(with_tokenizer([](Json& t) { t["model"]["merges"].push_back("nospace"); }), 1,
               {name + "model.merges[3]", "nospace"});
  expect_error(with_tokenizer([](Json& t) { t["model"]["merges"].push_back("zz yy"); }), 1, {name, "zz"});
  expect_error(with_tokenizer([](Json& t) { t["model"]["merges"].push_back(5); }), 1,
               {name + "model.merges[3]", "5"});
  expect_error(with_tokenizer([](Json& t) { t["normalizer"]["type"] = "NFKC"; }), 1,
               {name + "normalizer", "NFKC"});
  expect_error(with_tokenizer([](Json& t) { t["pre_tokenizer"] = nullptr; }), 1, {name + "pre_tokenizer"});
  expect_error(
      with_tokenizer([](Json& t) { t["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "(a"; }), 1,
      {name + "pre_tokenizer", "(a"});
  expect_error(with_tokenizer([](Json& t) { t["decoder"]["type"] = "WordPiece"; }), 1, {name + "decoder"});
  expect_error(with_tokenizer([](Json& t) { t["added_tokens"][0]["id"] = -1; }), 1,
               {name + "added_tokens[0]"});
  expect_error(with_tokenizer([](Json& t) { t["added_tokens"][0]["id"] = 3; }), 1, {name, "3"});
  expect_error(with_tokenizer([](Json& t) { t["added_tokens"][0]["content"] = 3; }), 1,
               {name + "added_tokens[0]", "content"});
}

TEST_F(BadText, TokenizerConfig) {
  const auto with_text = [&](const std::string& text) {
    write_all(model_ + "/tokenizer_config.json", text);
    return render(messages_);
  };
  const std::string name = "tokenizer_config.json: ";
  expect_error(with_text("x"), 1, {name + "not valid JSON"});
  expect_error(with_text(R"({"chat_template": 5})"), 1, {name + "field chat_template", "5"});
  expect_error(with_text(R"({"chat_template": [{"name": "tool", "template": "x"}]})"), 1,
               {name + "field chat_template"});
  expect_error(with_text(R"({"chat_template": [5]})"), 1, {name + "chat_template"});
  expect_error(with_text(R"({"chat_template": "x", "eos_token": 5})"), 1, {name + "field eos_token", "5"});
  expect_error(with_text("{}"), 1, {"the model has no chat template"});
}

TEST_F(BadText, Templates) {
  const std::string name = "chat template";
  expect_error(with_template("{{ messages[0"), 1, {name, "line 1"});
  expect_error(with_template("a\n{% if x %}b"), 1, {name, "line"});
  expect_error(with_template("{{ x|nothing }}"), 1, {name, "nothing"});
  expect_error(with_template("{{ raise_exception('No\nway') }}"), 1, {"No way"});
  expect_error(with_template("{{ messages[0].content / 0 }}"), 1, {name});
  expect_error(
      with_template("{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}"), 1,
      {name});
  expect_error(with_template("{{ 'x' * 1000000000 }}"), 1, {name});
  expect_error(with_template("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"), 1, {name, "nested"});
  EXPECT_EQ(with_template(std::string(20000, '(')).code, 0);  // text, not an expression
  expect_error(with_template("{{ " + std::string(20000, '(')), 1, {name});
}

TEST_F(BadText, Messages) {
  const auto with_text = [&](const std::string& text) { return render(scratch_.file("m.json", text)); };
  expect_error(render(scratch_.path("none")), 1, {"none: cannot open"});
  expect_error(with_text("x"), 1, {"m.json: not valid JSON"});
  expect_error(with_text("{}"), 1, {"m.json: expected a JSON list"});
  expect_error(with_text("[5]"), 1, {"m.json: messages[0]", "5"});
  expect_error(with_text(R"([{"role": 5}])"), 1, {"m.json: messages[0].role", "5"});
  expect_error(with_text(R"([{"role": "user", "content": 5}])"), 1, {"m.json: messages[0].content", "5"});
  expect_error(qnext({"template", model_, "--messages", messages_, "--tools", scratch_.file("t.json", "5")}),
               1, {"t.json"});
  expect_error(
      qnext({"template", model_, "--messages", messages_, "--tools", scratch_.file("t.json", "[5]")}), 1,
      {"t.json: tools[0]", "5"});
  expect_error(qnext({"template", model_, "--messages", messages_, "--set", "x"}), 1, {"--set", "x"});
  expect_error(qnext({"template", model_, "--messages", messages_, "--set", "x={"}), 1, {"--set x", "JSON"});
}

TEST_F(BadText, Prompts) {
  expect_error(qnext({"run", model_, "-p", ""}), 1, {"the prompt is empty"});
  expect_error(qnext({"run", model_, "-f", scratch_.file("empty", "")}), 1, {"the prompt is empty"});
  expect_error(qnext({"run", model_, "-f", scratch_.path("none")}), 1, {"none: cannot open"});
  expect_error(qnext({"run", model_, "-f", scratch_.path("")}), 1, {"is a folder"});
  expect_error(qnext({"run", model_, "--raw", "-p", std::string(300, 'x')}), 1, {"300 tokens", "256"});
  expect_error(qnext({"run", model_, "--raw", "-p", "x", "--system", "y"}), 1, {"--system"});
  expect_error(qnext({"run", tiny(), "-p", "x"}), 1, {"tiny: the model has no tokenizer"});
  expect_error(qnext({"perplexity", model_, "-f", scratch_.file("empty", "")}), 1, {"empty: too short"});
  expect_error(qnext({"perplexity", model_, "-f", scratch_.file("one", "x")}), 1, {"one: too short"});
  EXPECT_EQ(qnext({"run", model_, "--raw", "-p", "\xff\xfe bytes", "-n", "1"}).code, 0);
}

TEST_F(BadText, Lines) {
  expect_error(tokenize("nope\n"), 1, {"standard input: line 1: not valid JSON"});
  expect_error(tokenize("[1]\n"), 1, {"standard input: line 1: expected a JSON string, got [1]"});
  expect_error(tokenize("5\n", {"--decode"}), 1, {"line 1: expected a JSON list of ids, got 5"});
  for (const char* id : {"-1", "1.5", "\"x\"", "4294967296", "18446744073709551615", "null"}) {
    expect_error(tokenize(std::string("[") + id + "]\n", {"--decode"}), 1,
                 {"line 1: expected a token id, got", id});
  }
  EXPECT_EQ(tokenize("").code, 0);
}

TEST_F(BadText, TokenFiles) {
  const auto generate = [&](const std::string& text) {
    return qnext({"generate-ids", model_, "--tokens", scratch_.file("ids.json", text), "-n", "1"});
  };
  const std::string name = "ids.json: ";
  expect_error(generate(""), 1, {name + "not valid JSON"});
  expect_error(generate("{}"), 1, {name + "expected a JSON list"});
  expect_error(generate("[]"), 1, {name + "the list of token ids is empty"});
  for (const char* id : {"320", "-1", "1.5", "\"1\"", "null", "18446744073709551615", "[1]"}) {
    expect_error(generate(std::string("[1, ") + id + "]"), 1,
                 {name + "element 1: expected a token id below 320", id});
  }
  expect_error(qnext({"generate-ids", model_, "--tokens", scratch_.path("none")}), 1, {"none: cannot open"});
  expect_error(qnext({"generate-ids", model_, "--tokens", scratch_.path("")}), 1, {"is a folder"});
}

}  // namespace
}  // namespace qnext
