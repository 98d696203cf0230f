// Checkpoints of a run: folders OUTPUT/step-000123, each a checkpoint in the published layout that other
// programs read, and beside it what training needs to go on. docs/train.md lists the files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "checkpoint/tensor_source.h"
#include "tensor/dtype.h"

namespace qnext::train {

// Values that lie elsewhere, row-major, as many as the shape says.
struct StateTensor {
  std::string name;
  std::vector<size_t> shape;
  std::span<const float> values;
};
struct StateTarget {
  std::string name;
  std::vector<size_t> shape;
  std::span<float> values;
};

// What makes a run go on as if nothing had happened.
struct Standing {
  int64_t step = 0;       // optimiser steps done
  uint64_t seed = 0;      // of the run
  std::string data;       // Corpus::fingerprint()
  Json recipe;            // Recipe::essence()
  std::string base = {};  // of the weights beside which an adapter is trained, else ""
};

struct RunCheckpoint {
  Standing standing;
  std::string config_file = "config.json";
  Json config;
  std::vector<std::pair<std::string, std::string>> files;  // further files as they are: name, contents
  std::string weights_file = "model.safetensors";
  std::vector<StateTensor> weights;  // the masters, by published name
  std::vector<StateTensor> moments;  // what the optimiser remembers, by any names
  DType weight_type = DType::kBF16;  // of weights_file; or kF32
};

// Whether a run that stands at `now` (whose step does not matter) may go on from a saved one. An error names
// the field of the recipe that differs, or says that the data does.
Status same_run(const Standing& now, const Standing& saved, const std::string& folder);

// Writes OUTPUT/step-NNNNNN, which appears when all of it is on the disk. Then the oldest ones are deleted so
// that `keep` stay, and those of later steps, which a run that went back has left. When anything fails (a
// full disk), the checkpoints that are there stay as they are.
Status write_run_checkpoint(const std::string& output, const RunCheckpoint& checkpoint, int64_t keep);

// Folders of checkpoints in a run's folder by rising step; none when the folder does not exist.
std::vector<std::pair<int64_t, std::string>> run_checkpoints(const std::string& output);

// One that was read back and checked.
class SavedRun {
 public:
  // Errors: a file is missing, has another size or another checksum; standing.step is not the folder's.
  static Result<SavedRun> open(const std::string& folder);

  const Standing& standing() const { return standing_; }
  const std::string& folder() const { return folder_; }

  // Fills the targets. All that is saved must be asked for, under the same names and shapes.
  Status restore(std::span<const StateTarget> weights, std::span<const StateTarget> moments) const;

 private:
  std::string folder_;
  Standing standing_;
  std::shared_ptr<const TensorSource> tensors_;
};

// The newest one that is whole. Of each that is not, `warn` is told. Nothing when there is no checkpoint at
// all; an error when there are some and none is whole.
Result<std::optional<SavedRun>> open_newest(const std::string& output,
                                            const std::function<void(const std::string&)>& warn);

// Makes the folder of a run, keeps other processes from running in it until destroyed, and removes what a
// killed run has left unfinished.
class RunLock {
 public:
  static Result<std::unique_ptr<RunLock>> take(const std::string& output);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  explicit RunLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace qnext::train
