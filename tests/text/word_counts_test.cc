#include "text/word_counts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "text/support.h"
#include "text/text_reader.h"
#include "text/tokenizer_files.h"

namespace qnext {
namespace {

using namespace text_tests;

WordCounter counter_for(const TokenizerSpec& spec, int64_t most = WordCounter::kMostWords) {
  auto counter = WordCounter::create(spec, most);
  QN_CHECK(counter.ok(), counter.error().message());
  return std::move(counter).value();
}

std::vector<WordCount> count(const std::vector<std::string>& texts, int threads = 1) {
  TokenizerSpec spec = qwen_words_spec();
  spec.added_tokens = chatml_tokens();
  WordCounter counter = counter_for(spec);
  ThreadPool pool(threads);
  counter.add(texts, pool);
  return counter.counts();
}

TEST(WordCounts, CutsAsQwenDoes) {
  EXPECT_EQ(count({"It's it's 12 o'clock\n\n  x"}), (std::vector<WordCount>{{"\n\n", 1},
                                                                            {" ", 2},
                                                                            {" it", 1},
                                                                            {" o", 1},
                                                                            {" x", 1},
                                                                            {"'clock", 1},
                                                                            {"'s", 2},
                                                                            {"1", 1},
                                                                            {"2", 1},
                                                                            {"It", 1}}));
}

TEST(WordCounts, NormalisesAndLeavesAddedTokensOut) {
  EXPECT_EQ(count({"<|im_start|>cafe\u0301<|im_end|>\n", "caf\u00e9<tool_call>"}),
            (std::vector<WordCount>{{"\n", 1}, {"caf\u00e9", 2}}));
}

TEST(WordCounts, NoWordCrossesTheEndsOfTexts) {
  EXPECT_EQ(count({"ab", "ab", "", "abab"}), (std::vector<WordCount>{{"ab", 2}, {"abab", 1}}));
}

TEST(WordCounts, LongWordsAreCutBetweenCharacters) {
  std::string word;
  for (int i = 0; i < 5000; ++i) word += "\u00e9";
  const auto counts = count({word});
  ASSERT_EQ(counts.size(), 2u);
  EXPECT_EQ(counts[0].word.size() % 2, 0u);
  EXPECT_EQ(counts[0].word.size() + 2 * counts[1].word.size() == 10000 ||
                2 * counts[0].word.size() + counts[1].word.size() == 10000,
            true);
}

// A text of many kinds of characters, long enough for several threads.
std::vector<std::string> fixture_texts() {
  std::vector<std::string> texts;
  for (const FixtureLine& line : qwen3_fixture()) texts.push_back(line.text);
  return texts;
}

TEST(WordCounts, DoNotDependOnThreads) {
  const auto texts = fixture_texts();
  const auto one = count(texts);
  EXPECT_GT(one.size(), 10000u);
  EXPECT_EQ(one, count(texts, 3));
}

TEST(WordCounts, ForgetsRareWordsBeyondItsRoom) {
  WordCounter counter = counter_for(qwen_words_spec(), 320);
  ThreadPool pool(2);
  for (int i = 0; i < 50; ++i) {
    std::string text = "often often often often";
    for (int k = 0; k < 100; ++k)
      text += " r" + std::string(static_cast<size_t>(i) + 1, 'x') +
              std::string(1, static_cast<char>('a' + k % 26));
    counter.add(std::vector<std::string>{text}, pool);
  }
  const auto counts = counter.counts();
  EXPECT_LE(counts.size(), 320u);
  EXPECT_NE(std::find(counts.begin(), counts.end(), WordCount{" often", 150}), counts.end());
}

class Reading : public ::testing::Test {
 protected:
  // All pieces of a file with this content.
  std::vector<std::string> pieces(const std::string& content, size_t piece_bytes,
                                  TextReader::Cut cut = TextReader::Cut::words) {
    write(content);
    auto reader = TextReader::open(path_, cut, piece_bytes);
    QN_CHECK(reader.ok(), reader.error().message());
    std::vector<std::string> all;
    error_.clear();
    for (;;) {
      auto piece = (*reader)->next();
      if (!piece.ok()) error_ = piece.error().message();
      if (!piece.ok() || !*piece) return all;
      all.push_back(**piece);
    }
  }
  void write(const std::string& content) {
    FILE* file = std::fopen(path_.c_str(), "wb");
    QN_CHECK(file && std::fwrite(content.data(), 1, content.size(), file) == content.size(), "cannot write");
    std::fclose(file);
  }
  ~Reading() override { std::remove(path_.c_str()); }

  const std::string path_ =
      ::testing::TempDir() + "reading_" + ::testing::UnitTest::GetInstance()->current_test_info()->name();
  std::string error_;
};

std::string joined(const std::vector<std::string>& pieces) {
  std::string all;
  for (const std::string& piece : pieces) all += piece;
  return all;
}

// Counting pieces of any size counts the words of the whole.
TEST_F(Reading, PiecesHaveTheWordsOfTheWhole) {
  std::string text;
  for (const std::string& line : fixture_texts()) {
    text += line + (text.size() % 3 == 0 ? "\n" : " and so on\n\n  ");
    if (text.size() > 200000) break;
  }
  const auto whole = count({text});
  for (const size_t size : {200, 1000, 4099, 1 << 20}) {
    const auto cut = pieces(text, size);
    EXPECT_EQ(error_, "");
    EXPECT_EQ(joined(cut), text);
    EXPECT_GT(cut.size(), size < 100000 ? 10u : 0u);
    EXPECT_EQ(count(cut), whole) << size;
  }
}

TEST_F(Reading, TextWithoutBordersIsCutBetweenCharacters) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "\u4f60";
  const auto cut = pieces(text, 50);
  EXPECT_EQ(error_, "");
  EXPECT_GT(cut.size(), 5u);
  EXPECT_EQ(joined(cut), text);
}

TEST_F(Reading, LinesStayWhole) {
  EXPECT_EQ(pieces("one\ntwo\n\nthree", 5, TextReader::Cut::lines),
            (std::vector<std::string>{"one\n", "two\n\n", "three"}));
  EXPECT_TRUE(pieces(std::string(1000, 'x') + "\n", 5, TextReader::Cut::lines).empty());
  EXPECT_EQ(error_, path_ + ": the line at byte 0 is longer than 320 bytes");
}

TEST_F(Reading, NamesTheByteThatIsNotUtf8) {
  EXPECT_EQ(pieces("one two\nthree \xC3(", 8), (std::vector<std::string>{"one", " two\n"}));
  EXPECT_EQ(error_, path_ + ": not valid UTF-8 at byte 14 (0xC3)");
  (void)pieces("caf\xC3", 100);
  EXPECT_EQ(error_, path_ + ": not valid UTF-8 at byte 3 (0xC3)");
  EXPECT_TRUE(pieces("", 100).empty());
  EXPECT_EQ(error_, "");
}

TEST_F(Reading, MissingFilesAndFolders) {
  const auto missing = TextReader::open(path_ + ".none", TextReader::Cut::words);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().message(), path_ + ".none: cannot open: No such file or directory");
  EXPECT_EQ(TextReader::open("/", TextReader::Cut::words).error().message(), "/: is a folder, not a file");
}

}  // namespace
}  // namespace qnext
