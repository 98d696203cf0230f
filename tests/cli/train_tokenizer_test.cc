// `qnext train-tokenizer`.
#include <gtest/gtest.h>

#include "cli/models.h"

namespace qnext {
namespace {

constexpr const char* kText =
    "The cat saw the dog. The dog saw the cat.\nThen the cat and the dog saw the other cat.\n";

class TrainTokenizer : public ::testing::Test {
 protected:
  Ran train(const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"train-tokenizer", "-o", folder_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return qnext(arguments);
  }
  bool nothing_written(const std::vector<std::string>& inputs) {
    auto names = scratch_.names();
    for (const std::string& input : inputs) std::erase(names, input);
    return names.empty();
  }
  // The ids of texts, one list for each.
  std::vector<std::vector<int>> ids(const std::vector<std::string>& texts) {
    RunOptions options;
    for (const std::string& text : texts) options.input += dump_json(Json(text)) + "\n";
    const Ran ran = qnext({"tokenize", folder_}, options);
    EXPECT_EQ(ran.code, 0) << ran.err;
    std::vector<std::vector<int>> all;
    for (size_t at = 0; at < ran.out.size(); at = ran.out.find('\n', at) + 1) {
      all.push_back(Json::parse(ran.out.substr(at, ran.out.find('\n', at) - at)).get<std::vector<int>>());
    }
    return all;
  }

  Scratch scratch_;
  const std::string folder_ = scratch_.path("tokenizer");
};

TEST_F(TrainTokenizer, WritesATokenizerThatTheProgramReads) {
  const std::string text = scratch_.file("text.txt", kText);
  const Ran ran = train({text, "--vocab-size", "275", "--special", "<|mask|>"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out + ran.err, "");
  const auto found = ids({" the", " cat", "<|endoftext|>", "<tool_call>", "<|mask|>", "!"});
  EXPECT_EQ(found[0].size(), 1u);
  EXPECT_EQ(found[1].size(), 1u);
  EXPECT_EQ(found[2], (std::vector<int>{267}));
  EXPECT_EQ(found[3], (std::vector<int>{270}));
  EXPECT_EQ(found[4], (std::vector<int>{274}));
  EXPECT_EQ(found[5], (std::vector<int>{0}));
  const std::string messages = scratch_.file("messages.json", R"([{"role": "user", "content": "hi"}])");
  EXPECT_EQ(qnext({"template", folder_, "--messages", messages}).out,
            "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n");
}

TEST_F(TrainTokenizer, DoesNotDependOnThreadsOrOnHowTextIsSplitAmongFiles) {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += "word" + std::to_string(i * i % 977) + " and " + kText;
  const std::string whole = scratch_.file("whole.txt", text);
  EXPECT_EQ(train({whole, "--vocab-size", "400", "-t", "1"}).code, 0);
  const std::string first = read_all(folder_ + "/tokenizer.json");
  EXPECT_EQ(train({whole, "--vocab-size", "400", "-t", "3"}).code, 0);
  EXPECT_EQ(read_all(folder_ + "/tokenizer.json"), first);
  const size_t line = text.find('\n', text.size() / 2) + 1;
  const std::string one = scratch_.file("one.txt", text.substr(0, line));
  const std::string two = scratch_.file("two.txt", text.substr(line));
  EXPECT_EQ(train({one, two, "--vocab-size", "400"}).code, 0);
  EXPECT_EQ(read_all(folder_ + "/tokenizer.json"), first);
}

// "role" and the braces of JSON are not learnt from, the template's "system" is.
TEST_F(TrainTokenizer, ReadsDocumentsOfJsonLines) {
  std::string lines;
  for (int i = 0; i < 3; ++i) {
    lines += R"({"text": "a\nzebra"})"
             "\n\n"
             R"({"messages": [{"role": "system", "content": "yes"}, {"role": "user", "content": "quartz"}]})"
             "\n";
  }
  const Ran ran = train({scratch_.file("text.jsonl", lines), "--vocab-size", "1000"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_NE(ran.err.find("the text gives "), std::string::npos) << ran.err;
  const auto found = ids({"zebra", "quartz", "system", "role", "content"});
  EXPECT_EQ(found[0].size(), 1u);
  EXPECT_EQ(found[1].size(), 1u);
  EXPECT_EQ(found[2].size(), 1u);
  EXPECT_GT(found[3].size(), 1u);
  EXPECT_GT(found[4].size(), 1u);
}

TEST_F(TrainTokenizer, SaysWhatIsWrongWithTheInput) {
  const std::string text = scratch_.file("text.txt", kText);
  const std::vector<std::string> size{"--vocab-size", "300"};
  const auto with = [&](const std::string& file, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {file, "--vocab-size", "300"});
    return train(more);
  };
  expect_error(with(scratch_.path("none")), 1, {"none: cannot open: No such file"});
  expect_error(with("/"), 1, {"/: is a folder"});
  expect_error(with(scratch_.file("bad.txt", "good\nbad \xFF\n")), 1,
               {"bad.txt: not valid UTF-8 at byte 9 (0xFF)"});
  expect_error(with(scratch_.file("empty.txt", "")), 1, {"empty.txt: no text to learn from"});
  expect_error(with(scratch_.file("list.jsonl", "{\"text\": \"x\"}\n[]\n")), 1,
               {"list.jsonl: line 2: an object expected"});
  expect_error(with(scratch_.file("other.jsonl", "{\"prompt\": \"x\"}\n")), 1,
               {"other.jsonl: line 1: field text"});
  expect_error(with(scratch_.file("role.jsonl", "\n{\"messages\": [{\"role\": 5}]}\n")), 1,
               {"role.jsonl: line 2: messages[0].role", "5"});
  expect_error(with(scratch_.file("half.jsonl", "{\"text\": \"x\"")), 1,
               {"half.jsonl: line 1: not valid JSON"});
  expect_error(with(scratch_.file("surrogate.jsonl", R"({"text": "\ud83d"})")), 1,
               {"surrogate.jsonl: line 1: not valid JSON"});
  expect_error(train({text, "--vocab-size", "262"}), 1, {"--vocab-size: 262", "263"});
  expect_error(train({text, "--vocab-size", "0"}), 2, {"--vocab-size"});
  expect_error(train({text}), 2, {"--vocab-size is required"});
  expect_error(with(text, {"--special", ""}), 1, {"--special: '' is empty"});
  expect_error(with(text, {"--special", "<a b>"}), 1, {"--special: '<a b>' has white space"});
  expect_error(with(text, {"--special", "<|im_end|>"}), 1, {"--special: '<|im_end|>' is there already"});
  expect_error(with(text, {"--special", "Q"}), 1, {"added token \"Q\" is also a token"});
  EXPECT_TRUE(nothing_written({"text.txt", "bad.txt", "empty.txt", "list.jsonl", "other.jsonl", "role.jsonl",
                               "half.jsonl", "surrogate.jsonl"}));
  expect_error(qnext({"train-tokenizer", text, "--vocab-size", "300", "-o", text}), 1,
               {"text.txt: cannot write: is a file"});
  expect_error(qnext({"train-tokenizer", text, "--vocab-size", "300", "-o", "/proc/none/x"}), 1,
               {"/proc/none/x: cannot make the folder"});
}

}  // namespace
}  // namespace qnext
