#include "train/grad/trainer.h"

#include <fmt/format.h>

#include <cmath>

namespace qnext::train {

Trainer::Trainer(const ModelConfig& config, const TrainerOptions& options, ThreadPool& pool)
    : config_(config),
      pool_(pool),
      layout_(config, options.mtp),
      adamw_(layout_, options.adamw),
      network_(config_, options.losses, layout_, values_.zeros(layout_.size()),
               gradients_.zeros(layout_.size()), options.recompute, pool) {}

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
  const double norm = adamw_.gradient_norm(pool_, gradients_.data());
  if (!std::isfinite(norm))
    return Error(fmt::format("{}: the norm of the gradient is {}", step_name(), norm));
  adamw_.apply(pool_, learning_rate, norm, values_.data(), gradients_.data());
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
