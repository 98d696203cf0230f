// Attention of one layer with the published model's shapes (16 query heads, 2 key/value heads of 256, rotated
// 64) after `depth` positions: time of a step, its products and what it reads of the cache.
//
//   bench_attention [--isa NAME] [--threads N] [--block POSITIONS] [--layers N] [--benchmark_filter=bf16]
//
// Blocks of the cache that are no multiple of 64 positions are kept in rows. With many layers, whose caches
// take turns, it is read from memory, as in a model.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/thread_pool.h"
#include "kernels/ops.h"
#include "tensor/block_formats.h"
#include "tensor/tensor.h"

namespace qnext {
namespace {

constexpr int64_t kHeads = 16, kKvHeads = 2, kDim = 256, kRope = 64;

std::vector<float> random_floats(uint64_t seed, int64_t n) {
  std::vector<float> v(static_cast<size_t>(n));
  for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(2 * random_unit(seed, 0, i) - 1);
  return v;
}

// A cache of one layer, full of the same few random rows.
struct Cache {
  Cache(DType dtype, int64_t tokens, int64_t block_tokens) {
    const int64_t bytes = row_bytes(dtype, kDim), half = kKvHeads * block_tokens * bytes;
    std::vector<std::byte> rows(static_cast<size_t>(2 * half));
    const std::vector<float> values = random_floats(1, 2 * kKvHeads * block_tokens * kDim);
    for (int64_t r = 0; r < 2 * kKvHeads * block_tokens; ++r) {
      quantize_row(dtype, values.data() + r * kDim, rows.data() + r * bytes, kDim);
    }
    const int64_t blocks = (tokens + block_tokens - 1) / block_tokens;
    memory = allocate_aligned(blocks * 2 * half);  // in huge pages, as the program's are
    for (int64_t i = 0; i < blocks; ++i) {
      pointers.push_back(std::copy(rows.begin(), rows.end(), memory.get() + i * 2 * half) - 2 * half);
    }
    view = {dtype, block_tokens, pointers.data(), 0, half};
  }
  std::shared_ptr<std::byte> memory;
  std::vector<std::byte*> pointers;
  KvLayerView view;
};

void attention(benchmark::State& state, const std::string& isa, int threads, int64_t block, int64_t layers,
               DType dtype) {
  const int64_t rows = state.range(0), depth = state.range(1);
  ThreadPool pool(threads);
  const std::unique_ptr<Ops> ops = make_cpu_ops(pool, isa);
  if (!ops) return state.SkipWithError("this machine lacks the instruction set");
  std::vector<Cache> caches;
  for (int64_t i = 0; i < layers; ++i) caches.emplace_back(dtype, depth + rows, block);
  const std::vector<float> norm(kDim, 1.0f), v = random_floats(4, rows * kKvHeads * kDim);
  std::vector<float> q = random_floats(2, rows * kHeads * 2 * kDim),
                     k = random_floats(3, rows * kKvHeads * kDim);
  std::vector<float> out(static_cast<size_t>(rows * kHeads * kDim)), frequencies;
  for (int64_t m = 0; m < kRope / 2; ++m) {
    frequencies.push_back(std::pow(1e7f, -2.0f * static_cast<float>(m) / kRope));
  }
  AttentionSegment segment{0, rows, depth, {}};
  AttentionArgs args;
  args.heads = kHeads, args.kv_heads = kKvHeads, args.head_dim = kDim, args.rope_dim = kRope;
  args.eps = 1e-6f, args.q_norm = args.k_norm = norm.data(), args.inv_freq = frequencies.data();
  args.segments = {&segment, 1};
  args.q = q.data(), args.k = k.data(), args.v = v.data(), args.out = out.data();
  size_t layer = 0;
  for (auto _ : state) {
    segment.kv = caches[layer++ % caches.size()].view;
    ops->attention(args);
  }
  const double seen =
      static_cast<double>(rows) * (static_cast<double>(depth) + (static_cast<double>(rows) + 1) / 2);
  const auto steps = static_cast<double>(state.iterations());
  state.counters["GFLOP/s"] =
      benchmark::Counter(steps * seen * kHeads * kDim * 4 / 1e9, benchmark::Counter::kIsRate);
  state.counters["cache_GB/s"] = benchmark::Counter(
      steps * static_cast<double>((depth + rows) * 2 * kKvHeads * row_bytes(dtype, kDim)) / 1e9,
      benchmark::Counter::kIsRate);
}

}  // namespace
}  // namespace qnext

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  std::string isa;
  int threads = 1;
  int64_t block = 64, layers = 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string(argv[i]) == "--isa") isa = argv[i + 1];
    if (std::string(argv[i]) == "--block") block = std::stoll(argv[i + 1]);
    if (std::string(argv[i]) == "--layers") layers = std::stoll(argv[i + 1]);
    if (std::string(argv[i]) == "--threads") threads = std::stoi(argv[i + 1]);
  }
  using qnext::DType;
  for (DType dtype : {DType::kF32, DType::kBF16, DType::kQ8_0}) {
    const std::string name = "attention/" + std::string(qnext::name(dtype));
    auto* b =
        benchmark::RegisterBenchmark(name.c_str(), qnext::attention, isa, threads, block, layers, dtype);
    b->ArgNames({"rows", "depth"})->Unit(benchmark::kMicrosecond)->UseRealTime();
    b->Args({1, 1000})
        ->Args({1, 16384})
        ->Args({1, 65536})
        ->Args({4, 16384})
        ->Args({512, 0})
        ->Args({512, 16384});
  }
  benchmark::RunSpecifiedBenchmarks();
}
