#include "sample/params.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace qnext {
namespace {

GenerationDefaults read(const std::string& text) {
  auto result = read_generation_config(*parse_json(text, "g.json"), "g.json");
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message());
  return result.ok() ? *result : GenerationDefaults{};
}

TEST(GenerationConfig, PublishedInstructSettings) {
  const auto d = read(R"({"bos_token_id": 151643, "do_sample": true, "eos_token_id": [151645, 151643],
    "pad_token_id": 151643, "temperature": 0.7, "top_k": 20, "top_p": 0.8})");
  EXPECT_TRUE(d.stated);
  EXPECT_EQ(d.sampling.temperature, 0.7);
  EXPECT_EQ(d.sampling.top_k, 20);
  EXPECT_EQ(d.sampling.top_p, 0.8);
  EXPECT_EQ(d.sampling.min_p, 0);
  EXPECT_EQ(d.sampling.repeat_penalty, 1);
  EXPECT_EQ(d.stop_tokens, (std::vector<int64_t>{151645, 151643}));
}

TEST(GenerationConfig, DoSampleFalseIsGreedy) {
  const auto d =
      read(R"({"do_sample": false, "temperature": 0.7, "eos_token_id": 5, "repetition_penalty": 1.1})");
  EXPECT_TRUE(d.sampling.greedy());
  EXPECT_EQ(d.sampling.repeat_penalty, 1.1);
  EXPECT_EQ(d.stop_tokens, (std::vector<int64_t>{5}));
}

TEST(GenerationConfig, SayingNothingIsGreedyAndNotStated) {
  const auto d = read(R"({"eos_token_id": null})");
  EXPECT_TRUE(d.sampling.greedy());
  EXPECT_FALSE(d.stated);
  EXPECT_TRUE(d.stop_tokens.empty());
  EXPECT_FALSE(read(R"({"temperature": 0.6})").sampling.greedy());
}

TEST(GenerationConfig, WrongValuesNameFileAndField) {
  for (const char* text :
       {R"({"temperature": "hot"})", R"({"temperature": -1})", R"({"top_p": 1.5})", R"({"top_k": -3})",
        R"({"min_p": 2})", R"({"repetition_penalty": 0})", R"({"eos_token_id": "x"})",
        R"({"eos_token_id": [1, "x"]})", R"({"do_sample": 1})", R"([1])"}) {
    const auto result = read_generation_config(*parse_json(text, "g.json"), "g.json");
    ASSERT_FALSE(result.ok()) << text;
    EXPECT_EQ(result.error().message().find("g.json: "), 0u) << result.error().message();
  }
}

TEST(SamplingParams, Ranges) {
  EXPECT_TRUE(SamplingParams{}.validate(10).ok());
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  const SamplingParams wrong[] = {{.temperature = nan},
                                  {.temperature = -0.1},
                                  {.temperature = inf},
                                  {.top_k = -1},
                                  {.top_p = 1.1},
                                  {.top_p = -0.1},
                                  {.min_p = nan},
                                  {.repeat_penalty = 0},
                                  {.repeat_penalty = -1},
                                  {.repeat_window = -2},
                                  {.presence_penalty = inf},
                                  {.frequency_penalty = nan},
                                  {.logit_bias = {{10, 1}}},
                                  {.logit_bias = {{-1, 1}}},
                                  {.logit_bias = {{1, nan}}},
                                  {.logit_bias = {{1, inf}}}};
  for (const SamplingParams& p : wrong) EXPECT_FALSE(p.validate(10).ok());
  EXPECT_TRUE((SamplingParams{.logit_bias = {{9, -inf}}}.validate(10).ok()));
}

}  // namespace
}  // namespace qnext
