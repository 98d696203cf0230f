// Every fixture of the reference implementation, at every position, on both backends, in pieces of several
// sizes.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "model/golden_support.h"

namespace qnext::test {
namespace {

// Relative L2 error of a row. float32 against float32 over the same weights: docs/numerics.md.
constexpr double kTolerance = 5e-4;

struct Case {
  std::string fixture;
  bool synthetic;  // only config.json is stored; weights are made from it
};

class GoldenTest : public testing::TestWithParam<std::tuple<Case, std::string>> {
 protected:
  std::string folder() const { return data("golden/" + std::get<0>(GetParam()).fixture); }
  std::string model() const {
    return std::get<0>(GetParam()).synthetic ? "synth:" + folder() + "/config.json" : folder();
  }
  std::string backend() const { return std::get<1>(GetParam()); }
};

TEST_P(GoldenTest, LogitsHiddenAndDraftsAgreeInPiecesOfAnySize) {
  const Golden golden(folder());
  for (const std::string& name : golden.prompts()) {
    const bool mtp = golden.has(name + ".mtp_logits");
    Runner runner(model(), backend(), {.mtp = mtp});
    for (int64_t piece : {0, 1, 7, 64, 100}) {
      SCOPED_TRACE(fmt::format("{} in pieces of {}", name, piece));
      const auto out = runner.prompt(golden.prompt(name), piece, mtp);
      EXPECT_LT(worst_row(out.logits, golden.rows(name + ".logits")), kTolerance);
      EXPECT_LT(worst_row(out.hidden_last, golden.rows(name + ".hidden_last")), kTolerance);
      if (mtp) {
        EXPECT_LT(worst_row(out.mtp_logits, golden.rows(name + ".mtp_logits")), kTolerance);
      }
    }
  }
}

TEST_P(GoldenTest, GreedyTokensAgreeWhileTheReferenceIsSure) {
  const Golden golden(folder());
  Runner runner(model(), backend());
  for (const std::string& name : golden.prompts()) {
    const auto expected = golden.greedy(name);
    const auto margins = golden.margins(name);
    const auto got = runner.greedy(golden.prompt(name), static_cast<int64_t>(expected.size()));
    for (size_t i = 0; i < expected.size() && margins[i] > 0.01; ++i)
      EXPECT_EQ(got[i], expected[i]) << name << " " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, GoldenTest,
                         testing::Combine(testing::Values(Case{"tiny", false}, Case{"tiny", true},
                                                          Case{"tiny-fp8", false}, Case{"variant-tied", true},
                                                          Case{"variant-yarn", true},
                                                          Case{"variant-wide", true}),
                                          testing::Values("ref", "cpu")),
                         [](const auto& tested) {
                           std::string name = std::get<0>(tested.param).fixture + "_" +
                                              std::get<1>(tested.param) +
                                              (std::get<0>(tested.param).synthetic ? "_synth" : "");
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace qnext::test
