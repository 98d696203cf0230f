#include "sample/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "base/random.h"

namespace qnext {
namespace {

std::vector<Candidate> distribution(Sampler& sampler, const std::vector<float>& logits) {
  auto left = sampler.distribution(logits);
  EXPECT_TRUE(left.ok()) << (left.ok() ? "" : left.error().message());
  return {left->begin(), left->end()};
}

std::vector<int32_t> ids(const std::vector<Candidate>& candidates) {
  std::vector<int32_t> out;
  for (const Candidate& c : candidates) out.push_back(c.id);
  return out;
}

// Logits whose softmax at temperature 1 is `p`.
std::vector<float> logits_of(const std::vector<double>& p) {
  std::vector<float> out;
  for (const double x : p) out.push_back(static_cast<float>(std::log(x)));
  return out;
}

TEST(Sampler, GreedyTakesTheLargestAndOfEqualOnesTheFirst) {
  Sampler sampler({.temperature = 0}, 5);
  EXPECT_EQ(*sampler.sample(std::vector<float>{1, 3, 2, 3, 0}), 1);
}

TEST(Sampler, SoftmaxAtATemperature) {
  Sampler sampler({.temperature = 0.5}, 3);
  const auto left = distribution(sampler, {0, 1, 2});
  // exp(0), exp(2), exp(4) over their sum
  const double sum = 1 + std::exp(2.0) + std::exp(4.0);
  ASSERT_EQ(ids(left), (std::vector<int32_t>{0, 1, 2}));
  EXPECT_NEAR(left[0].probability, 1 / sum, 1e-12);
  EXPECT_NEAR(left[1].probability, std::exp(2.0) / sum, 1e-12);
  EXPECT_NEAR(left[2].probability, std::exp(4.0) / sum, 1e-12);
}

TEST(Sampler, TopKKeepsExactlyKAndPrefersLowIdsAmongEqualOnes) {
  Sampler sampler({.top_k = 3}, 6);
  const auto left = distribution(sampler, {1, 2, 1, 1, 2, 1});
  EXPECT_EQ(ids(left), (std::vector<int32_t>{1, 4, 0}));
  EXPECT_NEAR(left[0].probability, 1 / (2 + std::exp(-1.0)), 1e-7);
}

TEST(Sampler, TopPKeepsTheSmallestSetThatReachesTheShare) {
  const auto logits = logits_of({0.1, 0.4, 0.2, 0.3});
  Sampler at_60({.top_p = 0.6}, 4);
  EXPECT_EQ(ids(distribution(at_60, logits)), (std::vector<int32_t>{1, 3}));
  Sampler at_71({.top_p = 0.71}, 4);
  EXPECT_EQ(ids(distribution(at_71, logits)), (std::vector<int32_t>{1, 3, 2}));
  Sampler at_0({.top_p = 0}, 4);
  EXPECT_EQ(ids(distribution(at_0, logits)), (std::vector<int32_t>{1}));
}

TEST(Sampler, TopPCountsWhatTopKLeft) {
  // After top-k 2 the shares are 4/7 and 3/7, so 0.55 is reached by the first alone; of all four it is not.
  Sampler sampler({.top_k = 2, .top_p = 0.55}, 4);
  EXPECT_EQ(ids(distribution(sampler, logits_of({0.1, 0.4, 0.2, 0.3}))), (std::vector<int32_t>{1}));
}

TEST(Sampler, TopPOverMoreTokensThanOneSortedPart) {
  // 5000 equal tokens: half the probability is exactly the first 2500 ids.
  Sampler sampler({.top_p = 0.49999}, 5000);
  const auto left = distribution(sampler, std::vector<float>(5000, 1.5f));
  ASSERT_EQ(left.size(), 2500u);
  for (int32_t i = 0; i < 2500; ++i) ASSERT_EQ(left[static_cast<size_t>(i)].id, i);
}

TEST(Sampler, CutsAgreeWithAFullSort) {
  constexpr int kVocab = 3000;
  std::vector<float> logits(kVocab);
  for (int i = 0; i < kVocab; ++i) {
    logits[static_cast<size_t>(i)] =
        std::round(40 * static_cast<float>(random_unit(1, 0, i))) / 4;  // many ties
  }
  for (const int64_t k : {0, 1, 7, 300, 2999, 3000, 100000}) {
    for (const double p : {0.05, 0.5, 0.95, 1.0}) {
      for (const double min_p : {0.0, 0.01, 0.9}) {
        std::vector<int32_t> order(kVocab);
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return logits[a] > logits[b]; });
        if (k > 0 && k < kVocab) order.resize(static_cast<size_t>(k));
        double total = 0, sum = 0;
        const auto weight = [&](int32_t id) { return std::exp(double{logits[id]} - logits[order[0]]); };
        for (const int32_t id : order) total += weight(id);
        std::vector<int32_t> want;
        for (const int32_t id : order) {
          if (weight(id) >= min_p) want.push_back(id);
          sum += weight(id);
          if (p < 1 && sum >= p * total) break;
        }
        Sampler sampler({.top_k = k, .top_p = p, .min_p = min_p}, kVocab);
        auto got = ids(distribution(sampler, logits));
        if (p == 1 && (k == 0 || k >= kVocab)) std::sort(want.begin(), want.end());  // nothing was ordered
        EXPECT_EQ(got, want) << "k " << k << " p " << p << " min_p " << min_p;
      }
    }
  }
}

TEST(Sampler, MinPIsAShareOfTheMostProbable) {
  Sampler sampler({.min_p = 0.5}, 4);
  EXPECT_EQ(ids(distribution(sampler, logits_of({0.1, 0.4, 0.21, 0.29}))), (std::vector<int32_t>{1, 2, 3}));
}

TEST(Sampler, RepetitionPenaltyDividesPositiveAndMultipliesNegativeLogits) {
  Sampler sampler({.repeat_penalty = 2}, 4);
  sampler.accept_prompt(std::vector<int32_t>{0, 0, 1});
  sampler.accept(2);
  const auto left = distribution(sampler, {4, -1, 0, 1});
  // 4 / 2, -1 * 2, 0, 1: once per token, however often it occurred
  const double sum = std::exp(2.0) + std::exp(-2.0) + 1 + std::exp(1.0);
  EXPECT_NEAR(left[0].probability, std::exp(2.0) / sum, 1e-9);
  EXPECT_NEAR(left[1].probability, std::exp(-2.0) / sum, 1e-9);
  EXPECT_NEAR(left[2].probability, 1 / sum, 1e-9);
}

TEST(Sampler, RepetitionWindowForgetsOldTokens) {
  Sampler sampler({.temperature = 0, .repeat_penalty = 10, .repeat_window = 2}, 3);
  sampler.accept_prompt(std::vector<int32_t>{0, 1, 1});  // 0 has left the window
  EXPECT_EQ(*sampler.sample(std::vector<float>{2, 3, 1}), 0);
  sampler.accept(0);  // the window is now 1 0
  EXPECT_EQ(*sampler.sample(std::vector<float>{2, 3, 1}), 2);
  sampler.accept(2);  // 0 2
  EXPECT_EQ(*sampler.sample(std::vector<float>{2, 3, 1}), 1);
}

TEST(Sampler, FrequencyAndPresenceCountGeneratedTokensOnly) {
  Sampler sampler({.presence_penalty = 0.5, .frequency_penalty = 0.25}, 3);
  sampler.accept_prompt(std::vector<int32_t>{0, 0, 0});
  sampler.accept(1);
  sampler.accept(1);
  const auto left = distribution(sampler, {1, 1, 1});
  // token 1: 1 - 2 * 0.25 - 0.5 = 0
  EXPECT_NEAR(left[1].probability / left[0].probability, std::exp(-1.0), 1e-7);
  EXPECT_NEAR(left[2].probability / left[0].probability, 1.0, 1e-12);
}

TEST(Sampler, LogitBiasComesBeforeThePenalties) {
  const SamplingParams params{.temperature = 0, .repeat_penalty = 2, .logit_bias = {{0, 2.5}}};
  Sampler sampler(params, 2);
  sampler.accept_prompt(std::vector<int32_t>{0});
  // (-1 + 2.5) / 2 = 0.75 beats 0.6; the other order would give -1 * 2 + 2.5 = 0.5
  EXPECT_EQ(*sampler.sample(std::vector<float>{-1, 0.6f}), 0);
  SamplingParams forbid{.temperature = 0, .logit_bias = {{1, -std::numeric_limits<double>::infinity()}}};
  Sampler without_one(forbid, 2);
  EXPECT_EQ(*without_one.sample(std::vector<float>{-100, 100}), 0);
}

TEST(Sampler, ForbiddenIdsAreNeverChosen) {
  const std::vector<int32_t> padding{1, 4, 5};
  Sampler greedy({.temperature = 0}, 6, padding);
  EXPECT_EQ(*greedy.sample(std::vector<float>{0, 9, 2, 3, 9, 9}), 3);
  Sampler all({.temperature = 10}, 6, padding);
  EXPECT_EQ(ids(distribution(all, {0, 9, 2, 3, 9, 9})), (std::vector<int32_t>{0, 2, 3}));
  Sampler cut({.top_k = 5, .top_p = 0.9999}, 6, padding);
  EXPECT_EQ(ids(distribution(cut, {0, 9, 2, 3, 9, 9})), (std::vector<int32_t>{3, 2, 0}));
}

TEST(Sampler, BadLogitsAreAnErrorThatNamesTheToken) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    Sampler sampler({.temperature = 0.7}, 3);
    const auto token = sampler.sample(std::vector<float>{0, bad, 1});
    ASSERT_FALSE(token.ok());
    EXPECT_NE(token.error().message().find("token id 1"), std::string::npos) << token.error().message();
  }
}

TEST(Sampler, ForbiddingEverythingIsAnError) {
  const double never = -std::numeric_limits<double>::infinity();
  Sampler sampler({.logit_bias = {{0, never}, {1, never}}}, 2);
  EXPECT_FALSE(sampler.sample(std::vector<float>{0, 1}).ok());
}

TEST(Sampler, TheSameSeedDrawsTheSameTokens) {
  const auto draw = [](uint64_t seed) {
    Sampler sampler({.seed = seed}, 50);
    std::vector<int32_t> out;
    for (int i = 0; i < 40; ++i) {
      out.push_back(*sampler.sample(std::vector<float>(50, 0.0f)));
      sampler.accept(out.back());
    }
    return out;
  };
  EXPECT_EQ(draw(7), draw(7));
  EXPECT_NE(draw(7), draw(8));
}

TEST(Sampler, ExtremeTemperaturesStayFinite) {
  Sampler cold({.temperature = 1e-300}, 3);
  EXPECT_EQ(*cold.sample(std::vector<float>{1, 1.0001f, 1}), 1);
  Sampler hot({.temperature = 1e30}, 2);
  EXPECT_NEAR(distribution(hot, {-1e30f, 1e30f})[0].probability, 1 / (1 + std::exp(2.0)), 1e-6);
}

// Pearson's statistic of `draws` draws from the chain against its own probabilities; the seed is fixed, so
// the test either always passes or always fails. The bound is the 99.9 % point of chi-square.
TEST(Sampler, DrawsFollowTheDistribution) {
  struct Case {
    SamplingParams params;
    int freedom;
    double bound;
  };
  const std::vector<float> logits = logits_of({0.05, 0.1, 0.15, 0.02, 0.08, 0.25, 0.3, 0.05});
  for (const Case& c : {Case{{.seed = 1}, 7, 24.32}, Case{{.top_k = 4, .seed = 2}, 3, 16.27},
                        Case{{.temperature = 1.7, .top_p = 0.9, .seed = 3}, 6, 22.46}}) {
    constexpr int kDraws = 20000;
    std::vector<double> seen(logits.size()), expected(logits.size());
    Sampler sampler(c.params, static_cast<int64_t>(logits.size()));
    for (const Candidate& candidate : distribution(sampler, logits)) {
      expected[static_cast<size_t>(candidate.id)] = candidate.probability * kDraws;
    }
    for (int i = 0; i < kDraws; ++i) {
      const int32_t token = *sampler.sample(logits);
      ++seen[static_cast<size_t>(token)];
      sampler.accept(token);
    }
    double statistic = 0;
    int cells = 0;
    for (size_t i = 0; i < seen.size(); ++i) {
      if (expected[i] == 0) {
        EXPECT_EQ(seen[i], 0) << "a token that was cut off was drawn: " << i;
        continue;
      }
      ++cells;
      statistic += (seen[i] - expected[i]) * (seen[i] - expected[i]) / expected[i];
    }
    EXPECT_EQ(cells - 1, c.freedom);
    EXPECT_LT(statistic, c.bound);
    EXPECT_GT(statistic, 0.05) << "too good to be random";
  }
}

}  // namespace
}  // namespace qnext
