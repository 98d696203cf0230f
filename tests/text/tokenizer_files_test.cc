#include "text/tokenizer_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/files.h"
#include "text/support.h"
#include "text/tokenizer_json.h"

namespace qnext {
namespace {

using namespace text_tests;

TokenizerSpec trained() {
  const std::vector<WordCount> words = {{"the", 9}, {" the", 8}, {" cat", 5}, {"\u00e9t\u00e9", 4}};
  auto spec = trained_tokenizer(train_bpe(words, {.tokens = 270}), chatml_tokens());
  QN_CHECK(spec.ok(), spec.error().message());
  return std::move(spec).value();
}

TEST(TokenizerFiles, AreReadBackAsTheyWere) {
  const TokenizerSpec spec = trained();
  const auto read = tokenizer_spec_from_json(dump_json(tokenizer_json(spec)), "tokenizer.json");
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(read->vocab, spec.vocab);
  EXPECT_EQ(read->merges, spec.merges);
  EXPECT_EQ(read->added_tokens, spec.added_tokens);
  EXPECT_EQ(read->nfc, spec.nfc);
  EXPECT_EQ(read->pre_tokenizer, spec.pre_tokenizer);
  const auto tokenizer = make(*read);
  EXPECT_EQ(tokens(*tokenizer, "the the cat<|im_end|>e\u0301te\u0301"),
            (std::vector<std::string>{"the", " the", " cat", "<|im_end|>", "\u00e9t\u00e9"}));
  EXPECT_EQ(tokenizer->vocab_size(), static_cast<int32_t>(spec.vocab.size() + 7));
}

TEST(TokenizerFiles, TheWordsAreThoseOfQwen3) {
  EXPECT_EQ(qwen_words_spec().pre_tokenizer, qwen3_spec().pre_tokenizer);
  EXPECT_EQ(qwen_words_spec().nfc, qwen3_spec().nfc);
}

TEST(TokenizerFiles, AddedTokensMayNotBeTokensOfTheText) {
  const BpeTraining learnt = train_bpe(std::vector<WordCount>{{"the", 9}}, {.tokens = 300});
  EXPECT_EQ(trained_tokenizer(learnt, {{.content = "the"}}).error().message(),
            "added token \"the\" is also a token that the text gives");
  EXPECT_EQ(trained_tokenizer(learnt, {{.content = "<x>"}, {.content = "<x>"}}).error().message(),
            "added token \"<x>\" is there twice");
}

TEST(TokenizerFiles, AFolderAppearsWhole) {
  namespace fs = std::filesystem;
  const fs::path scratch = ::testing::TempDir() + "tokenizer_files_" + std::to_string(::getpid());
  const std::string folder = (scratch / "new" / "tokenizer").string();
  ASSERT_TRUE(write_tokenizer_folder(folder + "/", trained()).ok());
  ASSERT_TRUE(write_tokenizer_folder(folder, trained()).ok());  // again, over itself
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(scratch))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"new", "tokenizer", "tokenizer.json", "tokenizer_config.json"}));
  EXPECT_EQ(write_tokenizer_folder(folder + "/tokenizer.json", trained()).error().message(),
            folder + "/tokenizer.json: cannot write: is a file, not a folder");
  fs::remove_all(scratch);
}

}  // namespace
}  // namespace qnext
