// `qnext bench`: speed of prompts and of generation, beside what the machine's memory allows.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>

#include "base/progress.h"
#include "cli/load_model.h"

#include "cli/open_model.h"
#include "cli/output.h"
#include "engine/batch.h"
#include "engine/memory_speed.h"
#include "engine/traffic.h"

namespace qnext {
namespace {

struct BenchOptions {
  std::string model;
  std::vector<int64_t> prompt{512}, generate{64}, depth{0}, batch{1};
  int64_t repeat = 5;
  bool json = false;
  EngineOptions engine;
};

struct Case {
  bool prefill = false;
  int64_t tokens = 0;  // of each sequence
  int64_t depth = 0, batch = 1;
};

struct Row {
  Case what;
  std::vector<double> tokens_per_s;  // rising; all sequences together
  double bytes_per_token = 0;
  double median() const {
    const size_t n = tokens_per_s.size();
    return (tokens_per_s[(n - 1) / 2] + tokens_per_s[n / 2]) / 2;
  }
  double gb_per_s() const { return bytes_per_token * median() / 1e9; }
};

std::vector<Case> cases_of(const BenchOptions& options) {
  std::vector<Case> cases;
  for (const bool prefill : {true, false}) {
    for (const int64_t batch : options.batch) {
      for (const int64_t depth : options.depth) {
        for (const int64_t tokens : prefill ? options.prompt : options.generate) {
          if (tokens > 0) cases.push_back({prefill, tokens, depth, batch});
        }
      }
    }
  }
  return cases;
}

Status run_once(Batch& batch, const Case& what) {
  if (what.prefill) return batch.prompt(what.tokens);
  for (int64_t i = 0; i < what.tokens; ++i) QN_RETURN_IF_ERROR(batch.decode());
  return {};
}

double bytes_per_token(const Model& model, const Batch& batch, const Case& what) {
  const int64_t piece = what.prefill ? batch.piece() : 1;
  double bytes = 0;
  for (int64_t at = 0; at < what.tokens; at += piece) {
    const int64_t count = std::min(piece, what.tokens - at);
    bytes += bytes_of_step(model, {what.batch, what.batch * count, what.depth + at + count});
  }
  return bytes / static_cast<double>(what.tokens * what.batch);
}

Result<Row> measure(Model& model, const Case& what, int64_t repeat) {
  Batch batch(model, what.batch, what.depth + what.tokens);
  QN_RETURN_IF_ERROR(batch.prompt(what.depth));
  batch.mark();
  Row row{what, {}, bytes_per_token(model, batch, what)};
  for (int64_t i = 0; i < repeat + 1; ++i) {
    const auto start = std::chrono::steady_clock::now();
    QN_RETURN_IF_ERROR(run_once(batch, what));
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (i > 0) row.tokens_per_s.push_back(static_cast<double>(what.tokens * what.batch) / seconds);
    batch.rewind();
  }
  std::sort(row.tokens_per_s.begin(), row.tokens_per_s.end());
  return row;
}

Json to_json(const Row& row) {
  return {{"kind", row.what.prefill ? "prefill" : "decode"},
          {"tokens", row.what.tokens},
          {"depth", row.what.depth},
          {"batch", row.what.batch},
          {"median_tokens_per_s", row.median()},
          {"min", row.tokens_per_s.front()},
          {"max", row.tokens_per_s.back()},
          {"bytes_per_token", row.bytes_per_token},
          {"gb_per_s", row.gb_per_s()}};
}

std::string table_line(const Row& row) {
  return fmt::format("{:<8}{:>7}{:>8}{:>7}{:>12.2f}{:>12.2f}{:>12.2f}{:>12}{:>9.2f}\n",
                     row.what.prefill ? "prefill" : "decode", row.what.tokens, row.what.depth, row.what.batch,
                     row.median(), row.tokens_per_s.front(), row.tokens_per_s.back(),
                     human_bytes(static_cast<int64_t>(row.bytes_per_token)), row.gb_per_s());
}

Status check(const BenchOptions& options, const std::vector<Case>& cases, const ModelConfig& config) {
  for (const Case& c : cases) {
    const int64_t limit = options.engine.context > 0 ? std::min(options.engine.context, config.max_positions)
                                                     : config.max_positions;
    if (c.tokens > limit || c.depth > limit - c.tokens) {  // the sum may not fit
      return Error(
          fmt::format("--depth {} and {} tokens are more than the context of {}", c.depth, c.tokens, limit));
    }
  }
  return {};
}

Result<int> run_bench(const BenchOptions& options) {
  const std::vector<Case> cases = cases_of(options);
  if (cases.empty()) return wrong_usage("bench", "nothing to measure: --prompt and --generate are both 0");
  QN_TRY(const OpenedModel opened, open_model(options.model));
  QN_RETURN_IF_ERROR(check(options, cases, opened.checkpoint.config));
  QN_TRY(const LoadedModel loaded, load_model(opened.checkpoint, options.engine));
  const double memory = MemorySpeed(*loaded.pool).read_gb_per_s();
  if (!options.json) {
    QN_RETURN_IF_ERROR(write_out(
        fmt::format("{}: {} of weights, backend {}, {} threads, {} cache, memory reads {:.1f} GB/s\n"
                    "{:<8}{:>7}{:>8}{:>7}{:>12}{:>12}{:>12}{:>12}{:>9}\n",
                    opened.label, human_bytes(loaded.model->weight_bytes()), loaded.ops->name(),
                    loaded.pool->size(), options.engine.kv_type, memory, "kind", "tokens", "depth", "batch",
                    "tokens/s", "min", "max", "per token", "GB/s")));
  }
  Json rows = Json::array();
  {
    Progress progress("measuring", static_cast<int64_t>(cases.size()), "rows", options.json);
    for (const Case& what : cases) {
      QN_TRY(const Row row, measure(*loaded.model, what, options.repeat));
      rows.push_back(to_json(row));
      if (!options.json) QN_RETURN_IF_ERROR(write_out(table_line(row)));
      progress.update(static_cast<int64_t>(rows.size()));
    }
  }
  if (options.json) {
    QN_RETURN_IF_ERROR(print_json({{"model", opened.label},
                                   {"weight_bytes", loaded.model->weight_bytes()},
                                   {"backend", loaded.ops->name()},
                                   {"threads", loaded.pool->size()},
                                   {"kv_type", options.engine.kv_type},
                                   {"repeat", options.repeat},
                                   {"machine", {{"read_gb_per_s", memory}}},
                                   {"rows", rows},
                                   {"peak_memory_bytes", peak_memory_bytes()}}));
  }
  return 0;
}

}  // namespace

void add_bench(CLI::App& program, Action& action) {
  CLI::App* command = add_command(
      program, "bench", "Measure the speed of prompts and of generation",
      "Every combination of the lists is a row: prefill rows process --prompt tokens, decode rows generate "
      "--generate tokens one by one, after --depth tokens that are there already, for --batch sequences "
      "together. "
      "Tokens are made up. Speeds count the tokens of all sequences; one run warms up, --repeat runs are "
      "measured. "
      "bytes_per_token is what a token has to read at least: weights (of the experts those that are expected "
      "to "
      "be chosen), cache and state; gb_per_s is that times the median speed, to be held against the "
      "machine's "
      "read_gb_per_s.",
      {"# decoding at three depths\nqnext bench model.gguf --prompt 0 --generate 64 --depth 0,4096,16384",
       "# for a script\nqnext bench ./model --batch 1,8 --repeat 3 --json"});
  auto o = std::make_shared<BenchOptions>();
  add_model_argument(command, o->model);
  const auto list = [&](const char* names, std::vector<int64_t>& values, int64_t low, const char* text) {
    at_least(named(comma_separated(command->add_option(names, values, text)), "N,N,..."), low);
  };
  list("--prompt", o->prompt, 0, "Prompt lengths; default 512, 0 for none");
  list("--generate", o->generate, 0, "Numbers of tokens to generate; default 64, 0 for none");
  list("--depth", o->depth, 0, "Tokens that are in the context already; default 0");
  list("--batch", o->batch, 1, "Numbers of sequences; default 1");
  within(named(command->add_option("--repeat", o->repeat, "Measured runs of each row; default 5"), "N"), 1,
         1e6);
  command->add_flag("--json", o->json, "Print rows and machine as JSON");
  add_engine_options(command, o->engine);
  command->callback([&action, o] { action = [o] { return run_bench(*o); }; });
}

}  // namespace qnext
