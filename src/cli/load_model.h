// A checkpoint's weights behind a backend, ready to run.
#pragma once

#include <memory>

#include "base/result.h"
#include "base/thread_pool.h"
#include "checkpoint/checkpoint.h"
#include "cli/common_options.h"
#include "kernels/timed_ops.h"
#include "model/model.h"

namespace qnext {

struct LoadedModel {
  std::unique_ptr<ThreadPool> pool;
  std::unique_ptr<Ops> ops;      // uses the pool
  TimedOps* timed = nullptr;     // ops, where timing was asked for
  std::unique_ptr<Model> model;  // uses ops
};

struct LoadOptions {
  bool mtp = false;    // with the block of multi-token prediction
  bool timed = false;  // operations note how long they take
};

// Shows progress on a terminal. Errors say which option cannot be met. The checkpoint outlives the model.
Result<LoadedModel> load_model(const Checkpoint& checkpoint, const EngineOptions& options,
                               const LoadOptions& load = {});

}  // namespace qnext
