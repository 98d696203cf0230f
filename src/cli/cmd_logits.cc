// `qnext logits`: the numbers behind the text, for comparing implementations.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/progress.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/safetensors_writer.h"
#include "cli/load_model.h"
#include "cli/open_model.h"
#include "cli/output.h"
#include "cli/refuse.h"
#include "cli/token_files.h"
#include "engine/evaluate.h"
#include "sample/probabilities.h"

namespace qnext {
namespace {

struct LogitsOptions {
  std::string model, lora, tokens, out, kl_against;
  int64_t chunk = 512;
  bool mtp = false, json = false;
  EngineOptions engine;
};

// Another run's logits, and how far ours are from them.
class Comparison {
 public:
  static Result<Comparison> open(const std::string& path, int64_t positions, int64_t vocab) {
    QN_TRY(const auto file, open_safetensors(path));
    const TensorEntry* entry = file->find("logits");
    if (!entry) return Error(path + ": tensor logits: missing");
    if (entry->dtype != DType::kF32 || entry->shape != Shape{positions, vocab}) {
      return Error(fmt::format("{}: tensor logits: expected f32 [{}, {}], got {} {}", path, positions, vocab,
                               name(entry->dtype), entry->shape.text()));
    }
    Comparison comparison;
    QN_TRY(comparison.reference_, file->load("logits"));
    return comparison;
  }

  void add(int64_t first, std::span<const float> rows, ThreadPool& pool) {
    const int64_t vocab = reference_.shape[1];
    const int64_t count = static_cast<int64_t>(rows.size()) / vocab;
    kl_.resize(static_cast<size_t>(first + count));
    same_top_.resize(kl_.size());
    pool.parallel_for(count, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        const auto* stored = reinterpret_cast<const float*>(reference_.row(first + i));
        const std::span<const float> reference(stored, static_cast<size_t>(vocab));
        const auto row = rows.subspan(static_cast<size_t>(i * vocab), static_cast<size_t>(vocab));
        kl_[static_cast<size_t>(first + i)] = kl_divergence(reference, row);
        same_top_[static_cast<size_t>(first + i)] = most_probable(reference) == most_probable(row);
      }
    });
  }

  double mean() const { return sum(kl_) / static_cast<double>(kl_.size()); }
  double max() const { return *std::max_element(kl_.begin(), kl_.end()); }
  double same_top() const { return sum(same_top_) / static_cast<double>(kl_.size()); }

 private:
  static double sum(const std::vector<double>& values) {
    double total = 0;
    for (const double v : values) total += v;
    return total;
  }
  Tensor reference_;              // [positions, vocab]
  std::vector<double> kl_;        // per position
  std::vector<double> same_top_;  // 1 where the most probable token is the same
};

Status print_comparison(const Comparison& comparison, const LogitsOptions& options, size_t positions) {
  if (!options.json) {
    return write_out(
        fmt::format("KL divergence over {} positions: mean {:.6g}, max {:.6g}; same first choice: {:.2f} %\n",
                    positions, comparison.mean(), comparison.max(), 100 * comparison.same_top()));
  }
  return print_json({{"positions", positions},
                     {"mean_kl", comparison.mean()},
                     {"max_kl", comparison.max()},
                     {"same_top1", comparison.same_top()}});
}

// OUT, written piece by piece: logits, hidden_last, then mtp_logits.
std::vector<TensorEntry> entries_of(const ModelConfig& config, int64_t positions, bool mtp) {
  std::vector<TensorEntry> entries{{"logits", DType::kF32, {positions, config.vocab_size}},
                                   {"hidden_last", DType::kF32, {config.num_layers + 1, config.hidden_size}}};
  if (mtp) entries.push_back({"mtp_logits", DType::kF32, {positions - 1, config.vocab_size}});
  return entries;
}

Result<int> run_logits(const LogitsOptions& options) {
  if (options.out.empty() && options.kl_against.empty()) {
    return wrong_usage("logits", "give -o OUT.safetensors, --kl-against REF.safetensors or both");
  }
  for (const std::string& in : {options.model, options.tokens, options.kl_against}) {
    if (!options.out.empty()) QN_RETURN_IF_ERROR(refuse_to_replace(in, options.out));
  }
  QN_TRY(const OpenedModel opened, open_model(options.model, options.lora));
  const ModelConfig& config = opened.checkpoint.config;
  QN_TRY(const std::vector<int32_t> tokens, read_token_list(options.tokens, config.vocab_size));
  const auto positions = static_cast<int64_t>(tokens.size());
  if (options.engine.context > 0 && positions > options.engine.context) {
    return Error(
        fmt::format("{}: {} tokens, more than --ctx {}", options.tokens, positions, options.engine.context));
  }
  std::unique_ptr<SafetensorsStream> out;
  if (!options.out.empty()) {
    QN_TRY(out, SafetensorsStream::create(options.out, entries_of(config, positions, options.mtp)));
  }
  std::optional<Comparison> comparison;
  if (!options.kl_against.empty()) {
    QN_TRY(comparison, Comparison::open(options.kl_against, positions, config.vocab_size));
  }
  QN_TRY(const LoadedModel loaded, load_model(opened.checkpoint, options.engine, {.mtp = options.mtp}));

  std::vector<float> hidden_last(static_cast<size_t>((config.num_layers + 1) * config.hidden_size));
  loaded.model->observe([&](int64_t layer, const float* row) {
    std::copy_n(row, config.hidden_size, hidden_last.begin() + layer * config.hidden_size);
  });
  const auto write = [&out](std::span<const float> values) {
    if (out) out->write(values.data(), values.size_bytes());
  };
  Progress progress("reading", positions, "tokens", true);
  EvaluateRequest request;
  request.tokens = tokens;
  request.piece = options.chunk;
  request.progress = [&progress](int64_t done, int64_t) { progress.update(done); };
  request.logits = [&](int64_t first, std::span<const float> rows) -> Status {
    write(rows);
    if (out) QN_RETURN_IF_ERROR(out->status());
    if (comparison) comparison->add(first, rows, *loaded.pool);
    if (first + static_cast<int64_t>(rows.size()) / config.vocab_size == positions) write(hidden_last);
    return {};
  };
  if (options.mtp) {
    request.mtp_logits = [&](int64_t, std::span<const float> rows) -> Status {
      write(rows);
      return {};
    };
  }
  QN_RETURN_IF_ERROR(evaluate(*loaded.model, request));
  if (out) QN_RETURN_IF_ERROR(out->commit());
  if (comparison) QN_RETURN_IF_ERROR(print_comparison(*comparison, options, tokens.size()));
  return 0;
}

}  // namespace

void add_logits(const Program& program) {
  Command command = add_command(program, "logits", "Write the logits of every position of given tokens",
                                "OUT gets the F32 tensors logits [positions, vocab], hidden_last [layers + "
                                "1, hidden] (the residual stream "
                                "at the last position: the embedding, the input of each layer, the output "
                                "after the final norm) and with "
                                "--mtp mtp_logits [positions - 1, vocab]. --kl-against prints how far the "
                                "logits are from another run's.",
                                {"# the logits of five tokens\necho '[1, 2, 3, 4, 5]' >ids.json\n"
                                 "qnext logits ./model --tokens ids.json -o out.safetensors",
                                 "# what quantisation costs\nqnext logits model-q4_k_m.gguf --tokens "
                                 "ids.json --kl-against out.safetensors "
                                 "--json"});
  auto o = std::make_shared<LogitsOptions>();
  add_model_argument(command, o->model);
  add_lora_option(command, o->lora);
  command.add_option("--tokens", o->tokens, "A JSON list of token ids").named("FILE").required();
  command.add_option("-o,--output", o->out, "The safetensors file to write").named("FILE");
  command.add_option("--chunk", o->chunk, "Process the tokens in pieces of N; default 512")
      .named("N")
      .at_least(1);
  command.add_flag("--mtp", o->mtp, "Also the multi-token-prediction block's logits");
  command
      .add_option("--kl-against", o->kl_against,
                  "Compare with the logits in this file: KL(file || this run), mean and max")
      .named("FILE");
  command.add_flag("--json", o->json, "Print the comparison as JSON");
  add_engine_options(command, o->engine);
  command.does([o] { return run_logits(*o); });
}

}  // namespace qnext
