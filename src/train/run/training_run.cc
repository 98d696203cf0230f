#include "train/run/training_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>

#include "checkpoint/checkpoint.h"
#include "checkpoint/lora.h"
#include "checkpoint/published_view.h"
#include "train/data/batches.h"
#include "train/data/fingerprint.h"
#include "train/grad/trainer.h"
#include "train/run/console.h"
#include "train/run/curve.h"
#include "train/run/evaluate.h"
#include "train/run/published_files.h"
#include "train/run/run_checkpoint.h"
#include "train/run/run_log.h"

namespace qnext::train {
namespace {

namespace fs = std::filesystem;

// The tensors that do not decay, by name. Every pattern must mean some.
Result<std::vector<std::string>> without_decay(const Recipe& recipe, const ParameterLayout& layout) {
  for (const std::string& pattern : recipe.train.no_decay) {
    if (std::count(kNoDecay.begin(), kNoDecay.end(), pattern) > 0)
      continue;  // a model may have none of those
    TrainRecipe alone;
    alone.no_decay = {pattern};
    const bool used = std::any_of(layout.entries().begin(), layout.entries().end(),
                                  [&](const ParameterEntry& entry) { return !alone.decays(entry.name); });
    if (!used) {
      return Error(fmt::format("{}: field train.no_decay: no tensor of the model is named \"{}\"",
                               recipe.path, pattern));
    }
  }
  std::vector<std::string> names;
  for (const ParameterEntry& entry : layout.entries()) {
    if (!recipe.train.decays(entry.name)) names.push_back(entry.name);
  }
  return names;
}

bool trains_mtp(const Recipe& recipe, const ModelConfig& config) {
  return config.num_mtp_layers > 0 && recipe.train.mtp_loss > 0;
}

Result<TrainerOptions> trainer_options(const Recipe& recipe, const ModelConfig& config) {
  const TrainRecipe& t = recipe.train;
  TrainerOptions options;
  options.mtp = config.num_mtp_layers > 0;
  options.recompute = t.recompute;
  options.losses = {.balance = t.aux_loss,
                    .z = t.z_loss,
                    .mtp = t.mtp_loss,
                    .mtp_steps = trains_mtp(recipe, config),
                    .balance_each_layer = t.aux_loss_each_layer};
  options.adamw = {.beta1 = t.beta1,
                   .beta2 = t.beta2,
                   .epsilon = t.epsilon,
                   .weight_decay = t.weight_decay,
                   .clip = t.clip,
                   .no_decay = {}};
  options.lora = {recipe.lora.rank, recipe.lora.alpha, recipe.lora.target_modules};
  const ParameterLayout model(config, options.mtp);
  const bool adapter = options.lora.rank > 0;
  QN_TRY(options.adamw.no_decay,
         without_decay(recipe, adapter ? adapter_layout(model, options.lora) : model));
  return options;
}

// The same list of tensors over several runs of numbers: parameters, moments.
template <class Tensor, class Span>
void add_tensors(const ParameterLayout& layout, const std::string& prefix, Span values,
                 std::vector<Tensor>& out) {
  for (const ParameterEntry& entry : layout.entries()) {
    std::vector<size_t> shape;
    for (const int64_t extent : entry.shape.dims()) shape.push_back(static_cast<size_t>(extent));
    out.push_back({prefix + entry.name, std::move(shape),
                   values.subspan(static_cast<size_t>(entry.offset), static_cast<size_t>(entry.elements()))});
  }
}

class Run {
 public:
  Run(const RunInputs& inputs, const TrainerOptions& options, ThreadPool& pool)
      : recipe_(inputs.recipe),
        corpus_(inputs.corpus),
        files_(inputs.files),
        options_(options),
        trainer_(inputs.config, options, pool),
        batches_(corpus_, {recipe_.train.seed, recipe_.train.batch_tokens}) {}

  Result<RunResult> go(const std::atomic<bool>* stop) {
    QN_RETURN_IF_ERROR(begin());
    const int64_t steps = recipe_.train.schedule.steps;
    Console console(steps, step_);
    for (const std::string& warning : warnings_) console.line("qnext: " + warning);
    while (step_ < steps) {
      QN_RETURN_IF_ERROR(one_step(console));
      const bool stopping = stop && *stop;
      if (!corpus_.held_out().empty() && due(step_, recipe_.output.evaluate_every, steps)) {
        QN_RETURN_IF_ERROR(measure(console));
      }
      if (stopping || due(step_, recipe_.output.checkpoint_every, steps)) QN_RETURN_IF_ERROR(save());
      if (stopping) break;
    }
    return RunResult{step_, step_ >= steps, checkpoint_};
  }

 private:
  Standing standing() const {
    return {step_, recipe_.train.seed, corpus_.fingerprint(), recipe_.essence(), base_};
  }
  bool adapter() const { return recipe_.lora.rank > 0; }
  std::string path(const char* name) const { return (fs::path(recipe_.output.folder) / name).string(); }

  // From the newest checkpoint, from the base, or from the seed.
  Status begin() {
    const auto warn = [this](const std::string& text) { warnings_.push_back(text); };
    QN_TRY(const std::optional<SavedRun> saved, open_newest(recipe_.output.folder, warn));
    if (!recipe_.base.empty() && (adapter() || !saved)) QN_RETURN_IF_ERROR(load_base());
    if (saved) {
      QN_RETURN_IF_ERROR(same_run(standing(), saved->standing(), saved->folder()));
      QN_RETURN_IF_ERROR(restore(*saved));
    } else if (recipe_.base.empty()) {
      initialise(trainer_.layout(), recipe_.train.seed, recipe_.initializer_range, trainer_.values().data());
    }
    QN_TRY(log_, RunLog::open(path("log.jsonl"), step_));
    for (int64_t step = 0; step < step_; ++step) tokens_ += static_cast<int64_t>(batches_.at(step).tokens());
    return {};
  }

  Status load_base() {
    QN_TRY(const Checkpoint base, open_checkpoint(recipe_.base));
    QN_TRY(const auto tensors, published_view(base));
    QN_RETURN_IF_ERROR(
        load_parameters(trainer_.model_layout(), *tensors, base.config, trainer_.weights().data()));
    if (!adapter()) return {};
    Fingerprint fingerprint;  // an adapter is of use only beside the weights that it was trained with
    fingerprint.add(std::as_bytes(trainer_.weights()));
    base_ = fingerprint.hex();
    trainer_.start_adapter(recipe_.train.seed);
    return {};
  }

  Status restore(const SavedRun& saved) {
    std::vector<StateTarget> weights, moments;
    add_tensors(trainer_.layout(), "", trainer_.values(), weights);
    add_tensors(trainer_.layout(), "m.", trainer_.optimiser().first_moments(), moments);
    add_tensors(trainer_.layout(), "v.", trainer_.optimiser().second_moments(), moments);
    QN_RETURN_IF_ERROR(saved.restore(weights, moments));
    step_ = saved.standing().step;
    trainer_.optimiser().set_step(step_);
    if (adapter()) trainer_.adapter_changed();
    checkpoint_ = saved.folder();
    return {};
  }

  Status one_step(Console& console) {
    const auto start = std::chrono::steady_clock::now();
    const Batch batch = batches_.at(step_);
    StepRecord record;
    QN_RETURN_IF_ERROR(gradients(batch, record));
    record.lr = learning_rate(recipe_.train.schedule, step_);
    add_routing(record);
    QN_TRY(record.grad_norm, trainer_.apply(record.lr));
    tokens_ += static_cast<int64_t>(batch.tokens());
    record.step = ++step_;
    record.tokens = tokens_;
    QN_RETURN_IF_ERROR(log_->add(record));
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    console.step(record, static_cast<int64_t>(batch.tokens()), seconds);
    return {};
  }

  // Of all micro-batches, each weighted by its part of the targets.
  Status gradients(const Batch& batch, StepRecord& record) {
    const auto targets_of = [](const Batch& b) {
      return static_cast<double>(b.targets.size()) -
             static_cast<double>(std::count(b.targets.begin(), b.targets.end(), Batch::kNoTarget));
    };
    const double targets = targets_of(batch);
    for (const Batch& micro : split_batch(batch, recipe_.train.micro_tokens)) {
      const double share = targets_of(micro) / targets;
      if (!(share > 0)) continue;  // only what is read and not learnt
      QN_TRY(const Losses losses, trainer_.step_gradients(micro, share));
      record.loss += share * losses.total;
      record.cross_entropy += share * losses.cross_entropy;
      record.aux_loss += share * losses.balance;
      record.z_loss += share * losses.z;
      record.mtp_loss += share * losses.mtp;
    }
    return {};
  }

  void add_routing(StepRecord& record) const {
    const ModelConfig& config = trainer_.config();
    bool first = true;
    for (const RoutingRecord& layer : trainer_.routing().layers) {
      if (layer.rows == 0) continue;
      const double even = static_cast<double>(layer.rows * config.experts_per_token) /
                          static_cast<double>(config.num_experts);
      const auto [least, most] = std::minmax_element(layer.tokens.begin(), layer.tokens.end());
      const double low = static_cast<double>(*least) / even, high = static_cast<double>(*most) / even;
      record.least_expert = first ? low : std::min(record.least_expert, low);
      record.most_expert = first ? high : std::max(record.most_expert, high);
      first = false;
    }
  }

  Status measure(Console& console) {
    Status failed;
    const Evaluation evaluation =
        evaluate(corpus_, step_, recipe_.train.micro_tokens, [&](const Batch& batch) -> LossSum {
          const auto losses = trainer_.evaluate(batch);
          if (!losses.ok()) {
            failed = losses.error();
            return {0, 1};
          }
          return {losses->cross_entropy * static_cast<double>(losses->targets), losses->targets};
        });
    QN_RETURN_IF_ERROR(failed);
    QN_RETURN_IF_ERROR(log_->add(evaluation));
    console.evaluation(evaluation);
    return draw();
  }

  Status draw() const {
    return write_curve(path("log.jsonl"), path("loss.svg"), fs::path(recipe_.path).stem().string());
  }

  // The log first: a checkpoint never knows more than it.
  Status save() {
    QN_RETURN_IF_ERROR(log_->sync());
    RunCheckpoint checkpoint;
    checkpoint.standing = standing();
    checkpoint.config = published_config(trainer_.config(), recipe_.initializer_range);
    checkpoint.files = files_;
    if (adapter()) {
      std::error_code ignored;
      checkpoint.config_file = kLoraConfigFile;
      checkpoint.config = lora_config(fs::absolute(recipe_.base, ignored).lexically_normal().string(),
                                      recipe_.lora.rank, recipe_.lora.alpha, recipe_.lora.target_modules);
      checkpoint.weights_file = kLoraWeightsFile;
      checkpoint.weight_type = DType::kF32;
    }
    add_tensors(trainer_.layout(), "", std::span<const float>(trainer_.values()), checkpoint.weights);
    AdamW& adamw = trainer_.optimiser();
    add_tensors(trainer_.layout(), "m.", std::span<const float>(adamw.first_moments()), checkpoint.moments);
    add_tensors(trainer_.layout(), "v.", std::span<const float>(adamw.second_moments()), checkpoint.moments);
    QN_RETURN_IF_ERROR(write_run_checkpoint(recipe_.output.folder, checkpoint, recipe_.output.keep));
    checkpoint_ = run_checkpoints(recipe_.output.folder).back().second;
    return draw();
  }

  const Recipe& recipe_;
  const Corpus& corpus_;
  const std::vector<std::pair<std::string, std::string>>& files_;
  const TrainerOptions options_;
  Trainer trainer_;
  Batches batches_;
  std::unique_ptr<RunLog> log_;
  int64_t step_ = 0, tokens_ = 0;  // done
  std::string checkpoint_, base_;
  std::vector<std::string> warnings_;
};

}  // namespace

Result<RunResult> run_training(const RunInputs& inputs, ThreadPool& pool, const std::atomic<bool>* stop) {
  QN_TRY(const TrainerOptions options, trainer_options(inputs.recipe, inputs.config));
  return Run(inputs, options, pool).go(stop);
}

}  // namespace qnext::train
