// Gated DeltaNet at the dimensions of Qwen3-Next-80B-A3B: one layer's operation for prompts and for
// generation.
//
// Every iteration takes the state of another layer, as a model does, so that generation finds none of it in
// the caches. FLOP/s counts the products of the chunked form (docs/numerics.md), with those of one key head
// once; bytes/s counts the states, read and written.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "base/random.h"
#include "base/thread_pool.h"
#include "kernels/ops.h"
#include "tensor/tensor.h"

namespace qnext {
namespace {

constexpr int64_t kKeyHeads = 16, kValueHeads = 32, kDim = 128, kKernel = 4, kLayers = 36;
constexpr int64_t kChannels = (2 * kKeyHeads + kValueHeads) * kDim;
constexpr int64_t kStateCells = kValueHeads * kDim * kDim;

std::vector<float> random_floats(uint64_t seed, int64_t n, float scale) {
  std::vector<float> v(static_cast<size_t>(n));
  for (size_t i = 0; i < v.size(); ++i) {
    v[i] = scale * static_cast<float>(2 * random_unit(seed, 0, i) - 1);
  }
  return v;
}

// A layer's weights, the step's inputs and all layers' states of `sequences` sequences.
struct Layer {
  Layer(int64_t sequences, int64_t rows, DType dtype)
      : rows_each(rows),
        conv_weight(random_floats(1, kChannels * kKernel, 0.5f)),
        neg_a(kValueHeads, -1.0f),
        dt_bias(kValueHeads, -3.0f),
        norm(kDim, 1.0f),
        qkv(random_floats(2, sequences * rows * kChannels, 2)),
        z(random_floats(3, sequences * rows * kValueHeads * kDim, 2)),
        ba(random_floats(4, sequences * rows * 2 * kValueHeads, 2)),
        out(z.size()) {
    layers = rows * sequences > 64 ? 1 : kLayers;
    state_bytes = row_bytes(dtype, kStateCells);
    states = allocate_aligned(layers * sequences * state_bytes);
    std::fill(states.get(), states.get() + layers * sequences * state_bytes, std::byte{0});
    args.state_dtype = dtype;
    history.resize(static_cast<size_t>(layers * sequences * (kKernel - 1) * kChannels), 0.0f);
    args.key_heads = kKeyHeads;
    args.value_heads = kValueHeads;
    args.key_dim = args.value_dim = kDim;
    args.conv_kernel = kKernel;
    args.eps = 1e-6f;
    args.conv_weight = conv_weight.data();
    args.neg_a = neg_a.data();
    args.dt_bias = dt_bias.data();
    args.norm = norm.data();
    args.qkv = qkv.data();
    args.z = z.data();
    args.ba = ba.data();
    args.out = out.data();
    segments.resize(static_cast<size_t>(sequences));
  }

  void run(Ops& ops) {
    const int64_t count = static_cast<int64_t>(segments.size());
    for (int64_t s = 0; s < count; ++s) {
      GdnSegment& segment = segments[static_cast<size_t>(s)];
      segment.row = s * rows_each;
      segment.count = rows_each;
      segment.state = states.get() + (next * count + s) * state_bytes;
      segment.conv = history.data() + (next * count + s) * (kKernel - 1) * kChannels;
    }
    args.segments = segments;
    ops.gdn(args);
    next = (next + 1) % layers;
  }

  int64_t rows_each, layers, state_bytes, next = 0;
  std::vector<float> conv_weight, neg_a, dt_bias, norm, qkv, z, ba, out, history;
  std::shared_ptr<std::byte> states;
  std::vector<GdnSegment> segments;
  GdnArgs args;
};

double chunked_flops_per_token() {
  constexpr double kCausal = (kGdnChunk + 1) / 2.0;  // terms per row, on average
  const double key_head = 2 * 2 * kCausal * kDim, value_head = 2 * 3 * kDim * kDim + 2 * 2 * kCausal * kDim;
  return kKeyHeads * key_head + kValueHeads * value_head;
}

void gdn(benchmark::State& state) {
  const int64_t sequences = state.range(0), rows = state.range(1);
  ThreadPool pool(static_cast<int>(state.range(2)));
  const std::unique_ptr<Ops> ops = make_cpu_ops(pool);
  Layer layer(sequences, rows, state.range(3) == 16 ? DType::kBF16 : DType::kF32);
  for (auto _ : state) layer.run(*ops);
  using benchmark::Counter;
  const double tokens = static_cast<double>(state.iterations() * sequences * rows);
  state.counters["s/token"] = Counter(tokens, Counter::kIsRate | Counter::kInvert);
  if (rows >= kGdnChunk) {
    state.counters["FLOP/s"] = Counter(tokens * chunked_flops_per_token(), Counter::kIsRate);
  } else {
    const double bytes = 2.0 * static_cast<double>(layer.state_bytes * sequences);
    state.counters["state B/s"] = Counter(bytes * static_cast<double>(state.iterations()), Counter::kIsRate);
  }
}

BENCHMARK(gdn)
    ->ArgNames({"sequences", "rows", "threads", "state_bits"})
    ->ArgsProduct({{1, 8}, {1}, {1, 2}, {32, 16}})
    ->ArgsProduct({{1}, {512, 2048}, {1, 2}, {32}})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace qnext

BENCHMARK_MAIN();
