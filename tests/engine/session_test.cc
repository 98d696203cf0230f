// A session gives what the model gives, whatever it has kept from before.
#include "engine/session.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/evaluate.h"
#include "engine/traffic.h"
#include "model/golden_support.h"

namespace qnext::test {
namespace {

std::vector<int32_t> some_tokens(int64_t count, int32_t from) {
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < count; ++i) ids.push_back(static_cast<int32_t>((from + 37 * i + i * i) % 300));
  return ids;
}

class SessionTest : public testing::Test {
 protected:
  std::unique_ptr<Session> session(SessionOptions options = {}) {
    return must(Session::create(runner_.model(), options));
  }

  struct Answer {
    std::vector<int32_t> tokens;
    GenerateStats stats;
  };
  static Answer ask(Session& session, const std::vector<int32_t>& prompt, GenerateRequest request = {}) {
    Answer answer;
    request.prompt = prompt;
    request.sampling.temperature = 0;
    if (request.max_new < 0) request.max_new = 12;
    answer.stats = must(session.generate(request, [&](int32_t token) {
      answer.tokens.push_back(token);
      return true;
    }));
    return answer;
  }
  std::string failure(Session& session, const std::vector<int32_t>& prompt) {
    GenerateRequest request;
    request.prompt = prompt;
    const auto result = session.generate(request, [](int32_t) { return true; });
    return result.ok() ? "" : result.error().message();
  }

  Runner runner_{data("golden/tiny"), "cpu"};
};

TEST_F(SessionTest, GreedyAnswersAreTheModels) {
  const auto prompt = some_tokens(90, 3);
  const auto answer = ask(*session(), prompt);
  EXPECT_EQ(answer.tokens, runner_.greedy(prompt, 12));
  EXPECT_EQ(answer.stats.prompt_tokens, 90);
  EXPECT_EQ(answer.stats.generated_tokens, 12);
  EXPECT_EQ(answer.stats.finish, FinishReason::kLength);
}

TEST_F(SessionTest, AConversationGoesOnFromWhatIsThere) {
  const auto kept = session({.keep_snapshots = true});
  std::vector<int32_t> prompt = some_tokens(150, 5);
  for (int turn = 0; turn < 4; ++turn) {
    const auto fresh = session();
    const auto answer = ask(*kept, prompt);
    EXPECT_EQ(answer.tokens, ask(*fresh, prompt).tokens) << "turn " << turn;
    EXPECT_EQ(answer.stats.reused_tokens > 0, turn > 0);
    prompt.insert(prompt.end(), answer.tokens.begin(), answer.tokens.end());
    for (int32_t token : some_tokens(40, 100 + turn)) prompt.push_back(token);
  }
}

TEST_F(SessionTest, AnotherPromptInBetweenChangesNothing) {
  const auto kept = session({.keep_snapshots = true});
  const auto a = some_tokens(200, 1);
  auto b = a;
  b.resize(195);
  for (int32_t token : some_tokens(50, 77)) b.push_back(token);
  const auto first = ask(*kept, a), other = ask(*kept, b), again = ask(*kept, a);
  EXPECT_EQ(first.tokens, again.tokens);
  EXPECT_EQ(other.tokens, ask(*session(), b).tokens);
  EXPECT_EQ(other.stats.reused_tokens, 192);
}

TEST_F(SessionTest, EndsAsAsked) {
  const auto prompt = some_tokens(20, 9);
  const auto all = ask(*session(), prompt).tokens;
  const std::vector<int64_t> stop{all[0]};
  EXPECT_EQ(ask(*session(), prompt, {.stop_tokens = stop}).tokens, std::vector<int32_t>{all[0]});
  EXPECT_EQ(ask(*session(), prompt, {.stop_tokens = stop}).stats.finish, FinishReason::kStop);
  EXPECT_TRUE(ask(*session(), prompt, {.max_new = 0}).tokens.empty());
  const auto full = ask(*session({.context = 24}), prompt, {.max_new = 100});
  EXPECT_EQ(full.tokens.size(), 4u);
  EXPECT_EQ(full.stats.finish, FinishReason::kLength);
  const std::atomic<bool> cancel{true};
  const auto cancelled = ask(*session(), prompt, {.cancel = &cancel});
  EXPECT_TRUE(cancelled.tokens.empty());
  EXPECT_EQ(cancelled.stats.finish, FinishReason::kCancelled);
}

TEST_F(SessionTest, ForbiddenTokensAreNeverGenerated) {
  const auto prompt = some_tokens(20, 9);
  const auto all = ask(*session(), prompt).tokens;
  const auto without = ask(*session({.forbidden = {all[0]}}), prompt).tokens;
  EXPECT_EQ(std::count(without.begin(), without.end(), all[0]), 0);
}

TEST_F(SessionTest, ErrorsSayWhatIsWrong) {
  const auto small = session({.context = 16});
  EXPECT_EQ(failure(*small, {}), "the prompt is empty");
  EXPECT_NE(failure(*small, some_tokens(16, 1)).find("16 tokens, which leaves no room"), std::string::npos);
  EXPECT_NE(failure(*small, {1, 2, 320}).find("prompt token 2 is 320, outside the vocabulary of 320"),
            std::string::npos);
  EXPECT_FALSE(Session::create(runner_.model(), {.context = -1}).ok());
  EXPECT_FALSE(Session::create(runner_.model(), {.context = 1 << 20}).ok());
  EXPECT_EQ(ask(*small, {1, 2}).tokens.size(), 12u);  // an error leaves the session usable
}

TEST_F(SessionTest, EvaluationGivesEveryRowOnce) {
  Runner runner(data("golden/tiny"), "cpu", {.mtp = true});
  const auto ids = some_tokens(100, 2);
  const auto expected = runner.prompt(ids, 0, true);
  std::vector<float> rows, drafts;
  EvaluateRequest request;
  request.tokens = ids;
  request.piece = 64;
  const auto into = [&](std::vector<float>& all) {
    return [&all, &runner](int64_t first, std::span<const float> more) -> Status {
      EXPECT_EQ(first * runner.model().config().vocab_size, static_cast<int64_t>(all.size()));
      all.insert(all.end(), more.begin(), more.end());
      return {};
    };
  };
  request.logits = into(rows);
  request.mtp_logits = into(drafts);
  must(evaluate(runner.model(), request));
  EXPECT_EQ(rows, expected.logits.values);
  EXPECT_EQ(drafts, expected.mtp_logits.values);
  const std::atomic<bool> cancel{true};
  request.cancel = &cancel;
  EXPECT_EQ(evaluate(runner.model(), request).error().message(), "interrupted");
}

// 16 experts of which 4 are used: eight tokens read 16 (1 - (3/4)^8) = 14.4 of them.
TEST_F(SessionTest, TrafficCountsWhatATokenReads) {
  const Model& model = runner_.model();
  const double one = bytes_of_step(model, {}), eight = bytes_of_step(model, {.sequences = 8, .rows = 8});
  double expert_bytes = 0;
  for (const LayerWeights& layer : model.weights().layers) {
    const Mlp& e = layer.feed_forward.experts.at(0);
    expert_bytes += static_cast<double>(e.gate.bytes() + e.up.bytes() + e.down.bytes());
  }
  const double more_experts = 16 * (1 - std::pow(0.75, 8)) - 4;
  const StateShape shape = model.state_shape();
  const double rest =
      7.0 * static_cast<double>(model.weights().embedding.stride() + 2 * shape.recurrent_bytes());
  EXPECT_NEAR(eight - one, more_experts * expert_bytes + rest, 1);
  EXPECT_EQ(bytes_of_step(model, {.position = 10}) - one,
            static_cast<double>(10 * shape.kv_bytes_per_token()));
  EXPECT_EQ(bytes_of_step(model, {}) - bytes_of_step(model, {.logit_rows = 0}),
            static_cast<double>(model.weights().head.bytes()));
}

// A prompt of 8 does what 8 tokens one by one do, but for the logits that it leaves out.
TEST_F(SessionTest, ArithmeticOfAPromptIsThatOfItsTokens) {
  const Model& model = runner_.model();
  StepArithmetic one_by_one;
  for (int64_t i = 0; i < 8; ++i) one_by_one += arithmetic_of_step(model, {.position = 20 + i});
  const double together = arithmetic_of_step(model, {.rows = 8, .position = 27}).total();
  const Matrix& head = model.weights().head;
  EXPECT_NEAR(one_by_one.total() - together, 7.0 * 2.0 * static_cast<double>(head.rows * head.cols), 1);
  EXPECT_EQ(arithmetic_of_step(model, {}).quantised, 0);  // this model is BF16
  EXPECT_GT(arithmetic_of_step(model, {}).bf16, arithmetic_of_step(model, {}).f32);
  const ModelConfig& config = model.config();
  EXPECT_NEAR(arithmetic_of_step(model, {.position = 11}).total() -
                  arithmetic_of_step(model, {.position = 1}).total(),
              40.0 * static_cast<double>(config.attention_layers() * config.num_heads * config.head_dim), 1);
}

}  // namespace
}  // namespace qnext::test
