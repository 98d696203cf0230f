// `qnext perplexity`: how well the model predicts a text.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "base/progress.h"
#include "cli/load_model.h"
#include "cli/open_model.h"
#include "cli/output.h"
#include "cli/token_files.h"
#include "engine/evaluate.h"
#include "sample/probabilities.h"

namespace qnext {
namespace {

constexpr int64_t kDefaultWindow = 512;

struct PerplexityOptions {
  std::string model, lora, file, tokens;
  bool json = false;
  EngineOptions engine;
};

using Window = std::span<const int32_t>;

// Windows of at most `length` tokens, one after the other, over each sequence. A rest of one token predicts
// nothing and is left out.
std::vector<Window> cut(const std::vector<std::vector<int32_t>>& sequences, int64_t length) {
  std::vector<Window> windows;
  for (const auto& sequence : sequences) {
    for (size_t at = 0; at + 1 < sequence.size(); at += static_cast<size_t>(length)) {
      windows.push_back(
          Window(sequence).subspan(at, std::min(static_cast<size_t>(length), sequence.size() - at)));
    }
  }
  std::erase_if(windows, [](const Window& w) { return w.size() < 2; });
  return windows;
}

Result<std::vector<std::vector<int32_t>>> read_input(const PerplexityOptions& options,
                                                     const OpenedModel& opened) {
  if (!options.tokens.empty()) {
    return read_token_lists(options.tokens, opened.checkpoint.config.vocab_size);
  }
  QN_TRY(const std::string text, read_text_input(options.file));
  QN_TRY(const auto tokenizer, opened.tokenizer());
  return std::vector<std::vector<int32_t>>{tokenizer->encode(text)};
}

// Negative log-likelihoods of all tokens of a window but the first, summed in order.
Result<double> score(LoadedModel& loaded, Window window) {
  const auto vocab = static_cast<size_t>(loaded.model->config().vocab_size);
  std::vector<double> nll(window.size() - 1);
  EvaluateRequest request;
  request.tokens = window;
  request.logits = [&](int64_t first, std::span<const float> rows) -> Status {
    const auto count = static_cast<int64_t>(rows.size() / vocab);
    loaded.pool->parallel_for(count, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        const auto position = static_cast<size_t>(first + i);
        if (position + 1 == window.size()) continue;
        nll[position] = negative_log_likelihood(rows.subspan(static_cast<size_t>(i) * vocab, vocab),
                                                window[position + 1]);
      }
    });
    return {};
  };
  QN_RETURN_IF_ERROR(evaluate(*loaded.model, request));
  double sum = 0;
  for (const double x : nll) sum += x;
  return sum;
}

Result<int> run_perplexity(const PerplexityOptions& options) {
  if (options.file.empty() == options.tokens.empty()) {
    return wrong_usage("perplexity", "give either -f FILE or --tokens FILE.json");
  }
  QN_TRY(const OpenedModel opened, open_model(options.model, options.lora));
  QN_TRY(const auto sequences, read_input(options, opened));
  const int64_t limit = opened.checkpoint.config.max_positions;
  const int64_t standard = options.tokens.empty() ? std::min(kDefaultWindow, limit) : limit;
  const int64_t length = options.engine.context > 0 ? options.engine.context : standard;
  if (length < 2 || length > limit) {
    return Error(
        fmt::format("--ctx {}: expected 2 to {} tokens, what the model was made for", length, limit));
  }
  const std::vector<Window> windows = cut(sequences, length);
  const std::string& input = options.tokens.empty() ? options.file : options.tokens;
  if (windows.empty()) return Error(input + ": too short, there is no token to predict");
  QN_TRY(LoadedModel loaded, load_model(opened.checkpoint, options.engine));

  double sum = 0;
  int64_t predicted = 0;
  Progress progress("reading", static_cast<int64_t>(windows.size()), "windows", true);
  for (size_t i = 0; i < windows.size(); ++i) {
    QN_TRY(const double nll, score(loaded, windows[i]));
    sum += nll;
    predicted += static_cast<int64_t>(windows[i].size()) - 1;
    progress.update(static_cast<int64_t>(i) + 1);
  }
  const double mean = sum / static_cast<double>(predicted);
  if (!std::isfinite(mean)) return Error(input + ": the model's logits are not finite numbers");
  if (options.json) {
    QN_RETURN_IF_ERROR(print_json({{"perplexity", std::exp(mean)},
                                   {"nll", mean},
                                   {"tokens", predicted},
                                   {"windows", windows.size()},
                                   {"ctx", length}}));
  } else {
    QN_RETURN_IF_ERROR(write_out(fmt::format(
        "perplexity {:.4f}, {:.6f} nats per token, {} tokens predicted\n", std::exp(mean), mean, predicted)));
  }
  return 0;
}

}  // namespace

void add_perplexity(const Program& program) {
  Command command = add_command(
      program, "perplexity", "Measure how well the model predicts a text",
      "The text is cut into windows of --ctx tokens (default 512) that do not overlap; every token of a "
      "window but "
      "its first is predicted from those before it in the window. nll is the mean negative log-likelihood "
      "per "
      "predicted token in nats, perplexity is e to that power, tokens is how many were predicted. With "
      "--tokens, "
      "separate lists are separate sequences, cut only where they are longer than the context.",
      {"# a text in windows of 2048 tokens\nqnext perplexity ./model -f wiki.txt --ctx 2048 --json"});
  auto o = std::make_shared<PerplexityOptions>();
  add_model_argument(command, o->model);
  add_lora_option(command, o->lora);
  command.add_option("-f,--file", o->file, "The text; - for standard input").named("FILE");
  command.add_option("--tokens", o->tokens, "Token ids instead: a JSON list, or a list of lists")
      .named("FILE");
  command.add_flag("--json", o->json, "Print perplexity, nll and tokens as JSON");
  add_engine_options(command, o->engine);
  command.does([o] { return run_perplexity(*o); });
}

}  // namespace qnext
