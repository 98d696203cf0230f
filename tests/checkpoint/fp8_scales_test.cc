#include "checkpoint/fp8_scales.h"

#include <cmath>
#include <limits>

#include "checkpoint/checkpoint.h"
#include "checkpoint/mapped_source.h"
#include "checkpoint/reading_support.h"
#include "checkpoint/synth_source.h"
#include "tensor/float_formats.h"

namespace qnext {
namespace {

using namespace reading;

// A source with only the scales of matrix "w".
std::shared_ptr<const TensorSource> scales(DType dtype, Shape shape, const std::string& data) {
  auto owner = std::make_shared<std::string>(data);
  return must(make_mapped_source(
      "f", Naming::kPublished, {{{"w_scale_inv", dtype, std::move(shape)}, bytes_of(*owner).data(), owner}}));
}

std::string floats(const std::vector<float>& values) {
  std::string out;
  for (float v : values) put(out, v);
  return out;
}

TEST(Fp8Scales, ReadsFloat32AndBf16) {
  ModelConfig config;
  const auto f32 =
      must(read_fp8_scales(*scales(DType::kF32, {2, 1}, floats({1, 2})), "w", {130, 128}, config));
  EXPECT_EQ(f32.values, (std::vector<float>{1, 2}));
  EXPECT_EQ(f32.block_rows, 128);  // as published, when the configuration does not say
  std::string halves;
  for (float v : {0.5f, 3.f}) put(halves, float_to_bf16(v));
  config.fp8_block_rows = 64;
  config.fp8_block_cols = 32;
  EXPECT_EQ(must(read_fp8_scales(*scales(DType::kBF16, {1, 2}, halves), "w", {64, 33}, config)).values,
            (std::vector<float>{0.5f, 3.f}));
  EXPECT_EQ(
      must(read_fp8_scales(*scales(DType::kF32, {2, 1, 1}, floats({1, 2})), "w", {2, 5, 5}, config)).values,
      (std::vector<float>{1, 2}));
}

TEST(Fp8Scales, RejectsWhatIsNotAScale) {
  const ModelConfig config;
  const float nan = std::nanf(""), inf = std::numeric_limits<float>::infinity();
  for (float bad : {nan, inf, -inf, 0.f, -1.f}) {
    EXPECT_ERROR_HAS(read_fp8_scales(*scales(DType::kF32, {1, 2}, floats({1, bad})), "w", {128, 256}, config),
                     "f: tensor w_scale_inv: scale 1 is ")
        << bad;
  }
  EXPECT_ERROR_HAS(read_fp8_scales(*scales(DType::kF32, {1, 1}, floats({1})), "w", {128, 256}, config),
                   "w_scale_inv has type f32 and shape [1, 1], expected f32 or bf16 and [1, 2]");
  EXPECT_ERROR_HAS(read_fp8_scales(*scales(DType::kU8, {1}, "x"), "w", {1, 1}, config), "has type u8");
  EXPECT_ERROR_HAS(read_fp8_scales(*scales(DType::kF32, {1, 1}, floats({1})), "v", {1, 1}, config),
                   "tensor v_scale_inv is missing, and v has type F8_E4M3");
  EXPECT_ERROR_HAS(read_fp8_scales(*scales(DType::kF32, {1}, floats({1})), "w", {1}, config),
                   "not a matrix's");
}

TEST(Fp8Scales, TheGoldenModelDequantisesToTheSyntheticValues) {
  const Checkpoint c = must(open_checkpoint(kGolden + "tiny-fp8"));
  int matrices = 0;
  for (const TensorEntry& entry : c.tensors->entries()) {
    if (entry.dtype != DType::kF8E4M3) continue;
    ++matrices;
    const Fp8Scales s = must(read_fp8_scales(*c.tensors, entry.name, entry.shape, c.config));
    const Tensor stored = must(c.tensors->load(entry.name));
    const int64_t rows = entry.shape[0], cols = entry.shape[1];
    std::vector<uint16_t> original(static_cast<size_t>(rows * cols));
    synthesize(entry.name, cols, {}, 0, rows * cols, original.data());
    const int64_t blocks = (cols + s.block_cols - 1) / s.block_cols;
    for (int64_t i = 0; i < rows * cols; ++i) {
      const int64_t block = i / cols / s.block_rows * blocks + i % cols / s.block_cols;
      const float scale = s.values[static_cast<size_t>(block)];
      const float value = e4m3_to_float(static_cast<uint8_t>(stored.data[i])) * scale;
      const float expected = bf16_to_float(original[static_cast<size_t>(i)]);
      // Half a step of e4m3: 2^-4 of the value, or half of the smallest subnormal.
      ASSERT_LE(std::fabs(value - expected), std::fabs(expected) / 16 * 1.001f + scale * 0x1p-10f)
          << entry.name << i;
    }
  }
  EXPECT_GT(matrices, 50);
}

}  // namespace
}  // namespace qnext
