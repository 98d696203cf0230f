#include "train/grad/trainer.h"

#include <fmt/format.h>

#include <cmath>

namespace qnext::train {
namespace {

WantedGradients wanted_by(const std::optional<Lora>& lora) {
  if (!lora) return {};
  return [&lora](const std::string& tensor) { return lora->adapts(tensor); };
}

}  // namespace

Trainer::Trainer(const ModelConfig& config, const TrainerOptions& options, ThreadPool& pool)
    : config_(config),
      pool_(pool),
      layout_(config, options.mtp),
      lora_(options.lora.rank > 0 ? std::optional<Lora>(std::in_place, layout_, options.lora) : std::nullopt),
      adamw_(layout(), options.adamw),
      network_(config_, options.losses, layout_, weights_.zeros(layout_.size()),
               gradients_.zeros(layout_.size()), options.recompute, pool, wanted_by(lora_)) {}

void Trainer::start_adapter(uint64_t seed) { lora_->start(weights_.data(), seed); }

void Trainer::adapter_changed() { lora_->apply(pool_, weights_.data()); }

std::string Trainer::step_name() const { return fmt::format("step {}", adamw_.step() + 1); }

Result<Losses> Trainer::step_gradients(const Batch& batch, double share) {
  if (auto status = check_batch(batch, config_); !status.ok()) return status.error().in(step_name());
  if (step_begins_) routing_.clear();
  step_begins_ = false;
  const Losses losses = network_.run(batch, share, true, routing_);
  if (!std::isfinite(losses.total)) {
    return Error(fmt::format("{}: the loss is {} (cross-entropy {}, balance {}, z {}, mtp {})", step_name(),
                             losses.total, losses.cross_entropy, losses.balance, losses.z, losses.mtp));
  }
  return losses;
}

Result<double> Trainer::apply(double learning_rate) {
  if (lora_) lora_->take_gradients(pool_, gradients_.data());
  float* trained = lora_ ? lora_->gradients() : gradients_.data();
  const double norm = adamw_.gradient_norm(pool_, trained);
  if (!std::isfinite(norm))
    return Error(fmt::format("{}: the norm of the gradient is {}", step_name(), norm));
  adamw_.apply(pool_, learning_rate, norm, values().data(), trained);
  if (lora_) {
    lora_->apply(pool_, weights_.data());
    gradients_.zeros(layout_.size());
  }
  step_begins_ = true;
  return norm;
}

void Trainer::clear_gradients() {
  gradients_.zeros(layout_.size());
  step_begins_ = true;
}

Result<Losses> Trainer::evaluate(const Batch& batch) {
  QN_RETURN_IF_ERROR(check_batch(batch, config_));
  RoutingStatistics routing;
  return network_.run(batch, 0, false, routing);
}

}  // namespace qnext::train
