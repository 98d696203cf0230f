// `qnext run`: one prompt, one answer.
#include <fmt/format.h>

#include <memory>
#include <optional>

#include "base/progress.h"
#include "cli/answer.h"
#include "cli/conversation.h"
#include "cli/interrupt.h"
#include "cli/load_model.h"
#include "cli/open_model.h"
#include "cli/output.h"
#include "engine/session.h"

namespace qnext {
namespace {

// What the embedded model is asked by a bare `qnext run`.
constexpr const char* kDefaultQuestion = "Tell me a story.";

struct RunOptions {
  std::string model, lora, file, system;
  std::optional<std::string> prompt;
  std::vector<std::string> stops;
  bool raw = false, json = false;
  SamplingOptions sampling;
  EngineOptions engine;
};

// The contents of a file without the newline that editors and `echo` put at the end.
Result<std::string> read_prompt_file(const std::string& path) {
  QN_TRY(std::string text, read_text_input(path));
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

// The user's text, or nothing when none was given and the embedded model may be asked something.
Result<std::optional<std::string>> read_prompt(const RunOptions& options) {
  if (options.prompt) return options.prompt;
  if (!options.file.empty()) {
    QN_TRY(std::string text, read_prompt_file(options.file));
    return std::optional<std::string>(std::move(text));
  }
  if (stdin_is_terminal()) return std::optional<std::string>();
  QN_TRY(std::string text, read_prompt_file("-"));
  if (text.empty() && options.model.empty()) return std::optional<std::string>();
  return std::optional<std::string>(std::move(text));
}

Result<RenderedPrompt> make_prompt(const OpenedModel& opened, const Tokenizer& tokenizer,
                                   const RunOptions& options, const std::string& text) {
  if (text.empty()) return Error("the prompt is empty");
  RenderedPrompt prompt;
  if (!options.raw) {
    QN_TRY(const auto chat_template, opened.chat_template());
    if (chat_template) {
      Conversation conversation(*chat_template, tokenizer);
      conversation.set_system(options.system);
      conversation.add("user", text);
      return conversation.prompt();
    }
  }
  if (!options.system.empty()) {
    return Error("--system needs a chat template, which " +
                 std::string(options.raw ? "--raw switches off" : "this model does not have"));
  }
  prompt.tokens = tokenizer.encode(text);
  prompt.text = text;
  return prompt;
}

Result<int> answer(const RunOptions& options, const std::string& text) {
  QN_TRY(const OpenedModel opened, open_model(options.model, options.lora));
  QN_TRY(const auto tokenizer, opened.tokenizer());
  QN_TRY(const RenderedPrompt prompt, make_prompt(opened, *tokenizer, options, text));
  const int64_t vocab = opened.checkpoint.config.vocab_size;
  QN_TRY(const SamplingParams sampling, options.sampling.resolve(opened.defaults(Purpose::kText), vocab));
  QN_TRY(std::vector<int32_t> forbidden, opened.tokens_without_text());
  QN_TRY(const LoadedModel loaded, load_model(opened.checkpoint, options.engine));
  QN_TRY(const auto session, Session::create(*loaded.model, {.context = options.engine.context,
                                                             .forbidden = std::move(forbidden)}));

  const InterruptScope interrupt;
  AnswerPrinter printer(stdout_is_terminal(), opens_thinking(prompt.text));
  std::optional<Progress> progress(std::in_place, "prompt", static_cast<int64_t>(prompt.tokens.size()),
                                   "tokens", true);
  AnswerText shown(*tokenizer, options.stops,
                   [&](std::string_view piece) { return options.json ? Status{} : printer.print(piece); });
  const std::vector<int64_t> stops =
      options.sampling.ignore_eos ? std::vector<int64_t>{} : opened.stop_tokens();
  GenerateRequest request;
  request.prompt = prompt.tokens;
  request.sampling = sampling;
  request.max_new = options.sampling.max_new;
  request.stop_tokens = stops;
  request.cancel = interrupt.flag();
  request.prompt_progress = [&progress](int64_t done, int64_t) { progress->update(done); };
  std::vector<int32_t> tokens;
  QN_TRY(const GenerateStats stats, session->generate(request, [&](int32_t token) {
    progress.reset();
    tokens.push_back(token);
    const bool end = std::find(stops.begin(), stops.end(), token) != stops.end();
    return end || shown.push(token);
  }));
  progress.reset();
  QN_RETURN_IF_ERROR(shown.finish());
  if (options.json) {
    Json json = {{"text", shown.text()}};
    json.update(stats_json(stats, tokens, sampling.seed));
    QN_RETURN_IF_ERROR(print_json(json));
  } else {
    QN_RETURN_IF_ERROR(printer.finish());
    note(speed_line(stats));
  }
  return stats.finish == FinishReason::kCancelled ? kInterruptedExit : 0;
}

Result<int> run_run(const RunOptions& options) {
  if (options.prompt && !options.file.empty()) return wrong_usage("run", "give either -p or -f, not both");
  QN_TRY(std::optional<std::string> text, read_prompt(options));
  if (!text && !options.model.empty()) {
    return wrong_usage("run",
                       "no prompt: give -p TEXT, -f FILE or text on standard input; "
                       "'qnext chat' is for conversations");
  }
  if (!text) {
    text = kDefaultQuestion;
    note(fmt::format("No prompt (-p TEXT) was given; asking the embedded model: {}\n", *text));
  }
  return answer(options, *text);
}

}  // namespace

void add_run(const Program& program) {
  Command command = add_command(program, "run", "Answer a prompt once",
                                "The prompt is -p TEXT, the contents of -f FILE, or standard input; of the "
                                "latter two, one newline at the end "
                                "is left out. When the model has a chat template, the prompt is the user's "
                                "message of a conversation, unless "
                                "--raw is given; otherwise, and with --raw, the text is continued as it "
                                "is. Without any prompt the embedded "
                                "model is asked for a story. The answer is printed as it comes; speeds and "
                                "memory follow on standard error.",
                                {"# a first try, with the model inside the program\nqnext run",
                                 "# an answer from a published model\nqnext run "
                                 "./Qwen3-Next-80B-A3B-Instruct -p 'Why is the sky blue?'",
                                 "# text on standard input, at most 200 tokens, reproducible\n"
                                 "qnext run model.gguf -n 200 --seed 1 <question.txt",
                                 "# continue a text, for a script\nqnext run model.gguf --raw -p 'Once "
                                 "upon a time' -n 50 --temp 0 --json"});
  auto o = std::make_shared<RunOptions>();
  add_model_argument(command, o->model);
  add_lora_option(command, o->lora);
  command.add_option("-p,--prompt", o->prompt, "The prompt").named("TEXT");
  command.add_option("-f,--file", o->file, "Read the prompt from a file; - for standard input").named("FILE");
  command.add_option("--system", o->system, "A system message before the prompt").named("TEXT");
  command.add_option("--stop", o->stops, "End the answer before this text; may be repeated")
      .named("TEXT")
      .repeated();
  command.add_flag("--raw", o->raw, "Continue the text without a chat template");
  command.add_flag("--json", o->json, "Print text, ids and speeds as one JSON object at the end");
  add_sampling_options(command, o->sampling);
  add_engine_options(command, o->engine);
  command.does([o] { return run_run(*o); });
}

}  // namespace qnext
