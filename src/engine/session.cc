#include "engine/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "sample/sampler.h"

namespace qnext {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

bool raised(const std::atomic<bool>* flag) { return flag && flag->load(std::memory_order_relaxed); }

// How many snapshots a session keeps: the state of a large model is tens of megabytes.
constexpr size_t kMaxSnapshots = 4;
// A template may end a prompt with an opening ("<|im_start|>assistant\n<think>\n") that the next prompt of
// the conversation does not repeat. The last snapshot of a prompt lies before this many tokens.
constexpr int64_t kOpening = 8;

Result<int64_t> context_of(const Model& model, int64_t wanted) {
  const int64_t limit = model.config().max_positions;
  if (wanted == 0) return limit;
  if (wanted < 0) return Error(fmt::format("--ctx: expected a positive number of tokens, got {}", wanted));
  if (wanted > limit) {
    return Error(fmt::format("--ctx {}: the model was made for at most {} tokens", wanted, limit));
  }
  return wanted;
}

}  // namespace

std::string_view finish_name(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
    case FinishReason::kCaller:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kCancelled:
      break;
  }
  return "cancelled";
}

double GenerateStats::prompt_tokens_per_second() const {
  return prompt_seconds > 0 ? static_cast<double>(prompt_tokens - reused_tokens) / prompt_seconds : 0;
}

double GenerateStats::generated_tokens_per_second() const {
  return generated_tokens > 1 && generate_seconds > 0
             ? static_cast<double>(generated_tokens - 1) / generate_seconds
             : 0;
}

Result<std::unique_ptr<Session>> Session::create(Model& model, const SessionOptions& options) {
  QN_CHECK(options.piece > 0 && options.piece % kGdnChunk == 0, "pieces are multiples of the delta rule's");
  QN_TRY(const int64_t context, context_of(model, options.context));
  return std::unique_ptr<Session>(new Session(model, options, context));
}

Session::Session(Model& model, const SessionOptions& options, int64_t context)
    : model_(model),
      options_(options),
      context_(context),
      pool_(model.state_shape().block_bytes(), model.state_shape().blocks_for(context)),
      sequence_(model.state_shape(), pool_) {}

void Session::clear() {
  sequence_.restore(nullptr);
  tokens_.clear();
  snapshots_.clear();
}

Status Session::check(const GenerateRequest& request) const {
  const auto size = static_cast<int64_t>(request.prompt.size());
  if (size == 0) return Error("the prompt is empty");
  if (size >= context_) {
    return Error(fmt::format(
        "the prompt has {} tokens, which leaves no room for an answer in a context of {}", size, context_));
  }
  const int64_t vocab = model_.config().vocab_size;
  for (size_t i = 0; i < request.prompt.size(); ++i) {
    if (request.prompt[i] < 0 || request.prompt[i] >= vocab) {
      return Error(
          fmt::format("prompt token {} is {}, outside the vocabulary of {}", i, request.prompt[i], vocab));
    }
  }
  return request.sampling.validate(vocab);
}

// Brings the state to the longest prefix of `prompt` that it can have, at least one token short of the whole
// (the last one's logits are needed). Returns that prefix's length.
int64_t Session::reuse(std::span<const int32_t> prompt) {
  const auto common = static_cast<int64_t>(
      std::mismatch(tokens_.begin(), tokens_.end(), prompt.begin(), prompt.end()).first - tokens_.begin());
  const int64_t usable = std::min(common, static_cast<int64_t>(prompt.size()) - 1);
  if (usable == sequence_.position()) return usable;
  while (!snapshots_.empty() && snapshots_.back()->position > usable) snapshots_.pop_back();
  const int64_t reached = sequence_.restore(snapshots_.empty() ? nullptr : snapshots_.back().get());
  tokens_.resize(static_cast<size_t>(reached));
  return reached;
}

Status Session::step(std::span<const int32_t> tokens, LogitsWanted logits) {
  const StepItem item{&sequence_, tokens, logits};
  QN_RETURN_IF_ERROR(model_.step({&item, 1}, output_));
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  return {};
}

// Keeps the state at this moment if a later prompt may want it: at the ends of pieces.
void Session::remember(int64_t prompt_length) {
  const int64_t position = sequence_.position();
  if (!options_.keep_snapshots || position % kGdnChunk != 0 || position >= prompt_length) return;
  if (snapshots_.size() == kMaxSnapshots) snapshots_.erase(snapshots_.begin());
  snapshots_.push_back(sequence_.snapshot());
}

// Pieces end at multiples of options_.piece from the sequence's start, so that a row's numbers do not depend
// on where the work began. Returns false when cancelled.
Result<bool> Session::process_prompt(const GenerateRequest& request, int64_t begin) {
  const auto size = static_cast<int64_t>(request.prompt.size());
  // Where the last snapshot is taken.
  const int64_t tail = options_.keep_snapshots ? (size - kOpening) / kGdnChunk * kGdnChunk : 0;
  int64_t at = begin;
  while (at < size) {
    if (raised(request.cancel)) return false;
    int64_t end = std::min(size, (at / options_.piece + 1) * options_.piece);
    if (at < tail && tail < end) end = tail;
    QN_RETURN_IF_ERROR(step(request.prompt.subspan(static_cast<size_t>(at), static_cast<size_t>(end - at)),
                            end == size ? LogitsWanted::kLast : LogitsWanted::kNone));
    at = end;
    remember(size);
    if (request.prompt_progress) request.prompt_progress(at, size);
  }
  return true;
}

Result<GenerateStats> Session::generate(const GenerateRequest& request,
                                        const std::function<bool(int32_t)>& on_token) {
  QN_RETURN_IF_ERROR(check(request));
  GenerateStats stats;
  stats.prompt_tokens = static_cast<int64_t>(request.prompt.size());
  const auto start = Clock::now();
  stats.reused_tokens = reuse(request.prompt);
  QN_TRY(const bool ready, process_prompt(request, stats.reused_tokens));
  stats.prompt_seconds = seconds_since(start);
  stats.finish = ready ? FinishReason::kLength : FinishReason::kCancelled;
  if (!ready || request.max_new == 0) return stats;

  Sampler sampler(request.sampling, model_.config().vocab_size, options_.forbidden);
  sampler.accept_prompt(request.prompt);
  const auto decoding = Clock::now();
  for (;;) {
    QN_TRY(const int32_t token, sampler.sample(output_.logits));
    sampler.accept(token);
    if (++stats.generated_tokens == 1) stats.first_token_seconds = seconds_since(start);
    stats.generate_seconds = seconds_since(decoding);
    const bool wanted = on_token(token);
    const auto& stops = request.stop_tokens;
    if (std::find(stops.begin(), stops.end(), token) != stops.end()) {
      stats.finish = FinishReason::kStop;
      break;
    }
    if (!wanted) {
      stats.finish = FinishReason::kCaller;
      break;
    }
    if (stats.generated_tokens == request.max_new || sequence_.position() + 1 >= context_) break;
    if (raised(request.cancel)) {
      stats.finish = FinishReason::kCancelled;
      break;
    }
    QN_RETURN_IF_ERROR(step({&token, 1}, LogitsWanted::kLast));
  }
  return stats;
}

}  // namespace qnext
