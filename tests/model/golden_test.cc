// Every fixture of the reference implementation, at every position, on both backends, in pieces of several
// sizes, from every kind of file that holds its weights without loss.
#include <gtest/gtest.h>

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "checkpoint/convert.h"
#include "model/golden_support.h"

namespace qnext::test {
namespace {

// Relative L2 error of a row. float32 against float32 over the same weights: docs/numerics.md.
constexpr double kTolerance = 5e-4;

struct Case {
  std::string fixture;
  std::string from;  // "folder", "synth" (only config.json is stored), or a GGUF file: "f32" or "bf16"
};

class GoldenTest : public testing::TestWithParam<std::tuple<Case, std::string>> {
 protected:
  std::string folder() const { return data("golden/" + std::get<0>(GetParam()).fixture); }
  std::string backend() const { return std::get<1>(GetParam()); }

  // A GGUF file is read by other code than a folder, but computes alike: two sizes show that.
  std::vector<int64_t> pieces() const {
    const std::string& from = std::get<0>(GetParam()).from;
    return from == "folder" || from == "synth" ? std::vector<int64_t>{0, 1, 7, 64, 100}
                                               : std::vector<int64_t>{0, 7};
  }

  std::string model() {
    const auto& [fixture, from] = std::get<0>(GetParam());
    const std::string synth = "synth:" + folder() + "/config.json";
    if (from == "folder") return folder();
    if (from == "synth") return synth;
    const bool stored = std::filesystem::exists(folder() + "/model.safetensors.index.json");
    file_ = fmt::format("{}golden-{}-{}-{}.gguf", testing::TempDir(), fixture, from, ::getpid());
    ConvertOptions options;
    options.type = *gguf_file_type_from_name(from);
    ThreadPool pool(2);
    must(convert_to_gguf(must(open_checkpoint(stored ? folder() : synth)), file_, options, pool));
    return file_;
  }

  void TearDown() override {
    if (!file_.empty()) std::filesystem::remove(file_);
  }

 private:
  std::string file_;
};

TEST_P(GoldenTest, LogitsHiddenAndDraftsAgreeInPiecesOfAnySize) {
  const Golden golden(folder());
  const Checkpoint checkpoint = must(open_checkpoint(model()));
  Runner runner(checkpoint, backend(), {.mtp = checkpoint.has_mtp()});
  for (const std::string& name : golden.prompts()) {
    const bool mtp = golden.has(name + ".mtp_logits");
    ASSERT_TRUE(checkpoint.has_mtp() || !mtp);
    for (int64_t piece : pieces()) {
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

// The FP8 weights times their scales are no BF16 numbers, so that fixture goes through F32 only.
INSTANTIATE_TEST_SUITE_P(
    Fixtures, GoldenTest,
    testing::Combine(testing::Values(Case{"tiny", "folder"}, Case{"tiny", "synth"}, Case{"tiny", "f32"},
                                     Case{"tiny", "bf16"}, Case{"tiny-fp8", "folder"},
                                     Case{"tiny-fp8", "f32"}, Case{"variant-tied", "synth"},
                                     Case{"variant-tied", "f32"}, Case{"variant-tied", "bf16"},
                                     Case{"variant-yarn", "synth"}, Case{"variant-yarn", "f32"},
                                     Case{"variant-yarn", "bf16"}, Case{"variant-wide", "synth"},
                                     Case{"variant-wide", "f32"}, Case{"variant-wide", "bf16"}),
                     testing::Values("ref", "cpu")),
    [](const testing::TestParamInfo<GoldenTest::ParamType>& tested) {
      const Case& which = std::get<0>(tested.param);
      std::string name = which.fixture + "_" + which.from + "_" + std::get<1>(tested.param);
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

}  // namespace
}  // namespace qnext::test
