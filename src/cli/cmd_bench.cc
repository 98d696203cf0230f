// `qnext bench`: speed of prompts and of generation, beside what the machine's memory allows.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <tuple>

#include "base/files.h"
#include "base/progress.h"
#include "cli/bench_rows.h"
#include "cli/load_model.h"
#include "cli/open_model.h"
#include "cli/output.h"
#include "cli/plot_svg.h"
#include "engine/batch.h"

namespace qnext {
namespace {

struct BenchOptions {
  std::string model, plot;
  std::vector<int64_t> prompt{512}, generate{64}, depth{0}, batch{1};
  int64_t repeat = 5, piece = Batch::kPiece;
  bool operations = false, json = false;
  EngineOptions engine;
};

std::vector<BenchCase> cases_of(const BenchOptions& options) {
  std::vector<BenchCase> cases;
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

std::string table_line(const BenchRow& row) {
  return fmt::format(
      "{:<8}{:>7}{:>8}{:>7}{:>11.2f}{:>11.2f}{:>11.2f}{:>11}{:>8.2f}{:>9.1f}{:>8.0f} %{:>8.0f} %\n",
      row.what.prefill ? "prefill" : "decode", row.what.tokens, row.what.depth, row.what.batch, row.median(),
      row.tokens_per_s.front(), row.tokens_per_s.back(), human_bytes(static_cast<int64_t>(row.cost.bytes)),
      row.gb_per_s(), row.gflops(), 100 * row.share_of_bandwidth(), 100 * row.share_of_roofline());
}

// Where a row's time went. What is in no operation is last: the program between them.
std::string operations_table(const BenchRow& row) {
  if (row.operations.empty()) return "";
  const double whole = row.mean_seconds();
  std::string text = fmt::format("  {:<24}{:>8}{:>11}{:>8}{:>11}{:>8}{:>11}\n", "operation", "calls",
                                 "us/token", "share", "per token", "GB/s", "of memory");
  double rest = whole;
  for (const BenchOperation& o : row.operations) {
    rest -= o.seconds;
    text += fmt::format("  {:<24}{:>8.2f}{:>11.1f}{:>6.1f} %", o.name, o.calls, 1e6 * o.seconds,
                        100 * o.seconds / whole);
    if (o.bytes > 0) {
      text += fmt::format("{:>11}{:>8.2f}{:>9.0f} %", human_bytes(static_cast<int64_t>(o.bytes)),
                          o.gb_per_s(), 100 * o.gb_per_s() / row.machine.read_gb_per_s);
    }
    text += "\n";
  }
  return text +
         fmt::format("  {:<24}{:>8}{:>11.1f}{:>6.1f} %\n", "between", "", 1e6 * rest, 100 * rest / whole);
}

std::string heading(const OpenedModel& opened, const LoadedModel& loaded, const BenchOptions& options,
                    const Bench& bench) {
  const Machine& machine = bench.machine();
  return fmt::format(
      "{}: {} of weights, backend {}, {} threads, {} cache\n"
      "machine: reads {:.1f} GB/s, computes {:.0f} GFLOP/s in float32, {:.0f} in bf16, {:.0f} in int8\n"
      "{:<8}{:>7}{:>8}{:>7}{:>11}{:>11}{:>11}{:>11}{:>8}{:>9}{:>10}{:>10}\n",
      opened.label, human_bytes(loaded.model->weight_bytes()), loaded.ops->name(), loaded.pool->size(),
      options.engine.kv_type, machine.read_gb_per_s, machine.peaks.f32.gflops, machine.peaks.bf16.gflops,
      machine.peaks.int8.gflops, "kind", "tokens", "depth", "batch", "tokens/s", "min", "max", "per token",
      "GB/s", "GFLOP/s", "of memory", "of roof");
}

// Speed by depth, a line for every batch and number of tokens, and the roofline of each.
Plot plot_of(const std::string& title, bool prefill, std::vector<BenchRow> rows) {
  const auto key = [](const BenchRow& row) {
    return std::tuple(row.what.batch, row.what.tokens, row.what.depth);
  };
  std::erase_if(rows, [&](const BenchRow& row) { return row.what.prefill != prefill; });
  std::sort(rows.begin(), rows.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  Plot plot{title, "tokens before", "tokens/s", {}};
  const BenchRow* last = nullptr;
  int colour = -1;
  for (const BenchRow& row : rows) {
    const BenchCase& what = row.what;
    if (!last || what.batch != last->what.batch || what.tokens != last->what.tokens) {
      const std::string label = fmt::format("{} tokens, batch {}", what.tokens, what.batch);
      plot.lines.push_back({label, {}, false, ++colour});
      plot.lines.push_back({"its roofline", {}, true, colour});
    }
    const auto depth = static_cast<double>(what.depth);
    plot.lines[plot.lines.size() - 2].points.push_back({depth, row.median()});
    plot.lines.back().points.push_back({depth, row.roofline_tokens_per_s()});
    last = &row;
  }
  return plot;
}

std::string picture_of(const std::string& label, const std::vector<BenchRow>& rows) {
  std::vector<Plot> plots;
  for (const bool prefill : {true, false}) {
    const std::string title = fmt::format("{}: {}", label, prefill ? "prefill" : "decode");
    plots.push_back(plot_of(title, prefill, rows));
    if (plots.back().lines.empty()) plots.pop_back();
  }
  return to_svg(plots);
}

Json summary_of(const OpenedModel& opened, const LoadedModel& loaded, const BenchOptions& options,
                const Bench& bench, const std::vector<BenchRow>& rows) {
  Json list = Json::array();
  for (const BenchRow& row : rows) list.push_back(row.to_json());
  return {{"model", opened.label},
          {"weight_bytes", loaded.model->weight_bytes()},
          {"backend", loaded.ops->name()},
          {"threads", loaded.pool->size()},
          {"kv_type", options.engine.kv_type},
          {"activations", options.engine.activations},
          {"repeat", options.repeat},
          {"piece", options.piece},
          {"machine", bench.machine().to_json()},
          {"rows", list},
          {"peak_memory_bytes", peak_memory_bytes()}};
}

Status check(const BenchOptions& options, const std::vector<BenchCase>& cases, const ModelConfig& config) {
  for (const BenchCase& c : cases) {
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
  const std::vector<BenchCase> cases = cases_of(options);
  if (cases.empty()) return wrong_usage("bench", "nothing to measure: --prompt and --generate are both 0");
  QN_TRY(const OpenedModel opened, open_model(options.model));
  QN_RETURN_IF_ERROR(check(options, cases, opened.checkpoint.config));
  std::unique_ptr<AtomicFile> picture;  // made before the long work, which a wrong path would waste
  if (!options.plot.empty()) {
    QN_TRY(picture, AtomicFile::create(options.plot));
  }
  QN_TRY(const LoadedModel loaded,
         load_model(opened.checkpoint, options.engine, {.timed = options.operations}));
  loaded.model->finish_loading();
  Bench bench(loaded, options.repeat, options.piece, options.engine.rounding(), options.engine.isa);
  if (!options.json) QN_RETURN_IF_ERROR(write_out(heading(opened, loaded, options, bench)));
  std::vector<BenchRow> rows;
  {
    Progress progress("measuring", static_cast<int64_t>(cases.size()), "rows", options.json);
    for (const BenchCase& what : cases) {
      QN_TRY(BenchRow row, bench.measure(what));
      if (!options.json) QN_RETURN_IF_ERROR(write_out(table_line(row) + operations_table(row)));
      rows.push_back(std::move(row));
      progress.update(static_cast<int64_t>(rows.size()));
    }
  }
  if (picture) {
    picture->write(picture_of(std::filesystem::path(opened.label).filename(), rows));
    QN_RETURN_IF_ERROR(picture->commit());
  }
  if (options.json) {
    QN_RETURN_IF_ERROR(print_json(summary_of(opened, loaded, options, bench, rows)));
  }
  return 0;
}

}  // namespace

void add_bench(const Program& program) {
  Command command = add_command(
      program, "bench", "Measure the speed of prompts and of generation",
      "Every combination of the lists is a row: prefill rows process --prompt tokens, decode rows generate "
      "--generate tokens one by one, after --depth tokens that are there already, for --batch sequences "
      "together. "
      "Tokens are made up. Speeds count the tokens of all sequences; one run warms up, --repeat runs are "
      "measured. "
      "bytes_per_token is what a token has to read at least: weights (of the experts those that are expected "
      "to be chosen), cache and state; flops_per_token is what it has to compute. They are held against the "
      "machine, which is measured in between: share_of_bandwidth is the time to read those bytes, and "
      "share_of_roofline the longer of that and the time to compute at the peak of the machine's best "
      "instruction for what --activations allows, by the time that was needed.",
      {"# decoding at three depths\nqnext bench model.gguf --prompt 0 --generate 64 --depth 0,4096,16384",
       "# what its operations take\nqnext bench model.gguf --prompt 0 --operations",
       "# a picture of it\nqnext bench model.gguf --depth 0,4096,16384 --batch 1,8 --plot speed.svg",
       "# for a script\nqnext bench ./model --batch 1,8 --repeat 3 --json"});
  auto o = std::make_shared<BenchOptions>();
  add_model_argument(command, o->model);
  const auto list = [&](const char* names, std::vector<int64_t>& values, int64_t low, const char* text) {
    command.add_option(names, values, text).comma_separated().named("N,N,...").at_least(low);
  };
  list("--prompt", o->prompt, 0, "Prompt lengths; default 512, 0 for none");
  list("--generate", o->generate, 0, "Numbers of tokens to generate; default 64, 0 for none");
  list("--depth", o->depth, 0, "Tokens that are in the context already; default 0");
  list("--batch", o->batch, 1, "Numbers of sequences; default 1");
  command.add_option("--repeat", o->repeat, "Measured runs of each row; default 5").named("N").within(1, 1e6);
  command
      .add_option("--piece", o->piece,
                  "Most tokens of a step of a prompt, all sequences together; default 1024")
      .named("N")
      .at_least(1);
  command.add_option("--plot", o->plot, "Draw speeds by depth, with the roofline, as an SVG picture")
      .named("FILE");
  command.add_flag("--operations", o->operations, "Show where the time of each row went, by operation");
  command.add_flag("--json", o->json, "Print rows and machine as JSON");
  add_engine_options(command, o->engine);
  command.does([o] { return run_bench(*o); });
}

}  // namespace qnext
