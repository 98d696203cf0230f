// The log of a run: one JSON object a line. It holds what is computed and no times, so that the log of a run
// that was killed and resumed is that of an undisturbed one, byte for byte.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace qnext::train {

// What one optimiser step found. Losses are means over its targets, in nats.
struct StepRecord {
  int64_t step = 0;    // steps done, this one included: the first one is 1
  int64_t tokens = 0;  // learnt from so far
  double loss = 0;     // the sum of the four with their factors
  double cross_entropy = 0, aux_loss = 0, z_loss = 0, mtp_loss = 0;
  double grad_norm = 0;  // before clipping
  double lr = 0;
  // Tokens of the least and the most used expert of any layer, as a multiple of an even share. 0 without
  // experts.
  double least_expert = 0, most_expert = 0;
};

// Cross-entropy on what is held out, after so many steps.
struct Evaluation {
  int64_t step = 0;
  double held_out = 0;                                    // over all sources
  std::vector<std::pair<std::string, double>> by_source;  // in the order of the recipe
};

class RunLog {
 public:
  // Opens or makes the file. Lines of steps after `last_step`, which the run will do again, are dropped, and
  // so is everything from the first line that is not one of a log: a kill may have cut it short.
  static Result<std::unique_ptr<RunLog>> open(const std::string& path, int64_t last_step);
  ~RunLog();
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;

  // Each line is in the file when the call returns. A value that is not finite is an error ("step 7: loss is
  // nan"), and not written: such a run has come to its end.
  Status add(const StepRecord& record);
  Status add(const Evaluation& evaluation);
  // On the disk, whatever happens to the machine; to be called before a checkpoint of the same step.
  Status sync();

 private:
  RunLog(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  Status append(const std::string& line);
  Error failed(const char* doing) const;
  std::string path_;
  int fd_;
};

struct LogContents {
  std::vector<StepRecord> steps;
  std::vector<Evaluation> evaluations;
};

// Everything up to the first line that is not one of a log.
Result<LogContents> read_log(const std::string& path);

}  // namespace qnext::train
