// Four layers at the real dimensions of Qwen3-Next-80B-A3B (6.9 G synthetic weights in BF16, made on the fly)
// against the reference implementation. Usage: proof_real4 [ref|cpu|cpu:ISA] [PIECE]. Needs about 15 GB of
// memory.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <numeric>

#include "model/golden_support.h"

namespace qnext::test {
namespace {

constexpr double kTolerance = 5e-4;  // relative L2, as for all fixtures

std::vector<int64_t> integers(const TensorSource& source, const char* name) {
  const Tensor t = must(source.load(name));
  const auto* values = reinterpret_cast<const int64_t*>(t.data);
  return {values, values + t.shape.elements()};
}

std::vector<float> floats(const TensorSource& source, const char* name) {
  const Tensor t = must(source.load(name));
  const auto* values = reinterpret_cast<const float*>(t.data);
  return {values, values + t.shape.elements()};
}

bool report(bool ok, const std::string& line) {
  fmt::print("{} {}\n", ok ? "ok  " : "FAIL", line);
  std::fflush(stdout);
  return ok;
}

// The 64 largest logits of a row: values everywhere; ids wherever both neighbours are further than the
// tolerance.
bool check_top(int64_t position, const float* row, int64_t vocab, const int64_t* ids, const float* values) {
  constexpr int64_t kTop = 64;
  std::vector<int32_t> order(static_cast<size_t>(vocab));
  std::iota(order.begin(), order.end(), 0);
  std::partial_sort(order.begin(), order.begin() + kTop, order.end(),
                    [&](int32_t a, int32_t b) { return row[a] > row[b]; });
  std::vector<float> got;
  for (int64_t i = 0; i < kTop; ++i) got.push_back(row[order[static_cast<size_t>(i)]]);
  const double error = relative_error(got.data(), values, kTop);
  const double apart = kTolerance * values[0];
  int64_t compared = 0, equal = 0;
  for (int64_t i = 0; i < kTop; ++i) {
    const bool clear =
        (i == 0 || values[i - 1] - values[i] > apart) && (i + 1 == kTop || values[i] - values[i + 1] > apart);
    if (!clear) continue;
    ++compared;
    equal += order[static_cast<size_t>(i)] == ids[i];
  }
  return report(error < kTolerance && equal == compared,
                fmt::format("position {:3}: top-64 values {:.1e}, ids {} of {} that are apart", position,
                            error, equal, compared));
}

int run(const std::string& backend, int64_t piece) {
  const std::string folder = data("golden/real4");
  const auto golden = must(open_safetensors(folder + "/golden.safetensors"));
  const Json json = must(read_json_file(folder + "/golden.json"));
  const std::vector<int32_t> prompt = json.at("prompt");
  Runner runner("synth:" + folder + "/config.json", backend);
  const auto out = runner.prompt(prompt, piece, false);

  bool ok = true;
  const auto positions = integers(*golden, "positions"), ids = integers(*golden, "top64_ids");
  const auto values = floats(*golden, "top64_values"), mean = floats(*golden, "logit_mean"),
             std = floats(*golden, "logit_std");
  for (size_t p = 0; p < positions.size(); ++p) {
    const float* row = out.logits.row(positions[p]);
    const int64_t vocab = out.logits.width;
    ok &= check_top(positions[p], row, vocab, ids.data() + 64 * p, values.data() + 64 * p);
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < vocab; ++i) sum += row[i];
    const double average = sum / static_cast<double>(vocab);
    for (int64_t i = 0; i < vocab; ++i) squares += (row[i] - average) * (row[i] - average);
    const double deviation = std::sqrt(squares / static_cast<double>(vocab - 1));
    ok &= report(
        std::abs(average - mean[p]) < kTolerance * std[p] && std::abs(deviation / std[p] - 1) < kTolerance,
        fmt::format("position {:3}: mean {:.6f} ({:.6f}), deviation {:.6f} ({:.6f})", positions[p], average,
                    mean[p], deviation, std[p]));
  }
  const Rows hidden{out.hidden_last.width, floats(*golden, "hidden_last")};
  for (int64_t i = 0; i < hidden.count(); ++i) {
    const double error = relative_error(out.hidden_last.row(i), hidden.row(i), hidden.width);
    ok &= report(error < kTolerance, fmt::format("hidden row {}: {:.1e}", i, error));
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  ok &= report(usage.ru_maxrss < 24ll << 20,
               fmt::format("peak memory {:.1f} GB", static_cast<double>(usage.ru_maxrss) / 1e6));
  return ok ? 0 : 1;
}

}  // namespace
}  // namespace qnext::test

int main(int argc, char** argv) {
  try {
    return qnext::test::run(argc > 1 ? argv[1] : "cpu", argc > 2 ? std::atoll(argv[2]) : 0);
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
