// One sequence over a model, and what of it can be used again: the engine behind `run` and `chat`. Token ids
// only; text stays with the callers.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/model.h"
#include "sample/params.h"
#include "state/block_pool.h"
#include "state/sequence.h"

namespace qnext {

struct SessionOptions {
  int64_t context = 0;               // most tokens of the sequence, prompt and answer; 0: the model's limit
  int64_t piece = 1024;              // prompt tokens per step, a multiple of kGdnChunk
  std::vector<int32_t> forbidden{};  // ids below the vocabulary's size that are never generated
  // Keep states of the recurrent layers at several positions of a prompt, so that a later prompt that
  // differs only at its end does not start anew. For conversations.
  bool keep_snapshots = false;
};

enum class FinishReason : uint8_t {
  kStop,       // a stop token
  kCaller,     // the callback asked for it, at a stop string
  kLength,     // max_new tokens, or the context is full
  kCancelled,  // the flag was raised
};
std::string_view finish_name(FinishReason reason);  // "stop", "length", "cancelled"

struct GenerateRequest {
  std::span<const int32_t> prompt{};  // not empty
  SamplingParams sampling{};
  int64_t max_new = -1;  // -1: until the context is full
  std::span<const int64_t> stop_tokens{};
  const std::atomic<bool>* cancel = nullptr;  // raised from another thread or a signal handler; may be null
  std::function<void(int64_t done, int64_t total)> prompt_progress{};  // may be empty
};

struct GenerateStats {
  int64_t prompt_tokens = 0;
  int64_t reused_tokens = 0;     // of the prompt, that were in the state already
  double prompt_seconds = 0;     // until the logits of the first token
  int64_t generated_tokens = 0;  // with the stop token
  double generate_seconds = 0;   // from there to the end
  double first_token_seconds = 0;
  FinishReason finish = FinishReason::kLength;

  double prompt_tokens_per_second() const;     // of those that were not reused
  double generated_tokens_per_second() const;  // of all but the first, which the prompt's step paid for
};

class Session {
 public:
  // The model outlives the session. Errors when the context asked for is not positive, or above the model's
  // limit.
  static Result<std::unique_ptr<Session>> create(Model& model, const SessionOptions& options);

  // Makes the state hold `request.prompt`, then generates. Every token, also the stop token, goes to
  // `on_token`, which returns false to end the answer. An error before anything is generated when the prompt
  // is empty, does not fit or has ids outside the vocabulary.
  Result<GenerateStats> generate(const GenerateRequest& request,
                                 const std::function<bool(int32_t token)>& on_token);

  // Tokens in the state.
  std::span<const int32_t> tokens() const { return tokens_; }
  int64_t context() const { return context_; }
  // Forgets everything.
  void clear();

 private:
  Session(Model& model, const SessionOptions& options, int64_t context);
  Status check(const GenerateRequest& request) const;
  int64_t reuse(std::span<const int32_t> prompt);
  Result<bool> process_prompt(const GenerateRequest& request, int64_t begin);
  Status step(std::span<const int32_t> tokens, LogitsWanted logits);
  void remember(int64_t prompt_length);

  Model& model_;
  const SessionOptions options_;
  const int64_t context_;
  BlockPool pool_;
  Sequence sequence_;
  std::vector<int32_t> tokens_;  // what the state holds: sequence_.position() tokens
  std::vector<std::shared_ptr<const Snapshot>> snapshots_;  // of prefixes of tokens_, by rising position
  StepOutput output_;
};

}  // namespace qnext
