// What `qnext bench` measures: one row for each combination of its lists.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "cli/load_model.h"
#include "engine/traffic.h"
#include "kernels/memory_speed.h"
#include "kernels/peak.h"

namespace qnext {

struct BenchCase {
  bool prefill = false;
  int64_t tokens = 0;  // of each sequence
  int64_t depth = 0, batch = 1;
};

// What a token costs at least.
struct TokenCost {
  double bytes = 0;
  StepArithmetic arithmetic;
};

// The ceilings of the machine.
struct Machine {
  double read_gb_per_s = 0;
  Peaks peaks;

  void raise(const Machine& other);  // to the higher of each
  Json to_json() const;
};

// What an operation took in a row's measured runs, by token of all sequences.
struct BenchOperation {
  std::string name;
  double calls = 0, seconds = 0, bytes = 0;

  double gb_per_s() const { return bytes / seconds / 1e9; }
  Json to_json() const;
};

struct BenchRow {
  BenchCase what;
  std::vector<double> tokens_per_s;  // rising; all sequences together
  TokenCost cost;
  Machine machine;  // around this row
  Rounding rounding = Rounding::kInt8;
  std::vector<BenchOperation> operations;  // longest first; empty unless the model was loaded with timing

  double median() const {
    const size_t n = tokens_per_s.size();
    return (tokens_per_s[(n - 1) / 2] + tokens_per_s[n / 2]) / 2;
  }
  // For a token: what the times of its operations add up to, with what lies between them.
  double mean_seconds() const {
    double seconds = 0;
    for (const double speed : tokens_per_s) seconds += 1 / speed;
    return seconds / static_cast<double>(tokens_per_s.size());
  }
  double gb_per_s() const { return cost.bytes * median() / 1e9; }
  double gflops() const { return cost.arithmetic.total() * median() / 1e9; }
  double share_of_bandwidth() const { return gb_per_s() / machine.read_gb_per_s; }
  // Tokens per second of a program that moves as little as possible at the speed of the memory while it
  // computes at the machine's peaks, in the narrowest arithmetic that `rounding` lets it use.
  double roofline_tokens_per_s() const;
  double share_of_roofline() const { return median() / roofline_tokens_per_s(); }

  Json to_json() const;
};

// Measures rows on one model, and the machine before and after each: on a shared one both memory and
// processors get faster and slower by a factor of two as the others come and go.
class Bench {
 public:
  // isa: that the model was loaded with, "" for the best.
  Bench(const LoadedModel& loaded, int64_t repeat, int64_t piece, Rounding rounding, std::string isa);
  // The best that was measured so far.
  const Machine& machine() const { return best_; }
  Result<BenchRow> measure(const BenchCase& what);

 private:
  Machine measure_machine();
  std::vector<BenchOperation> operations_of(int64_t tokens);
  Model& model_;
  TimedOps* timed_;
  ThreadPool& pool_;
  int64_t repeat_, piece_;
  Rounding rounding_;
  std::string isa_;
  MemorySpeed memory_;
  Machine before_, best_;
};

}  // namespace qnext
