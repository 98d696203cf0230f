#include "train/run/evaluate.h"

#include "train/data/support.h"
#include "train/run/console.h"

namespace qnext::train {
namespace {

using EvaluateTest = test::FolderTest;

TEST_F(EvaluateTest, IsTheMeanOverTargets) {
  CorpusOptions options;
  options.sources = {{.path = write("a.txt", "abc"), .name = "a"}};
  options.held_out = {{.path = write("long.txt", "aaaaaaaaa"), .name = "long"},
                      {.path = write("short.txt", "bb"), .name = "short"}};
  options.sequence_length = 4;
  ThreadPool pool(1);
  const auto corpus = Corpus::build(options, test::byte_format(), pool);
  ASSERT_TRUE(corpus.ok()) << corpus.error().message();
  // The loss of a target is its number: 'a' is 97, 'b' 98, the end 256.
  int batches = 0;
  const Evaluation found = evaluate(*corpus, 7, 8, [&](const Batch& batch) {
    ++batches;
    LossSum sum;
    for (const int32_t target : batch.targets) {
      if (target == Batch::kNoTarget) continue;
      sum.nats += target;
      ++sum.targets;
    }
    return sum;
  });
  EXPECT_EQ(found.step, 7);
  EXPECT_EQ(batches, 3);
  ASSERT_EQ(found.by_source.size(), 2u);
  EXPECT_EQ(found.by_source[0].first, "long");
  EXPECT_DOUBLE_EQ(found.by_source[0].second, (8 * 97 + 256) / 9.0);
  EXPECT_DOUBLE_EQ(found.by_source[1].second, (98 + 256) / 2.0);
  EXPECT_DOUBLE_EQ(found.held_out, (8 * 97 + 256 + 98 + 256) / 11.0);
}

TEST(Due, AtMultiplesAndTheEnd) {
  EXPECT_TRUE(due(10, 5, 12));
  EXPECT_FALSE(due(11, 5, 12));
  EXPECT_TRUE(due(12, 5, 12));
  EXPECT_FALSE(due(11, 0, 12));
  EXPECT_TRUE(due(12, 0, 12));
}

TEST(Console, DescribesAStep) {
  StepRecord record{.step = 5, .cross_entropy = 2.3456};
  EXPECT_EQ(Console::describe(record, 812), "loss 2.346  812 tokens/s");
  record.least_expert = 0.421;
  record.most_expert = 2.06;
  EXPECT_EQ(Console::describe(record, 12345), "loss 2.346  12.3 k tokens/s  experts 0.42x to 2.1x");
}

TEST(Console, LinesThatStayGoToStderr) {
  testing::internal::CaptureStderr();
  {
    Console console(100, 0);
    console.step({.step = 50, .cross_entropy = 2.5, .lr = 0.001}, 1000, 2);
    console.evaluation({50, 2.75, {}});
    console.line("done");
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "step 50  held out 2.750  loss 2.500  500 tokens/s  lr 0.001  100 s left\ndone\n");
}

TEST(Duration, IsShort) {
  EXPECT_EQ(duration_text(-1), "0 s");
  EXPECT_EQ(duration_text(119.4), "119 s");
  EXPECT_EQ(duration_text(120), "2 min");
  EXPECT_EQ(duration_text(7139), "119 min");
  EXPECT_EQ(duration_text(3 * 3600 + 300), "3 h 05 min");
  EXPECT_EQ(duration_text(1e300), "a century");
}

}  // namespace
}  // namespace qnext::train
