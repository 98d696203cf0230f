// A run from its recipe to its last checkpoint.
#pragma once

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "checkpoint/model_config.h"
#include "train/data/corpus.h"
#include "train/run/recipe.h"

namespace qnext::train {

struct RunInputs {
  const Recipe& recipe;
  const ModelConfig& config;  // recipe.model_config() of the tokenizer
  const Corpus& corpus;
  std::vector<std::pair<std::string, std::string>> files;  // published_files() of the tokenizer
};

struct RunResult {
  int64_t step = 0;        // steps done
  bool finished = false;   // all of them; otherwise it was asked to stop
  std::string checkpoint;  // the folder of the newest one
};

// Goes on from the newest whole checkpoint of recipe.output.folder, or begins, and trains to the last step or
// until `stop` is raised, after which a checkpoint of the step that was just done is written. The caller
// holds the folder's RunLock. Errors leave the checkpoints as they are: a loss that is not finite, a full
// disk, another recipe or other data than those of the checkpoint, a pattern of no_decay that no tensor has.
Result<RunResult> run_training(const RunInputs& inputs, ThreadPool& pool, const std::atomic<bool>* stop);

}  // namespace qnext::train
