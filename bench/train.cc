// Speed of training steps on a small sparse model: tokens/s, GFLOP/s beside the machine's peak, and the peak
// of memory. bench_train [--threads N] [--sequences N] [--length N] [--steps N] [--recompute] [CONFIG.json]
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/thread_pool.h"
#include "checkpoint/safetensors.h"
#include "kernels/peak.h"
#include "train/grad/trainer.h"

namespace {

using namespace qnext;

// 8 layers, 3 of 4 Gated DeltaNet, 32 experts of which 4, one shared.
ModelConfig default_config() {
  ModelConfig c;
  c.vocab_size = 4096;
  c.hidden_size = 256;
  c.num_layers = 8;
  for (int64_t i = 0; i < c.num_layers; ++i) {
    c.layer_kinds.push_back(i % 4 == 3 ? LayerKind::kFullAttention : LayerKind::kLinearAttention);
    c.layer_is_moe.push_back(true);
  }
  c.num_heads = 4, c.num_kv_heads = 2, c.head_dim = 64, c.rope_dim = 16;
  c.linear_key_heads = 4, c.linear_value_heads = 8, c.linear_key_dim = 32, c.linear_value_dim = 32;
  c.num_experts = 32, c.experts_per_token = 4, c.moe_intermediate_size = 128, c.shared_expert_size = 128;
  c.max_positions = 4096;
  return c;
}

// Additions and multiplications of a training step per token: 6 for each weight of a matrix that the token
// meets.
double operations_per_token(const ModelConfig& c, bool mtp, double length) {
  const auto real = [](int64_t x) { return static_cast<double>(x); };
  const double hidden = real(c.hidden_size);
  const double attention = hidden * real(c.q_rows() + 2 * c.kv_rows() + c.num_heads * c.head_dim) +
                           length * real(c.num_heads * c.head_dim);  // half of length, twice (scores, values)
  const double delta = hidden * real(c.qkvz_rows() + 2 * c.linear_value_heads + c.linear_value_total()) +
                       real(c.linear_value_heads) * (64.0 * real(c.linear_key_dim + c.linear_value_dim) +
                                                     3.0 * real(c.linear_key_dim * c.linear_value_dim));
  const double moe = 3 * hidden * real(c.moe_intermediate_size * c.experts_per_token + c.shared_expert_size) +
                     hidden * real(c.num_experts);
  double weights = hidden * real(c.vocab_size);
  for (size_t i = 0; i < c.layer_kinds.size(); ++i) {
    weights += c.layer_kinds[i] == LayerKind::kFullAttention ? attention : delta;
    weights += c.layer_is_moe[i] ? moe : 3 * hidden * real(c.intermediate_size);
  }
  if (mtp) weights += hidden * real(c.vocab_size) + 2 * hidden * hidden + attention + moe;
  return 6 * weights;
}

train::Batch random_batch(int64_t sequences, int64_t length, int64_t vocab) {
  train::Batch batch;
  batch.starts = {0};
  for (int64_t s = 0; s < sequences; ++s) {
    for (int64_t i = 0; i < length; ++i) {
      batch.ids.push_back(
          static_cast<int32_t>(random_bits(1, 2, batch.ids.size()) % static_cast<uint64_t>(vocab)));
    }
    batch.starts.push_back(static_cast<int64_t>(batch.ids.size()));
  }
  batch.targets.assign(batch.ids.begin() + 1, batch.ids.end());
  batch.targets.push_back(train::Batch::kNoTarget);
  return batch;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

int fail(const std::string& message) {
  fmt::print(stderr, "bench_train: {}\n", message);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  int threads = 0, steps = 5;
  int64_t sequences = 16, length = 256;
  train::TrainerOptions options;
  ModelConfig config = default_config();
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto number = [&] { return i + 1 < argc ? std::atoi(argv[++i]) : 0; };
    if (argument == "--threads") {
      threads = number();
    } else if (argument == "--sequences") {
      sequences = number();
    } else if (argument == "--length") {
      length = number();
    } else if (argument == "--steps") {
      steps = number();
    } else if (argument == "--recompute") {
      options.recompute = true;
    } else if (argument == "--no-mtp") {
      options.mtp = false;
    } else {
      auto json = read_json_file(argument);
      if (!json.ok()) return fail(json.error().message());
      auto read = ModelConfig::from_json(*json, argument);
      if (!read.ok()) return fail(read.error().message());
      config = *read;
    }
  }
  ThreadPool pool(threads);
  const double peak = measure_peaks(pool).f32.gflops;
  train::Trainer trainer(config, options, pool);
  train::initialise(trainer.layout(), 1, 0.02, trainer.values().data());
  const train::Batch batch = random_batch(sequences, length, config.vocab_size);
  const auto tokens = static_cast<double>(batch.tokens());
  const double work = operations_per_token(config, options.mtp, static_cast<double>(length)) * tokens;
  fmt::print("{:.1f} M parameters, {} threads, {} sequences of {}, peak {:.0f} GFLOP/s\n",
             static_cast<double>(trainer.layout().size()) / 1e6, pool.size(), sequences, length, peak);
  std::vector<double> times;
  for (int step = 0; step < steps; ++step) {
    const auto start = std::chrono::steady_clock::now();
    const auto losses = trainer.step_gradients(batch);
    if (!losses.ok()) return fail(losses.error().message());
    const double gradients = seconds_since(start);
    if (auto norm = trainer.apply(1e-3); !norm.ok()) return fail(norm.error().message());
    times.push_back(seconds_since(start));
    fmt::print("step {}: loss {:.4f}, {:.3f} s + {:.3f} s, {:.0f} tokens/s, {:.0f} GFLOP/s\n", step + 1,
               losses->cross_entropy, gradients, times.back() - gradients, tokens / times.back(),
               work / times.back() * 1e-9);
  }
  std::sort(times.begin(), times.end());
  const double median = times[times.size() / 2];
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  fmt::print("median: {:.0f} tokens/s, {:.0f} GFLOP/s, {:.0f} % of peak; memory {:.0f} MB at most\n",
             tokens / median, work / median * 1e-9, work / median * 1e-7 / peak,
             static_cast<double>(usage.ru_maxrss) / 1024);
  return 0;
}
