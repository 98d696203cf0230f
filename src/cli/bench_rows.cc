#include "cli/bench_rows.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/batch.h"

namespace qnext {
namespace {

Status run_once(Batch& batch, const BenchCase& what) {
  if (what.prefill) return batch.prompt(what.tokens);
  for (int64_t i = 0; i < what.tokens; ++i) QN_RETURN_IF_ERROR(batch.decode());
  return {};
}

TokenCost cost_of(const Model& model, const Batch& batch, const BenchCase& what) {
  const int64_t piece = what.prefill ? batch.piece() : 1;
  TokenCost cost;
  for (int64_t at = 0; at < what.tokens; at += piece) {
    const int64_t count = std::min(piece, what.tokens - at);
    const bool logits = !what.prefill || at + count == what.tokens;
    const StepTraffic step{.sequences = what.batch,
                           .rows = what.batch * count,
                           .position = what.depth + at + count,
                           .logit_rows = logits ? what.batch : 0};
    cost.bytes += bytes_of_step(model, step);
    cost.arithmetic += arithmetic_of_step(model, step);
  }
  const auto tokens = static_cast<double>(what.tokens * what.batch);
  cost.bytes /= tokens;
  cost.arithmetic *= 1 / tokens;
  return cost;
}

}  // namespace

Json BenchOperation::to_json() const {
  return {
      {"name", name}, {"calls_per_token", calls}, {"seconds_per_token", seconds}, {"bytes_per_token", bytes}};
}

void Machine::raise(const Machine& other) {
  read_gb_per_s = std::max(read_gb_per_s, other.read_gb_per_s);
  for (Peak Peaks::*const kind : {&Peaks::f32, &Peaks::bf16, &Peaks::int8}) {
    if ((other.peaks.*kind).gflops > (peaks.*kind).gflops) peaks.*kind = other.peaks.*kind;
  }
}

Json Machine::to_json() const {
  return {
      {"read_gb_per_s", read_gb_per_s},
      {"peak_gflops", {{"f32", peaks.f32.gflops}, {"bf16", peaks.bf16.gflops}, {"int8", peaks.int8.gflops}}},
      {"instructions",
       {{"f32", peaks.f32.instruction}, {"bf16", peaks.bf16.instruction}, {"int8", peaks.int8.instruction}}}};
}

double BenchRow::roofline_tokens_per_s() const {
  const Peaks& peaks = machine.peaks;
  // A machine without an instruction for the narrower arithmetic has that for the wider one.
  const double f32 = peaks.f32.gflops, int8 = std::max(f32, peaks.int8.gflops),
               bf16 = std::max(f32, peaks.bf16.gflops);
  const StepArithmetic& a = cost.arithmetic;
  const double computing = a.f32 / f32 + a.bf16 / (rounding == Rounding::kNative ? bf16 : f32) +
                           a.attention / bf16 + a.quantised / (rounding == Rounding::kNone ? f32 : int8);
  return 1e9 / std::max(cost.bytes / machine.read_gb_per_s, computing);
}

Json BenchRow::to_json() const {
  Json list = Json::array();
  for (const BenchOperation& operation : operations) list.push_back(operation.to_json());
  return {{"kind", what.prefill ? "prefill" : "decode"},
          {"tokens", what.tokens},
          {"depth", what.depth},
          {"batch", what.batch},
          {"median_tokens_per_s", median()},
          {"min", tokens_per_s.front()},
          {"max", tokens_per_s.back()},
          {"bytes_per_token", cost.bytes},
          {"gb_per_s", gb_per_s()},
          {"flops_per_token", cost.arithmetic.total()},
          {"gflops", gflops()},
          {"machine", machine.to_json()},
          {"share_of_bandwidth", share_of_bandwidth()},
          {"roofline_tokens_per_s", roofline_tokens_per_s()},
          {"share_of_roofline", share_of_roofline()},
          {"operations", list}};
}

Bench::Bench(const LoadedModel& loaded, int64_t repeat, int64_t piece, Rounding rounding, std::string isa)
    : model_(*loaded.model),
      timed_(loaded.timed),
      pool_(*loaded.pool),
      repeat_(repeat),
      piece_(piece),
      rounding_(rounding),
      isa_(std::move(isa)),
      memory_(*loaded.pool) {
  before_ = measure_machine();
}

Machine Bench::measure_machine() {
  const Machine machine{memory_.read_gb_per_s(), measure_peaks(pool_, isa_)};
  best_.raise(machine);
  return machine;
}

std::vector<BenchOperation> Bench::operations_of(int64_t tokens) {
  std::vector<BenchOperation> operations;
  if (!timed_) return operations;
  const auto n = static_cast<double>(tokens);
  for (const auto& [name, time] : timed_->take()) {
    operations.push_back({name, static_cast<double>(time.calls) / n, time.seconds / n, time.bytes / n});
  }
  std::sort(operations.begin(), operations.end(),
            [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
  return operations;
}

Result<BenchRow> Bench::measure(const BenchCase& what) {
  Batch batch(model_, what.batch, what.depth + what.tokens, piece_);
  QN_RETURN_IF_ERROR(batch.prompt(what.depth));
  batch.mark();
  if (what.depth > 0) before_ = measure_machine();  // that prompt may have taken long
  BenchRow row{what, {}, cost_of(model_, batch, what), {}, rounding_, {}};
  for (int64_t i = 0; i < repeat_ + 1; ++i) {
    const auto start = std::chrono::steady_clock::now();
    QN_RETURN_IF_ERROR(run_once(batch, what));
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (i > 0) row.tokens_per_s.push_back(static_cast<double>(what.tokens * what.batch) / seconds);
    if (i == 0 && timed_) timed_->take();
    batch.rewind();
  }
  row.operations = operations_of(repeat_ * what.tokens * what.batch);
  std::sort(row.tokens_per_s.begin(), row.tokens_per_s.end());
  row.machine = before_;
  before_ = measure_machine();
  row.machine.raise(before_);
  return row;
}

}  // namespace qnext
