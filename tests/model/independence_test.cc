// A row's result does not depend on its neighbours: alone, in a batch, on another number of threads, or after
// going back to a snapshot, the same tokens give the same bits.
#include <gtest/gtest.h>

#include "model/golden_support.h"

namespace qnext::test {
namespace {

std::vector<int32_t> tokens(int64_t n, uint32_t seed, int64_t vocab) {
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < n; ++i) {
    seed = seed * 1664525u + 1013904223u;
    ids.push_back(static_cast<int32_t>((seed >> 8) % static_cast<uint32_t>(vocab)));
  }
  return ids;
}

class IndependenceTest : public testing::TestWithParam<std::string> {
 protected:
  std::string fixture() const { return data("golden/tiny"); }
};

TEST_P(IndependenceTest, SequencesOfABatchAreAsIfAlone) {
  Runner runner(fixture(), GetParam());
  const int64_t vocab = runner.model().config().vocab_size;
  const std::vector<int64_t> lengths{1, 70, 13, 64};
  std::vector<std::vector<int32_t>> prompts;
  std::vector<std::vector<float>> alone;
  for (size_t i = 0; i < lengths.size(); ++i) {
    prompts.push_back(tokens(lengths[i] + 3, static_cast<uint32_t>(i), vocab));
    auto seq = runner.sequence();
    std::vector<float> logits;
    for (int64_t begin = 0, count = lengths[i]; begin < lengths[i] + 3; begin += count, count = 1) {
      StepItem item{seq.get(), std::span(prompts[i]).subspan(begin, count), LogitsWanted::kAll};
      StepOutput out;
      must(runner.model().step({&item, 1}, out));
      logits.insert(logits.end(), out.logits.begin(), out.logits.end());
    }
    alone.push_back(logits);
  }
  // Together: all prompts in one step, then three decoding steps of four sequences.
  std::vector<std::unique_ptr<Sequence>> seqs;
  std::vector<std::vector<float>> together(prompts.size());
  for (size_t i = 0; i < prompts.size(); ++i) seqs.push_back(runner.sequence());
  for (int64_t step = 0; step < 4; ++step) {
    std::vector<StepItem> items;
    for (size_t i = 0; i < prompts.size(); ++i) {
      const auto ids = std::span(prompts[i]);
      items.push_back({seqs[i].get(),
                       step == 0 ? ids.first(lengths[i]) : ids.subspan(lengths[i] + step - 1, 1),
                       LogitsWanted::kAll});
    }
    StepOutput out;
    must(runner.model().step(items, out));
    auto from = out.logits.begin();
    for (size_t i = 0; i < items.size(); ++i) {
      const auto to = from + static_cast<int64_t>(items[i].tokens.size()) * vocab;
      together[i].insert(together[i].end(), from, to);
      from = to;
    }
  }
  for (size_t i = 0; i < prompts.size(); ++i) EXPECT_EQ(alone[i], together[i]) << "sequence " << i;
}

TEST_P(IndependenceTest, ThreadsDoNotMatter) {
  Runner one(fixture(), GetParam(), {}, 1), three(fixture(), GetParam(), {}, 3);
  const auto ids = tokens(150, 5, one.model().config().vocab_size);
  EXPECT_EQ(one.prompt(ids, 0, false).logits.values, three.prompt(ids, 0, false).logits.values);
}

TEST_P(IndependenceTest, PiecesThatEndOnChunksDoNotMatter) {
  Runner runner(fixture(), GetParam());
  const auto ids = tokens(300, 6, runner.model().config().vocab_size);
  const auto whole = runner.prompt(ids, 0, false).logits.values;
  EXPECT_EQ(whole, runner.prompt(ids, 64, false).logits.values);
  EXPECT_EQ(whole, runner.prompt(ids, 192, false).logits.values);
}

TEST_P(IndependenceTest, ASnapshotContinuesAsIfNothingHadHappened) {
  Runner runner(fixture(), GetParam());
  const auto ids = tokens(140, 7, runner.model().config().vocab_size);
  const auto other = tokens(30, 8, runner.model().config().vocab_size);
  const auto expected = runner.prompt(ids, 64, false).logits.values;
  auto seq = runner.sequence();
  auto run = [&](std::span<const int32_t> part) {
    StepItem item{seq.get(), part, LogitsWanted::kAll};
    StepOutput out;
    must(runner.model().step({&item, 1}, out));
    return out.logits;
  };
  run(std::span(ids).first(64));
  const auto snapshot = seq->snapshot();
  run(other);
  EXPECT_EQ(seq->restore(snapshot.get()), 64);
  auto tail = run(std::span(ids).subspan(64, 64));
  const auto last = run(std::span(ids).subspan(128));
  tail.insert(tail.end(), last.begin(), last.end());
  const auto vocab = static_cast<size_t>(runner.model().config().vocab_size);
  EXPECT_EQ(tail, std::vector<float>(expected.begin() + static_cast<int64_t>(64 * vocab), expected.end()));
}

TEST_P(IndependenceTest, RecurrentAndChunkedFormsAgree) {
  Runner automatic(fixture(), GetParam()),
      recurrent(fixture(), GetParam(), {.gdn_form = GdnForm::kRecurrent});
  const auto ids = tokens(200, 9, automatic.model().config().vocab_size);
  const auto a = automatic.prompt(ids, 0, false), b = recurrent.prompt(ids, 0, false);
  EXPECT_LT(worst_row(a.logits, b.logits), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Backends, IndependenceTest, testing::Values("ref", "cpu"));

TEST(Model, RefusesTokensOutsideTheVocabulary) {
  Runner runner(data("golden/tiny"), "ref");
  for (int32_t token : {-1, 320, 1 << 30}) {
    const std::vector<int32_t> ids{1, token};
    auto seq = runner.sequence();
    StepItem item{seq.get(), ids, LogitsWanted::kLast};
    StepOutput out;
    EXPECT_FALSE(runner.model().step({&item, 1}, out).ok());
    EXPECT_EQ(seq->position(), 0);
  }
}

}  // namespace
}  // namespace qnext::test
