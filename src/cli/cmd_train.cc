// `qnext train`: a model from a recipe.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/progress.h"
#include "cli/definitions.h"
#include "cli/interrupt.h"
#include "cli/model_text.h"
#include "cli/open_model.h"
#include "cli/output.h"
#include "cli/train_tokenizer.h"
#include "train/run/published_files.h"
#include "train/run/recipe.h"
#include "train/run/run_checkpoint.h"
#include "train/run/training_run.h"

namespace qnext {
namespace {

namespace fs = std::filesystem;

struct TrainOptions {
  std::string recipe;
  bool finetune = false;
  int64_t threads = 0;
};

// The folder of the recipe's tokenizer. One that is to be learnt is learnt when the run begins, and kept
// beside the checkpoints.
Result<std::string> tokenizer_folder(const train::Recipe& recipe, int64_t threads) {
  if (!recipe.tokenizer.path.empty()) return recipe.tokenizer.path;
  const fs::path folder = fs::path(recipe.output.folder) / "tokenizer";
  std::error_code ignored;
  if (fs::exists(folder / "tokenizer.json", ignored)) {
    if (!train::run_checkpoints(recipe.output.folder).empty()) return folder.string();
    fs::remove_all(folder, ignored);  // of a run that has not begun: data and recipe may have changed
  }
  TrainTokenizerOptions options;
  for (const train::Source& source : recipe.data.sources) {
    QN_TRY(const std::vector<std::string> files, train::source_files(source));
    options.files.insert(options.files.end(), files.begin(), files.end());
  }
  options.out = folder.string();
  options.vocab_size = recipe.tokenizer.vocab_size;
  options.threads = threads;
  QN_RETURN_IF_ERROR(train_tokenizer(options, recipe.path + ": field tokenizer.vocab_size"));
  return options.out;
}

// Text as the tokenizer's folder says it is written.
Result<train::TextFormat> text_format(const std::string& folder) {
  QN_TRY(const OpenedModel opened, open_model_text(folder));
  train::TextFormat format;
  QN_TRY(format.tokenizer, opened.tokenizer());
  QN_TRY(const auto chat, opened.chat_template());
  if (chat) format.chat = *chat;
  QN_TRY(const auto end, load_end_token(opened.checkpoint, *format.tokenizer));
  // Tokenizers of chat models name the end of a turn; documents end with this token of all Qwen tokenizers.
  format.end_of_text = format.tokenizer->find_token("<|endoftext|>").value_or(end.value_or(-1));
  if (end) format.end_of_turn.push_back(*end);
  return format;
}

// What ends an answer of the trained model.
std::vector<int64_t> end_tokens(const train::TextFormat& format) {
  std::vector<int64_t> ends(format.end_of_turn.begin(), format.end_of_turn.end());
  if (format.end_of_text >= 0 && std::find(ends.begin(), ends.end(), format.end_of_text) == ends.end()) {
    ends.push_back(format.end_of_text);
  }
  return ends;
}

Result<train::Corpus> read_corpus(const train::Recipe& recipe, const train::TextFormat& format,
                                  ThreadPool& pool) {
  train::CorpusOptions options;
  options.sources = recipe.data.sources;
  options.held_out = recipe.data.held_out;
  options.held_out_share = recipe.data.held_out_share;
  options.held_out_tokens = recipe.data.held_out_tokens;
  options.sequence_length = recipe.train.sequence_length;
  constexpr int64_t kMega = 1000000;
  std::optional<Progress> progress;
  return train::Corpus::build(options, format, pool, [&](int64_t done, int64_t of) {
    if (!progress) progress.emplace("tokenising", of / kMega, "MB", true);
    progress->update(done / kMega);
  });
}

// `train` makes models, `finetune` changes them; a recipe is for one of the two.
Result<train::Recipe> read_recipe_for(const TrainOptions& options) {
  QN_TRY(train::Recipe recipe, train::read_recipe(options.recipe));
  if (options.finetune && recipe.base.empty()) {
    return Error(recipe.path +
                 ": field base: missing, the checkpoint to start from: [base] path = \"FOLDER\"");
  }
  if (!options.finetune && !recipe.base.empty()) {
    return Error(recipe.path + ": field base: a recipe with a base is one for qnext finetune");
  }
  return recipe;
}

Result<int> run_train(const TrainOptions& options) {
  QN_TRY(const train::Recipe recipe, read_recipe_for(options));
  QN_TRY(const auto lock, train::RunLock::take(recipe.output.folder));
  QN_TRY(const std::string folder, tokenizer_folder(recipe, options.threads));
  QN_TRY(const train::TextFormat format, text_format(folder));
  ThreadPool pool(static_cast<int>(options.threads));
  QN_TRY(const train::Corpus corpus, read_corpus(recipe, format, pool));
  QN_TRY(const ModelConfig config, recipe.model_config(format.tokenizer->vocab_size(), end_tokens(format)));
  QN_TRY(auto files, train::published_files(folder, config, !recipe.base.empty()));
  const InterruptScope interrupt;
  QN_TRY(const train::RunResult result,
         train::run_training({recipe, config, corpus, std::move(files)}, pool, interrupt.flag()));
  note(fmt::format("{} after step {}: {}", result.finished ? "finished" : "stopped", result.step,
                   result.checkpoint));
  return result.finished ? 0 : kInterruptedExit;
}

// What both commands have.
void define(Command command, bool finetune) {
  auto o = std::make_shared<TrainOptions>();
  o->finetune = finetune;
  command.add_option("RECIPE", o->recipe, "The recipe").named("FILE").required();
  command.add_option("-t,--threads", o->threads, "Threads; default one per processor")
      .named("N")
      .within(1, 1024);
  command.does([o] { return run_train(*o); });
}

constexpr const char* kGoesOn =
    "Started again, a run goes on from its newest checkpoint, with the same result as if it had never been "
    "stopped. Ctrl-C ends it after the running step with a checkpoint; a second one at once.";

}  // namespace

void add_train(const Program& program) {
  define(
      add_command(program, "train", "Train a model from a recipe",
                  fmt::format("RECIPE is a TOML file: the model's shape, tokenizer, data, schedule, and the "
                              "folder for all that is written (docs/train.md has every field). A checkpoint "
                              "is a folder in the published layout, which the other commands read. {}",
                              kGoesOn),
                  {"# a model of its own\nqnext train tiny.toml\nqnext chat out/step-002000"}),
      false);
}

void add_finetune(const Program& program) {
  define(add_command(
             program, "finetune", "Train a model further, or a LoRA adapter for it",
             fmt::format("RECIPE is one of train with a section [base], the published checkpoint to start "
                         "from, in place of [model] and [tokenizer]. With a section [lora] an adapter is "
                         "trained and the model stays as it is: a checkpoint is then a folder in PEFT's "
                         "layout, for --lora and for merge. {}",
                         kGoesOn),
             {"# an adapter\nqnext finetune talk.toml\nqnext chat ./model --lora out/step-000500"}),
         true);
}

}  // namespace qnext
