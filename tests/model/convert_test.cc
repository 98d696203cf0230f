// The same weights from a published checkpoint and from GGUF files made of it: the same logits.
#include "checkpoint/convert.h"

#include <unistd.h>

#include <filesystem>

#include "model/golden_support.h"

namespace qnext::test {
namespace {

class ConvertedLogits : public testing::TestWithParam<const char*> {
 protected:
  ConvertedLogits()
      : path_((std::filesystem::temp_directory_path() /
               ("qnext-" + std::to_string(::getpid()) + "-" + GetParam() + ".gguf"))
                  .string()) {
    const std::string name = GetParam();
    model_ = name.starts_with("variant") ? "synth:" + data("golden/" + name + "/config.json")
                                         : data("golden/" + name);
  }
  ~ConvertedLogits() override { std::filesystem::remove(path_); }

  std::string convert(GgufFileType type, bool panels = false) {
    ConvertOptions options;
    options.panels = panels;
    options.type = type;
    ThreadPool pool(1);
    must(convert_to_gguf(must(open_checkpoint(model_)), path_, options, pool));
    return path_;
  }
  Runner::Output run(const std::string& model, const std::string& backend) {
    Runner runner(model, backend, {.mtp = true}, 1);
    const Golden golden(data(std::string("golden/") + GetParam()));
    std::vector<int32_t> prompt = golden.prompt(golden.prompts().front());
    prompt.resize(std::min<size_t>(prompt.size(), 40));
    return runner.prompt(prompt, 0, true);
  }
  const std::string path_;
  std::string model_;
};

// BF16 and F32 both hold the weights exactly; with the plain loops of the reference the bits are the same.
// FP8 weights are made of two factors, whose product is rounded in another place.
TEST_P(ConvertedLogits, AreTheSame) {
  const bool exact = std::string(GetParam()) != "tiny-fp8";
  for (const GgufFileType type : {GgufFileType::kF32, GgufFileType::kBF16}) {
    if (!exact && type == GgufFileType::kBF16) continue;
    const auto expected = run(model_, "ref"), got = run(convert(type), "ref");
    if (exact) {
      EXPECT_EQ(got.logits.values, expected.logits.values);
      EXPECT_EQ(got.mtp_logits.values, expected.mtp_logits.values);
    }
    EXPECT_LT(worst_row(got.logits, expected.logits), 1e-5);
    EXPECT_LT(worst_row(got.mtp_logits, expected.mtp_logits), 1e-5);
    EXPECT_LT(worst_row(run(path_, "cpu").logits, expected.logits), 1e-4);
  }
}

// Files in panels and panels that are made at load are the same to the kernels.
TEST_P(ConvertedLogits, OfFilesInPanels) {
  for (const GgufFileType type : {GgufFileType::kBF16, GgufFileType::kQ8_0, GgufFileType::kQ4_0}) {
    const auto expected = run(convert(type), "cpu"), by_reference = run(path_, "ref");
    EXPECT_EQ(run(convert(type, true), "cpu").logits.values, expected.logits.values);
    EXPECT_EQ(run(path_, "ref").logits.values, by_reference.logits.values);
  }
}

// Of a quantised file the decoded one is an exact copy.
TEST_P(ConvertedLogits, OfQuantisedFilesAndTheirDecodedCopies) {
  const std::string decoded = path_ + "-f32";
  for (const GgufFileType type : {GgufFileType::kQ8_0, GgufFileType::kQ4_K_M}) {
    convert(type);
    ConvertOptions options;
    options.type = GgufFileType::kF32;
    ThreadPool pool(1);
    must(convert_to_gguf(must(open_checkpoint(path_)), decoded, options, pool));
    EXPECT_LT(worst_row(run(path_, "ref").logits, run(decoded, "ref").logits), 1e-5);
  }
  std::filesystem::remove(decoded);
}

INSTANTIATE_TEST_SUITE_P(Models, ConvertedLogits,
                         testing::Values("tiny", "tiny-fp8", "variant-tied", "variant-wide"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace qnext::test
