// A small trained checkpoint with its golden (logits, drafts, greedy answers, held-out loss) against the
// reference implementation. Usage: proof_small_checkpoint FOLDER [ref|cpu|cpu:ISA] [MODEL]. MODEL, when
// given, is another file of the same weights (a GGUF) to run instead of FOLDER.
#include <fmt/format.h>

#include "model/golden_support.h"

namespace qnext::test {
namespace {

constexpr double kTolerance = 5e-4;  // relative L2 of a row
constexpr double kNllTolerance = 1e-4;

bool report(bool ok, const std::string& line) {
  fmt::print("{} {}\n", ok ? "ok  " : "FAIL", line);
  std::fflush(stdout);
  return ok;
}

// -log softmax(row)[target]
double negative_log_likelihood(const float* row, int64_t n, int32_t target) {
  const double top = *std::max_element(row, row + n);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += std::exp(row[i] - top);
  return std::log(sum) + top - row[target];
}

bool check_prompts(Runner& runner, const Json& greedy, const TensorSource& golden) {
  bool ok = true;
  auto rows = [&](const std::string& name) {
    const Tensor t = must(golden.load(name));
    const auto* values = reinterpret_cast<const float*>(t.data);
    return Rows{t.shape.last(), {values, values + t.shape.elements()}};
  };
  for (const auto& [name, item] : greedy.items()) {
    const std::vector<int32_t> prompt = item.at("prompt"), expected = item.at("tokens");
    const std::vector<double> margins = item.at("top1_minus_top2");
    for (int64_t piece : {0, 1, 7, 64}) {
      const auto out = runner.prompt(prompt, piece, true);
      const double logits = worst_row(out.logits, rows(name + ".logits"));
      const double drafts = worst_row(out.mtp_logits, rows(name + ".mtp_logits"));
      ok &= report(logits < kTolerance && drafts < kTolerance,
                   fmt::format("{} pieces of {}: logits {:.1e}, drafts {:.1e}", name, piece, logits, drafts));
    }
    const auto got = runner.greedy(prompt, static_cast<int64_t>(expected.size()));
    size_t equal = 0;
    while (equal < got.size() && got[equal] == expected[equal]) ++equal;
    ok &= report(equal == got.size(),
                 fmt::format("{} greedy: {} of {} tokens (smallest margin {})", name, equal, got.size(),
                             *std::min_element(margins.begin(), margins.end())));
  }
  return ok;
}

bool check_heldout(Runner& runner, const Json& heldout) {
  double sum = 0;
  int64_t count = 0;
  for (const auto& window : heldout.at("tokens")) {
    const std::vector<int32_t> ids = window;
    const auto out = runner.prompt(ids, 0, false);
    for (size_t i = 0; i + 1 < ids.size(); ++i, ++count) {
      sum += negative_log_likelihood(out.logits.row(static_cast<int64_t>(i)), out.logits.width, ids[i + 1]);
    }
  }
  const double nll = sum / static_cast<double>(count), expected = heldout.at("mean_nll");
  return report(std::abs(nll - expected) < kNllTolerance,
                fmt::format("held-out loss {:.6f} over {} tokens, reference {:.6f}", nll, count, expected));
}

}  // namespace
}  // namespace qnext::test

int main(int argc, char** argv) {
  using namespace qnext::test;
  if (argc < 2) {
    fmt::print(stderr, "usage: proof_small_checkpoint FOLDER [ref|cpu|cpu:ISA] [MODEL]\n");
    return 2;
  }
  try {
    const std::string folder = argv[1];
    const qnext::Json json = must(qnext::read_json_file(folder + "/golden.json"));
    const auto golden = must(qnext::open_safetensors(folder + "/golden.safetensors"));
    Runner runner(argc > 3 ? argv[3] : folder, argc > 2 ? argv[2] : "cpu", {.mtp = true});
    const bool prompts = check_prompts(runner, json.at("greedy"), *golden);
    const bool heldout = check_heldout(runner, json.at("heldout"));
    return prompts && heldout ? 0 : 1;
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
