// `qnext chat`: a conversation in the terminal.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "base/files.h"
#include "base/progress.h"
#include "base/random.h"
#include "cli/answer.h"
#include "cli/conversation.h"
#include "cli/interrupt.h"
#include "cli/line_editor.h"
#include "cli/load_model.h"
#include "cli/open_model.h"
#include "cli/output.h"
#include "engine/session.h"

namespace qnext {
namespace {

constexpr const char* kHelp =
    "  /help          this list\n"
    "  /clear         forget the conversation, keep the system message\n"
    "  /system TEXT   set the system message and forget the conversation; without TEXT, remove it\n"
    "  /save FILE     write the conversation as JSON messages\n"
    "  /exit          leave; so does Ctrl-D\n"
    "A line that ends with \\ goes on in the next one. Ctrl-C stops an answer.";

struct ChatOptions {
  std::string model, lora, system;
  std::vector<std::string> stops;
  SamplingOptions sampling;
  EngineOptions engine;
};

class Chat {
 public:
  Chat(const ChatOptions& options, const OpenedModel& opened, const Tokenizer& tokenizer,
       const ChatTemplate& chat_template, Session& session, SamplingParams sampling)
      : options_(options),
        opened_(opened),
        tokenizer_(tokenizer),
        session_(session),
        sampling_(std::move(sampling)),
        conversation_(chat_template, tokenizer),
        terminal_(stdin_is_terminal()),
        lines_(terminal_ ? make_terminal_lines() : make_plain_lines()) {
    conversation_.set_system(options.system);
  }

  Result<int> run() {
    if (terminal_) note(fmt::format("{}. /help lists the commands, Ctrl-D leaves.", opened_.label));
    for (bool warned = false;;) {
      std::string line;
      const auto event = read_message(line);
      if (event == LineReader::Event::kEnd) break;
      if (event == LineReader::Event::kInterrupt) {
        if (warned) break;
        note("Ctrl-C again, or Ctrl-D, leaves.");
        warned = true;
        continue;
      }
      warned = false;
      if (line.find_first_not_of(" \t") == std::string::npos) continue;
      if (line.front() == '/') {
        if (!command(line)) break;
        continue;
      }
      QN_RETURN_IF_ERROR(answer(line));
      // Without a terminal there is nobody to ask again.
      if (stopped_ && !terminal_) return kInterruptedExit;
    }
    if (terminal_ && answers_ > 0) note(totals());
    return 0;
  }

 private:
  // One message; lines that end with a backslash are joined with the next.
  LineReader::Event read_message(std::string& message) {
    std::string line;
    auto event = lines_->read(">>> ", line);
    while (event == LineReader::Event::kLine && terminal_ && !line.empty() && line.back() == '\\') {
      line.pop_back();
      message += line + "\n";
      event = lines_->read("... ", line);
    }
    message += line;
    return event;
  }

  // Performs a line that starts with a slash; false to leave.
  bool command(const std::string& line) {
    const size_t space = std::min(line.find(' '), line.size());
    const std::string name = line.substr(0, space);
    const size_t start = line.find_first_not_of(' ', space);
    const std::string rest = start == std::string::npos ? "" : line.substr(start);
    if (name == "/exit" || name == "/quit" || name == "/bye") return false;
    if (name == "/help" || name == "/?") {
      note(kHelp);
    } else if (name == "/clear") {
      conversation_.clear();
      note("The conversation is forgotten.");
    } else if (name == "/system") {
      conversation_.clear();
      conversation_.set_system(rest);
      note(rest.empty() ? "No system message." : "The system message is set; the conversation is forgotten.");
    } else if (name == "/save") {
      const Status saved = save(rest);
      if (!saved.ok()) report_error(saved.error().message());
    } else {
      note(fmt::format("{}: no such command; /help lists them.", name));
    }
    return true;
  }

  Status save(const std::string& path) {
    if (path.empty()) return Error("/save: give the name of a file");
    QN_TRY(const auto file, AtomicFile::create(path));
    file->write(dump_json(conversation_.messages(), 2) + "\n");
    QN_RETURN_IF_ERROR(file->commit());
    note(fmt::format("Saved to {}.", path));
    return {};
  }

  // Only an error of the output ends the program; others leave the conversation as it was.
  Status answer(const std::string& message) {
    conversation_.add("user", message);
    const auto prompt = conversation_.prompt();
    auto failed = [this](const Error& error) {
      report_error(error.message());
      conversation_.drop_last();
      return Status{};
    };
    if (!prompt.ok()) return failed(prompt.error());
    AnswerPrinter printer(stdout_is_terminal(), opens_thinking(prompt->text));
    Status printed;
    AnswerText text(tokenizer_, options_.stops, [&](std::string_view piece) {
      printed = printer.print(piece);
      return printed;
    });
    auto stats = generate(prompt->tokens, text);
    if (stats.ok()) (void)text.finish();
    if (printed.ok()) printed = printer.finish();
    QN_RETURN_IF_ERROR(printed);
    if (!stats.ok()) return failed(stats.error());
    conversation_.add("assistant", text.text());
    count(*stats);
    return {};
  }

  Result<GenerateStats> generate(const std::vector<int32_t>& prompt, AnswerText& text) {
    const InterruptScope interrupt;
    const std::vector<int64_t> stops =
        options_.sampling.ignore_eos ? std::vector<int64_t>{} : opened_.stop_tokens();
    std::optional<Progress> progress(std::in_place, "prompt", static_cast<int64_t>(prompt.size()), "tokens",
                                     true);
    GenerateRequest request;
    request.prompt = prompt;
    request.sampling = sampling_;
    // The first answer is that of `run` with the same seed; later ones draw other numbers.
    if (answers_ > 0) request.sampling.seed = random_bits(sampling_.seed, 1, static_cast<uint64_t>(answers_));
    request.max_new = options_.sampling.max_new;
    request.stop_tokens = stops;
    request.cancel = interrupt.flag();
    request.prompt_progress = [&progress](int64_t done, int64_t) { progress->update(done); };
    return session_.generate(request, [&](int32_t token) {
      progress.reset();
      return std::find(stops.begin(), stops.end(), token) != stops.end() || text.push(token);
    });
  }

  void count(const GenerateStats& stats) {
    ++answers_;
    stopped_ = stats.finish == FinishReason::kCancelled;
    if (stopped_ && terminal_) note("(stopped)");
    const int64_t used = stats.prompt_tokens + stats.generated_tokens;
    if (stats.finish == FinishReason::kLength && used >= session_.context()) {
      note(fmt::format("(the context of {} tokens is full; /clear starts anew)", session_.context()));
    }
    total_.prompt_tokens += stats.prompt_tokens;
    total_.reused_tokens += stats.reused_tokens;
    total_.prompt_seconds += stats.prompt_seconds;
    // Of each answer the first token is part of the prompt's time.
    total_.generated_tokens += std::max<int64_t>(0, stats.generated_tokens - 1);
    total_.generate_seconds += stats.generate_seconds;
  }

  std::string totals() const {
    const double decode = total_.generate_seconds > 0
                              ? static_cast<double>(total_.generated_tokens) / total_.generate_seconds
                              : 0;
    return fmt::format("{} answers: prompts {:.1f} tokens/s, generation {:.1f} tokens/s; peak memory {}",
                       answers_, total_.prompt_tokens_per_second(), decode, human_bytes(peak_memory_bytes()));
  }

  const ChatOptions& options_;
  const OpenedModel& opened_;
  const Tokenizer& tokenizer_;
  Session& session_;
  const SamplingParams sampling_;
  Conversation conversation_;
  const bool terminal_;
  std::unique_ptr<LineReader> lines_;
  GenerateStats total_;
  int64_t answers_ = 0;
  bool stopped_ = false;
};

Result<int> run_chat(const ChatOptions& options) {
  QN_TRY(const OpenedModel opened, open_model(options.model, options.lora));
  QN_TRY(const auto tokenizer, opened.tokenizer());
  QN_TRY(const auto chat_template, opened.chat_template());
  if (!chat_template) {
    return Error(opened.label + ": the model has no chat template; 'qnext run --raw' continues text");
  }
  QN_TRY(const SamplingParams sampling,
         options.sampling.resolve(opened.defaults(Purpose::kText), opened.checkpoint.config.vocab_size));
  QN_TRY(std::vector<int32_t> forbidden, opened.tokens_without_text());
  QN_TRY(const LoadedModel loaded, load_model(opened.checkpoint, options.engine));
  QN_TRY(const auto session, Session::create(*loaded.model, {.context = options.engine.context,
                                                             .forbidden = std::move(forbidden),
                                                             .keep_snapshots = true}));
  return Chat(options, opened, *tokenizer, *chat_template, *session, sampling).run();
}

}  // namespace

void add_chat(const Program& program) {
  Command command = add_command(program, "chat", "Hold a conversation in the terminal",
                                "Type a message and Enter. What the model has read is kept between "
                                "messages, so only what is new takes time. "
                                "Lines that start with / are commands; /help lists them. When standard "
                                "input is not a terminal, each of its "
                                "lines is a message.",
                                {"# with the model inside the program\nqnext chat",
                                 "# with a published model and a system message\nqnext chat "
                                 "./Qwen3-Next-80B-A3B-Instruct --system 'Be brief.'"});
  auto o = std::make_shared<ChatOptions>();
  add_model_argument(command, o->model);
  add_lora_option(command, o->lora);
  command.add_option("--system", o->system, "The system message").named("TEXT");
  command.add_option("--stop", o->stops, "End an answer before this text; may be repeated")
      .named("TEXT")
      .repeated();
  add_sampling_options(command, o->sampling);
  add_engine_options(command, o->engine);
  command.does([o] { return run_chat(*o); });
}

}  // namespace qnext
