// `qnext generate-ids`: token ids in, token ids out.
#include <fmt/format.h>

#include <memory>

#include "cli/answer.h"
#include "cli/interrupt.h"
#include "cli/load_model.h"
#include "cli/open_model.h"
#include "cli/output.h"
#include "cli/token_files.h"
#include "engine/session.h"

namespace qnext {
namespace {

struct GenerateIdsOptions {
  std::string model, lora, tokens;
  bool json = false;
  SamplingOptions sampling;
  EngineOptions engine;
};

Result<int> run_generate_ids(const GenerateIdsOptions& options) {
  QN_TRY(const OpenedModel opened, open_model(options.model, options.lora));
  const int64_t vocab = opened.checkpoint.config.vocab_size;
  QN_TRY(const std::vector<int32_t> prompt, read_token_list(options.tokens, vocab));
  QN_TRY(const SamplingParams sampling, options.sampling.resolve(opened.defaults(Purpose::kIds), vocab));
  QN_TRY(std::vector<int32_t> forbidden, opened.tokens_without_text());
  QN_TRY(const LoadedModel loaded, load_model(opened.checkpoint, options.engine));
  QN_TRY(const auto session, Session::create(*loaded.model, {.context = options.engine.context,
                                                             .forbidden = std::move(forbidden)}));

  const InterruptScope interrupt;
  const std::vector<int64_t> stops =
      options.sampling.ignore_eos ? std::vector<int64_t>{} : opened.stop_tokens();
  GenerateRequest request;
  request.prompt = prompt;
  request.sampling = sampling;
  request.max_new = options.sampling.max_new;
  request.stop_tokens = stops;
  request.cancel = interrupt.flag();
  std::vector<int32_t> tokens;
  QN_TRY(const GenerateStats stats, session->generate(request, [&tokens](int32_t token) {
    tokens.push_back(token);
    return true;
  }));
  if (options.json) {
    QN_RETURN_IF_ERROR(print_json(stats_json(stats, tokens, sampling.seed)));
  } else {
    QN_RETURN_IF_ERROR(write_out(dump_json(Json(tokens)) + "\n"));
    note(speed_line(stats));
  }
  return stats.finish == FinishReason::kCancelled ? kInterruptedExit : 0;
}

}  // namespace

void add_generate_ids(const Program& program) {
  Command command = add_command(program, "generate-ids", "Continue a list of token ids",
                                "Prints the ids that follow, the end-of-text token included when there is "
                                "one, as a JSON list, or with --json "
                                "in the field tokens of an object. Where neither the command line nor the "
                                "model says how to sample, the most "
                                "probable token is taken.",
                                {"# 48 tokens, the most probable each time\nqnext generate-ids ./model "
                                 "--tokens ids.json -n 48 --temp 0 --json"});
  auto o = std::make_shared<GenerateIdsOptions>();
  add_model_argument(command, o->model);
  add_lora_option(command, o->lora);
  command.add_option("--tokens", o->tokens, "A JSON list of token ids").named("FILE").required();
  command.add_flag("--json", o->json, "Print ids and speeds as one JSON object");
  add_sampling_options(command, o->sampling);
  add_engine_options(command, o->engine);
  command.does([o] { return run_generate_ids(*o); });
}

}  // namespace qnext
