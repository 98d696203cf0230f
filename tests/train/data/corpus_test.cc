#include "train/data/corpus.h"

#include <set>

#include "train/data/support.h"

namespace qnext::train {
namespace {

class CorpusTest : public test::FolderTest {
 protected:
  Result<Corpus> build(CorpusOptions options, int threads = 2) {
    ThreadPool pool(threads);
    return Corpus::build(options, test::byte_format(), pool);
  }
  CorpusOptions of(std::vector<Source> sources, int64_t length = 8) {
    return {.sources = std::move(sources),
            .held_out = {},
            .held_out_share = 0,
            .held_out_tokens = 0,
            .sequence_length = length};
  }
  // Lines of JSON with `count` different documents.
  std::string many(const std::string& name, int count, const std::string& prefix = "doc ") {
    std::string text;
    for (int i = 0; i < count; ++i) text += "{\"text\": \"" + prefix + std::to_string(i) + "\"}\n";
    return write(name, text);
  }
};

std::string inputs(const Batch& batch) { return test::byte_tokenizer()->decode(batch.ids); }

TEST_F(CorpusTest, LongDocumentsAreCutAndEveryTokenIsPredictedOnce) {
  const auto corpus = build(of({{.path = write("a.txt", "abcdefghij")}}, 4));
  ASSERT_TRUE(corpus.ok()) << corpus.error().message();
  EXPECT_EQ(corpus->tokens(), 11u);
  ASSERT_EQ(corpus->parts()[0].stretches.size(), 3u);
  Batch batch;
  for (const Stretch& stretch : corpus->parts()[0].stretches) corpus->append(stretch, batch);
  EXPECT_EQ(batch.starts, (std::vector<int64_t>{0, 4, 8, 10}));
  EXPECT_EQ(inputs(batch), "abcdefghij");
  std::vector<int32_t> expected(batch.ids.begin() + 1, batch.ids.end());
  expected.push_back(test::kEndOfText);
  EXPECT_EQ(batch.targets, expected);
  EXPECT_EQ(corpus->learnt_tokens(), 10);
}

TEST_F(CorpusTest, StretchesOfAConversationWithoutAnAnswerAreLeftOut) {
  const std::string file = write("c.jsonl", R"({"messages": [{"role": "user", "content": "0123456789"},
                                 {"role": "assistant", "content": "ok"}]})");
  const std::string one_line = [&] {
    std::ifstream in(file);
    std::string all{std::istreambuf_iterator<char>(in), {}};
    std::replace(all.begin(), all.end(), '\n', ' ');
    return all;
  }();
  const auto corpus = build(of({{.path = write("d.jsonl", one_line)}}, 8));
  ASSERT_TRUE(corpus.ok()) << corpus.error().message();
  Batch batch;
  for (const Stretch& stretch : corpus->parts()[0].stretches) corpus->append(stretch, batch);
  std::string learnt;
  for (const int32_t target : batch.targets) {
    if (target != Batch::kNoTarget) learnt += test::byte_tokenizer()->token_bytes(target);
  }
  EXPECT_EQ(learnt, "ok<|im_end|>");
  EXPECT_LT(batch.tokens(), 17u);  // of 33
}

TEST_F(CorpusTest, DoesNotDependOnThreads) {
  const std::string file = many("a.jsonl", 500);
  EXPECT_EQ(build(of({{.path = file}}), 1)->fingerprint(), build(of({{.path = file}}), 3)->fingerprint());
}

TEST_F(CorpusTest, FingerprintTellsChangesApart) {
  const std::string file = many("a.jsonl", 5);
  std::set<std::string> seen{build(of({{.path = file}}))->fingerprint()};
  seen.insert(build(of({{.path = file}}, 3))->fingerprint());
  seen.insert(build(of({{.path = file, .weight = 2}}))->fingerprint());
  seen.insert(build(of({{.path = file}, {.path = file}}))->fingerprint());
  CorpusOptions held = of({{.path = file}});
  held.held_out_share = 0.2;
  seen.insert(build(held)->fingerprint());
  many("a.jsonl", 6);
  seen.insert(build(of({{.path = file}}))->fingerprint());
  EXPECT_EQ(seen.size(), 6u);
}

TEST_F(CorpusTest, AShareIsHeldOutByContent) {
  const std::string text = many("a.jsonl", 100);
  std::ifstream in(text);
  std::string all{std::istreambuf_iterator<char>(in), {}};
  CorpusOptions options = of({{.path = write("b.jsonl", all + all), .name = "b"}}, 64);
  options.held_out_share = 0.1;
  const auto corpus = build(options);
  ASSERT_TRUE(corpus.ok()) << corpus.error().message();
  ASSERT_EQ(corpus->held_out().size(), 1u);
  EXPECT_EQ(corpus->held_out()[0].name, "b");
  EXPECT_EQ(corpus->held_out()[0].stretches.size(), 20u);
  EXPECT_EQ(corpus->parts()[0].stretches.size(), 180u);
  std::set<std::string> held, learnt;
  for (const Stretch& stretch : corpus->held_out()[0].stretches) {
    Batch batch;
    corpus->append(stretch, batch);
    held.insert(inputs(batch));
  }
  for (const Stretch& stretch : corpus->parts()[0].stretches) {
    Batch batch;
    corpus->append(stretch, batch);
    EXPECT_FALSE(held.contains(inputs(batch)));
  }
  EXPECT_EQ(held.size(), 10u);
}

TEST_F(CorpusTest, HeldOutFilesAreCutIntoBatchesAndLimited) {
  CorpusOptions options = of({{.path = many("a.jsonl", 10), .name = "a"}}, 64);
  options.held_out = {{.path = many("h.jsonl", 30, "held "), .name = "h"}};
  const auto corpus = build(options);
  ASSERT_TRUE(corpus.ok());
  const auto batches = corpus->held_out_batches(corpus->held_out()[0], 20);
  size_t sequences = 0;
  for (const Batch& batch : batches) {
    EXPECT_LE(batch.tokens(), 20u);
    sequences += batch.sequences();
  }
  EXPECT_EQ(sequences, 30u);
  options.held_out_tokens = 50;
  const auto limited = build(options);
  size_t tokens = 0;
  for (const Stretch& stretch : limited->held_out()[0].stretches) tokens += stretch.length;
  EXPECT_GT(tokens, 35u);
  EXPECT_LE(tokens, 50u);
}

TEST_F(CorpusTest, RefusesWhatHoldsNothing) {
  EXPECT_EQ(build(of({{.path = write("e.txt", "")}})).error().message(),
            path("e.txt") + ": no text to learn from");
  EXPECT_EQ(build(of({{.path = write("f.jsonl", "\n{\"text\": \"\"}\n")}})).error().message(),
            path("f.jsonl") + ": no text to learn from");
  CorpusOptions options = of({{.path = write("g.txt", "abc")}});
  options.held_out_share = 0.5;
  EXPECT_NE(build(options).error().message().find("leaves nothing to learn from"), std::string::npos);
}

TEST_F(CorpusTest, ReportsTheFirstErrorOfAFile) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += i == 40 || i == 70 ? "{\"text\": 5}\n" : "{\"text\": \"a\"}\n";
  EXPECT_EQ(build(of({{.path = write("a.jsonl", text)}})).error().message(),
            path("a.jsonl") + ":41: field text: a string expected, got 5");
}

TEST_F(CorpusTest, RefusesWhatMayNotBeRead) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  const std::string file = write("a.txt", "abc");
  std::filesystem::permissions(file, std::filesystem::perms::none);
  EXPECT_EQ(build(of({{.path = file}})).error().message(), file + ": cannot open: Permission denied");
}

TEST_F(CorpusTest, RefusesWhatIsNoFile) {
  EXPECT_EQ(build(of({{.path = "/dev/null"}})).error().message(), "/dev/null: is not a regular file");
}

TEST_F(CorpusTest, LargeVocabulariesKeepTheirIds) {
  TokenStore narrow(1 << 15), wide((1 << 15) + 1);
  narrow.add({{32767, 0}, {1, 0}});
  wide.add({{32768, 151935}, {0, 1}});
  EXPECT_EQ(narrow.id(0), 32767);
  EXPECT_TRUE(narrow.learnt(0));
  EXPECT_FALSE(narrow.learnt(1));
  EXPECT_EQ(wide.id(0), 32768);
  EXPECT_EQ(wide.id(1), 151935);
  EXPECT_FALSE(wide.learnt(0));
  EXPECT_TRUE(wide.learnt(1));
}

}  // namespace
}  // namespace qnext::train
