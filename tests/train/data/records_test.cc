#include "train/data/records.h"

#include "train/data/support.h"

namespace qnext::train {
namespace {

using Pairs = std::vector<std::pair<std::string, int64_t>>;

Pairs pairs(const std::vector<Record>& records) {
  Pairs out;
  for (const Record& record : records) out.emplace_back(record.text, record.line);
  return out;
}

TEST(Records, TextIsCutAtSeparatorLines) {
  const std::string text =
      "one\ntwo\n<|endoftext|>\n\n  three\n<|endoftext|>\r\n \n<|endoftext|>\nfour <|endoftext|>";
  EXPECT_EQ(pairs(text_records(text, "<|endoftext|>")),
            (Pairs{{"one\ntwo", 1}, {"  three", 5}, {"four <|endoftext|>", 9}}));
}

TEST(Records, TextWithoutSeparatorIsOneDocument) {
  EXPECT_EQ(pairs(text_records("\xef\xbb\xbf"
                               "a\n\nb\n",
                               "---")),
            (Pairs{{"a\n\nb", 1}}));
  EXPECT_EQ(pairs(text_records("a\n\nb\n", "")), (Pairs{{"a", 1}, {"b", 3}}));
}

TEST(Records, NothingMakesNoDocument) {
  for (const char* text : {"", "\n", "\n\n \t\n", "---\n---\n", "---"}) {
    EXPECT_TRUE(text_records(text, "---").empty()) << text;
  }
  EXPECT_TRUE(json_records("\n \r\n").empty());
}

TEST(Records, JsonLinesAreCounted) {
  EXPECT_EQ(pairs(json_records("\xef\xbb\xbf{}\r\n\n[]")), (Pairs{{"{}", 1}, {"[]", 3}}));
}

using SourceFiles = test::FolderTest;

TEST_F(SourceFiles, OfAFolderAreSortedAndOnlyText) {
  write("b.txt", "x");
  write("a/z.jsonl", "x");
  write("a/picture.png", "x");
  write(".hidden/a.txt", "x");
  write(".b.txt", "x");
  write("c.md", "x");
  const auto files = source_files({.path = folder_.string()});
  ASSERT_TRUE(files.ok());
  EXPECT_EQ(*files, (std::vector<std::string>{path("a/z.jsonl"), path("b.txt"), path("c.md")}));
}

TEST_F(SourceFiles, ErrorsNameThePath) {
  EXPECT_EQ(source_files({.path = path("none")}).error().message(),
            path("none") + ": cannot open: No such file or directory");
  EXPECT_EQ(source_files({.path = folder_.string()}).error().message(),
            folder_.string() + ": the folder holds no *.txt, *.md, *.jsonl or *.ndjson file");
}

}  // namespace
}  // namespace qnext::train
