#include "cli/load_model.h"

#include <fmt/format.h>

#include <optional>

#include "base/progress.h"

namespace qnext {
namespace {

Result<std::unique_ptr<Ops>> make_ops(const EngineOptions& options, ThreadPool& pool) {
  if (options.device == "cuda") return Error("--device cuda: this build has no CUDA backend");
  if (options.backend == "cuda") return Error("--backend cuda: this build has no CUDA backend");
  if (options.backend == "ref") {
    if (!options.isa.empty()) return Error("--isa chooses among the cpu backend's; --backend ref has none");
    return make_ref_ops(pool);
  }
  auto ops = make_cpu_ops(pool, options.isa, options.rounding());
  if (ops) return ops;
  return Error(fmt::format("--isa {}: not in this build or not on this machine, which has {}", options.isa,
                           fmt::join(cpu_isas(), ", ")));
}

}  // namespace

Result<LoadedModel> load_model(const Checkpoint& checkpoint, const EngineOptions& options,
                               const LoadOptions& load) {
  LoadedModel loaded;
  loaded.pool = std::make_unique<ThreadPool>(static_cast<int>(options.threads));
  QN_TRY(loaded.ops, make_ops(options, *loaded.pool));
  if (load.timed) {
    auto timed = std::make_unique<TimedOps>(std::move(loaded.ops));
    loaded.timed = timed.get();
    loaded.ops = std::move(timed);
  }
  ModelOptions model_options;
  model_options.mtp = load.mtp;
  model_options.kv_dtype = options.kv_dtype();
  model_options.state_dtype = options.state_dtype();
  std::optional<Progress> progress;
  const auto show = [&progress](int64_t done, int64_t total) {
    if (!progress) progress.emplace("loading", total, "tensors", true);
    progress->update(done);
  };
  QN_TRY(loaded.model, Model::load(checkpoint, *loaded.ops, model_options, show));
  return loaded;
}

}  // namespace qnext
