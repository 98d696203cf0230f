#include "train/data/batches.h"

#include <algorithm>
#include <map>

#include "train/data/support.h"

namespace qnext::train {
namespace {

class BatchesTest : public test::FolderTest {
 protected:
  // Two sources of documents "a0", "a1", ... and "b0", "b1", ...
  Corpus corpus(int a, double weight_a, int b, double weight_b) {
    CorpusOptions options;
    options.sequence_length = 4;
    const auto add = [&](const std::string& name, int count, double weight) {
      std::string text;
      for (int i = 0; i < count; ++i) text += name + std::to_string(i) + "\n---\n";
      options.sources.push_back(
          {.path = write(name + ".txt", text), .name = name, .weight = weight, .separator = "---"});
    };
    add("a", a, weight_a);
    add("b", b, weight_b);
    ThreadPool pool(1);
    auto built = Corpus::build(options, test::byte_format(), pool);
    QN_CHECK(built.ok(), built.error().message());
    return std::move(built).value();
  }
};

std::vector<std::string> documents(const Batch& batch) {
  std::vector<std::string> out;
  for (size_t s = 0; s < batch.sequences(); ++s) {
    const std::span ids(batch.ids);
    const auto begin = static_cast<size_t>(batch.starts[s]), end = static_cast<size_t>(batch.starts[s + 1]);
    out.push_back(test::byte_tokenizer()->decode(ids.subspan(begin, end - begin)));
  }
  return out;
}

TEST_F(BatchesTest, ABatchIsAFunctionOfSeedAndStep) {
  const Corpus data = corpus(20, 1, 7, 1.5);
  Batches forward(data, {.seed = 5, .tokens = 16}), jumping(data, {.seed = 5, .tokens = 16});
  Batches other(data, {.seed = 6, .tokens = 16});
  std::vector<Batch> seen;
  bool differs = false;
  for (int64_t step = 0; step < 30; ++step) {
    seen.push_back(forward.at(step));
    differs |= other.at(step).ids != seen.back().ids;
  }
  EXPECT_TRUE(differs);
  for (const int64_t step : {29, 3, 3, 17, 0, 11}) {
    const Batch batch = jumping.at(step);
    EXPECT_EQ(batch.ids, seen[static_cast<size_t>(step)].ids);
    EXPECT_EQ(batch.starts, seen[static_cast<size_t>(step)].starts);
    EXPECT_EQ(batch.targets, seen[static_cast<size_t>(step)].targets);
  }
}

TEST_F(BatchesTest, BatchesAreFullButNotTooFull) {
  const Corpus data = corpus(100, 1, 100, 1);
  Batches batches(data, {.seed = 1, .tokens = 10});
  for (int64_t step = 0; step < 100; ++step) {
    const Batch batch = batches.at(step);
    EXPECT_LE(batch.tokens(), 10u);
    EXPECT_GT(batch.tokens(), 6u);  // the longest document has 3 tokens
  }
  Batches small(data, {.seed = 1, .tokens = 1});
  EXPECT_EQ(small.at(3).sequences(), 1u);
}

TEST_F(BatchesTest, EpochsHoldEveryDocumentByItsWeightInAnotherOrder) {
  const Corpus data = corpus(10, 2.5, 10, 0.25);
  Batches batches(data, {.seed = 9, .tokens = 2});  // two tokens: one document a batch
  std::map<std::string, int> times;
  std::vector<std::string> order;
  int64_t step = 0;
  // Four epochs hold each a ten times and each b once.
  for (; step < 110; ++step) {
    for (const std::string& document : documents(batches.at(step))) {
      ++times[document];
      order.push_back(document);
    }
  }
  EXPECT_DOUBLE_EQ(batches.epochs(), 4);
  ASSERT_EQ(times.size(), 20u);
  for (const auto& [document, count] : times) EXPECT_EQ(count, document[0] == 'a' ? 10 : 1) << document;
  EXPECT_FALSE(std::is_sorted(order.begin(), order.begin() + 20));
}

TEST_F(BatchesTest, EveryEpochHasAnOrderOfItsOwn) {
  const Corpus data = corpus(20, 1, 20, 1);
  Batches batches(data, {.seed = 4, .tokens = 1});
  std::vector<std::vector<std::string>> epochs(3);
  for (int64_t step = 0; step < 120; ++step) {
    epochs[static_cast<size_t>(step / 40)].push_back(documents(batches.at(step)).front());
  }
  EXPECT_NE(epochs[0], epochs[1]);
  EXPECT_NE(epochs[1], epochs[2]);
  for (auto& epoch : epochs) std::sort(epoch.begin(), epoch.end());
  EXPECT_EQ(epochs[0], epochs[1]);
  EXPECT_EQ(epochs[1], epochs[2]);
}

TEST_F(BatchesTest, ABatchMayHoldSeveralEpochsOfASmallCorpus) {
  const Corpus data = corpus(2, 1, 1, 0.1);
  Batches batches(data, {.seed = 2, .tokens = 100});
  const Batch first = batches.at(0);
  EXPECT_EQ(first.tokens(), 100u);
  EXPECT_GT(batches.epochs(), 20);
}

TEST_F(BatchesTest, PiecesOfABatchAreTheBatch) {
  const Corpus data = corpus(50, 1, 50, 1);
  const Batch batch = Batches(data, {.seed = 3, .tokens = 64}).at(0);
  const auto pieces = split_batch(batch, 20);
  EXPECT_GE(pieces.size(), 4u);
  Batch joined;
  joined.starts.push_back(0);
  for (const Batch& piece : pieces) {
    EXPECT_LE(piece.tokens(), 20u);
    EXPECT_EQ(piece.starts.front(), 0);
    EXPECT_EQ(piece.starts.back(), static_cast<int64_t>(piece.tokens()));
    for (size_t s = 0; s < piece.sequences(); ++s) {
      joined.starts.push_back(joined.starts.back() + piece.starts[s + 1] - piece.starts[s]);
    }
    joined.ids.insert(joined.ids.end(), piece.ids.begin(), piece.ids.end());
    joined.targets.insert(joined.targets.end(), piece.targets.begin(), piece.targets.end());
  }
  EXPECT_EQ(joined.ids, batch.ids);
  EXPECT_EQ(joined.targets, batch.targets);
  EXPECT_EQ(joined.starts, batch.starts);
  EXPECT_EQ(split_batch(batch, 1).size(), batch.sequences());
}

}  // namespace
}  // namespace qnext::train
