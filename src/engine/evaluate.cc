#include "engine/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "state/block_pool.h"
#include "state/sequence.h"

namespace qnext {
namespace {

Status check(const Model& model, const EvaluateRequest& request) {
  const auto size = static_cast<int64_t>(request.tokens.size());
  const ModelConfig& config = model.config();
  if (size == 0) return Error("no tokens to read");
  if (size > config.max_positions) {
    return Error(fmt::format("{} tokens, but the model was made for at most {}", size, config.max_positions));
  }
  for (size_t i = 0; i < request.tokens.size(); ++i) {
    if (request.tokens[i] < 0 || request.tokens[i] >= config.vocab_size) {
      return Error(fmt::format("token {} is {}, outside the vocabulary of {}", i, request.tokens[i],
                               config.vocab_size));
    }
  }
  return {};
}

bool cancelled(const EvaluateRequest& request) {
  return request.cancel && request.cancel->load(std::memory_order_relaxed);
}

// The rows of the multi-token-prediction block: position i is fed its hidden row and token i + 1.
Status draft_rows(Model& model, const EvaluateRequest& request, Sequence& sequence,
                  std::span<const float> hidden) {
  const auto rows = static_cast<int64_t>(request.tokens.size()) - 1;
  StepOutput output;
  for (int64_t at = 0; at < rows; at += request.piece) {
    if (cancelled(request)) return Error("interrupted");
    const int64_t count = std::min(request.piece, rows - at);
    DraftItem item;
    item.sequence = &sequence;
    item.position = at;
    item.next_tokens = request.tokens.subspan(static_cast<size_t>(at + 1), static_cast<size_t>(count));
    item.hidden = hidden.data() + at * model.config().hidden_size;
    item.logits = LogitsWanted::kAll;
    QN_RETURN_IF_ERROR(model.draft({&item, 1}, output));
    QN_RETURN_IF_ERROR(request.mtp_logits(at, output.logits));
  }
  return {};
}

}  // namespace

Status evaluate(Model& model, const EvaluateRequest& request) {
  QN_CHECK(request.piece > 0, "pieces have at least one token");
  QN_RETURN_IF_ERROR(check(model, request));
  const auto size = static_cast<int64_t>(request.tokens.size());
  const StateShape shape = model.state_shape();
  BlockPool pool(shape.block_bytes(), (size + shape.block_tokens - 1) / shape.block_tokens);
  Sequence sequence(shape, pool);
  StepOutput output;
  std::vector<float> hidden;  // of all positions, when drafts need them
  for (int64_t at = 0; at < size; at += request.piece) {
    if (cancelled(request)) return Error("interrupted");
    const int64_t count = std::min(request.piece, size - at);
    const StepItem item{&sequence,
                        request.tokens.subspan(static_cast<size_t>(at), static_cast<size_t>(count)),
                        LogitsWanted::kAll};
    QN_RETURN_IF_ERROR(model.step({&item, 1}, output));
    QN_RETURN_IF_ERROR(request.logits(at, output.logits));
    if (request.mtp_logits) hidden.insert(hidden.end(), output.hidden.begin(), output.hidden.end());
    if (request.progress) request.progress(at + count, size);
  }
  return request.mtp_logits ? draft_rows(model, request, sequence, hidden) : Status{};
}

}  // namespace qnext
