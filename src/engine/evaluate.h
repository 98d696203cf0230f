// Reads given tokens through the model and hands out the logits of every position: the engine behind
// `logits` and `perplexity`.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>

#include "base/result.h"
#include "model/model.h"

namespace qnext {

// Receives the rows of positions [first, first + rows.size() / vocab_size). An error ends the evaluation.
using LogitsSink = std::function<Status(int64_t first, std::span<const float> rows)>;

struct EvaluateRequest {
  std::span<const int32_t> tokens;  // one sequence, from its start; not empty
  int64_t piece = 1024;             // tokens per step, at least 1
  LogitsSink logits;
  LogitsSink mtp_logits;  // empty: without multi-token prediction. Row i is of position i; positions - 1 rows
  std::function<void(int64_t done, int64_t total)> progress;  // may be empty
  const std::atomic<bool>* cancel = nullptr;                  // may be null
};

// All logits rows come first, then all multi-token-prediction rows. Errors when a token is outside the
// vocabulary, the tokens are more than the model's limit, or when cancelled ("interrupted").
Status evaluate(Model& model, const EvaluateRequest& request);

}  // namespace qnext
