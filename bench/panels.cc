// Products of matrices in panels, by type and number of inputs, for each instruction set of this machine:
// what share of the machine's arithmetic or memory speed one operation reaches.
//
//   bench_panels [--benchmark_filter=q4_0.*avx3]
#include <benchmark/benchmark.h>

#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/thread_pool.h"
#include "kernels/ops.h"
#include "tensor/block_formats.h"

namespace qnext {
namespace {

// As large as an expert, and so many that they do not stay in the caches; or one that a second cache holds.
// With many inputs one as large as an expert, or its pieces would have fewer rows than a kernel likes.
constexpr int64_t kRows = 512, kCachedRows = 128, kCols = 2048, kMatrices = 256;

std::vector<float> random_floats(int64_t n) {
  std::vector<float> v(static_cast<size_t>(n));
  for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(random_unit(1, 2, i) - 0.5);
  return v;
}

std::vector<Matrix> matrices(DType dtype, Ops& ops, int64_t count, int64_t rows) {
  auto tensor = [&] {
    std::byte* memory = nullptr;
    Tensor t = Tensor::allocate(dtype, {rows, kCols}, &memory);
    const std::vector<float> values = random_floats(kCols);
    for (int64_t r = 0; r < rows; ++r) {
      quantize_row(dtype, values.data(), memory + r * row_bytes(dtype, kCols), kCols);
    }
    return t;
  }();
  std::vector<Matrix> out(static_cast<size_t>(count), matrix_of(tensor));
  std::vector<Matrix*> all;
  for (Matrix& m : out) all.push_back(&m);
  ops.prepare(all, [](const std::byte* data, int64_t, std::byte*) { return data; });
  return out;
}

// One thread. With many inputs, or one matrix again and again, the weights stay in the caches and arithmetic
// counts; with one input and many matrices, memory.
void products(benchmark::State& state, DType dtype, std::string_view isa, Rounding rounding, int64_t n,
              bool cached) {
  ThreadPool pool(1);
  const auto ops = make_cpu_ops(pool, isa, rounding);
  const int64_t rows = cached && n <= 8 ? kCachedRows : kRows;
  const std::vector<Matrix> w = matrices(dtype, *ops, cached ? 1 : kMatrices, rows);
  const std::vector<float> x = random_floats(n * kCols);
  std::vector<float> y(static_cast<size_t>(n * rows));
  size_t at = 0;
  for (auto _ : state) {
    ops->linear(w[at++ % w.size()], x.data(), n, y.data());
    benchmark::DoNotOptimize(y.data());
  }
  const auto rounds = static_cast<double>(state.iterations());
  state.counters["GFLOP/s"] =
      benchmark::Counter(2e-9 * static_cast<double>(n * rows * kCols) * rounds, benchmark::Counter::kIsRate);
  state.counters["GB/s"] =
      benchmark::Counter(1e-9 * static_cast<double>(w[0].bytes()) * rounds, benchmark::Counter::kIsRate);
}

void add(DType dtype, std::string_view isa, Rounding rounding, const std::string& suffix) {
  for (const auto& [n, cached] : {std::pair(1, false), {1, true}, {8, true}, {512, true}}) {
    const std::string label = std::string(name(dtype)) + suffix + "/" + std::string(isa) + "/" +
                              std::to_string(n) + (n == 1 && cached ? "_cached" : "");
    benchmark::RegisterBenchmark(label.c_str(), [=, n = n, cached = cached](benchmark::State& state) {
      products(state, dtype, isa, rounding, n, cached);
    });
  }
}

}  // namespace
}  // namespace qnext

int main(int argc, char** argv) {
  using namespace qnext;
  for (const std::string_view isa : cpu_isas()) {
    for (const DType dtype : {DType::kQ8_0, DType::kQ4_0, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K}) {
      add(dtype, isa, Rounding::kInt8, "");
    }
    add(DType::kBF16, isa, Rounding::kInt8, "");
    add(DType::kBF16, isa, Rounding::kNative, "_native");
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
