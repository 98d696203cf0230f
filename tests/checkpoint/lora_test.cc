#include "checkpoint/lora.h"

#include <cmath>

#include "checkpoint/memory_source.h"
#include "checkpoint/reading_support.h"
#include "checkpoint/safetensors_writer.h"
#include "tensor/float_formats.h"

namespace qnext {
namespace {

using namespace reading;
using test::floats;

constexpr const char* kMatrix = "model.layers.0.self_attn.q_proj.weight";

Tensor narrow(DType type, const std::vector<float>& values, Shape shape) {
  std::byte* out = nullptr;
  Tensor tensor = Tensor::allocate(type, std::move(shape), &out);
  for (size_t i = 0; i < values.size(); ++i) {
    const uint16_t bits = type == DType::kBF16 ? float_to_bf16(values[i]) : float_to_f16(values[i]);
    std::memcpy(out + 2 * i, &bits, 2);
  }
  return tensor;
}

std::vector<float> floats_of(const Tensor& tensor) {
  std::vector<float> values;
  for (int64_t i = 0; i < tensor.shape.elements(); ++i) {
    float x;
    uint16_t bits;
    if (tensor.dtype == DType::kF32) {
      std::memcpy(&x, tensor.data + 4 * i, 4);
    } else {
      std::memcpy(&bits, tensor.data + 2 * i, 2);
      x = tensor.dtype == DType::kBF16 ? bf16_to_float(bits) : f16_to_float(bits);
    }
    values.push_back(x);
  }
  return values;
}

class LoraTest : public testing::Test {
 protected:
  // W [2, 3] of the base, A [1, 3], B [2, 1].
  LoraTest() {
    base_ = std::make_shared<test::MemorySource>();
    base_->put(kMatrix, floats({1, 2, 3, 4, 5, 6}, {2, 3}));
    base_->put("model.norm.weight", floats({7, 8}, {2}));
    write_config(Json::object());
    write_weights(floats({1, 0, -2}, {1, 3}), floats({10, 20}, {2, 1}));
  }
  void write_config(const Json& changes) {
    Json config = lora_config("base", 1, 0.5, {"q_proj"});
    config.update(changes);
    folder_.write(kLoraConfigFile, dump_json(config));
  }
  void write_weights(const Tensor& a, const Tensor& b) {
    const Status written = write_safetensors(folder_.path() + "/" + kLoraWeightsFile,
                                             {{lora_a_name(kMatrix), a}, {lora_b_name(kMatrix), b}});
    ASSERT_TRUE(written.ok());
  }
  Result<std::shared_ptr<const TensorSource>> apply(bool without_fp8 = false) {
    return apply_lora(base_, config_, folder_.path(), without_fp8);
  }
  std::vector<float> merged() { return floats_of(must(must(apply())->load(kMatrix))); }

  const TempFolder folder_;
  const ModelConfig config_;
  std::shared_ptr<test::MemorySource> base_;
};

TEST_F(LoraTest, AddsTheScaledProduct) {
  EXPECT_EQ(merged(), (std::vector<float>{1 + 5, 2, 3 - 10, 4 + 10, 5, 6 - 20}));
  const auto source = must(apply());
  EXPECT_EQ(floats_of(must(source->load("model.norm.weight"))), (std::vector<float>{7, 8}));
  EXPECT_EQ(source->entries().size(), 2u);
}

TEST_F(LoraTest, TheScaleIsAlphaOverRankOrItsRoot) {
  write_weights(floats({1, 0, -2, 0, 0, 0, 0, 0, 0, 0, 0, 0}, {4, 3}),
                floats({10, 0, 0, 0, 20, 0, 0, 0}, {2, 4}));
  write_config({{"lora_alpha", 2}, {"r", 4}});
  EXPECT_EQ(merged()[0], 1 + 5);
  write_config({{"lora_alpha", 2}, {"r", 4}, {"use_rslora", true}});
  EXPECT_EQ(merged()[0], 1 + 10);
  write_config({{"lora_alpha", 2}, {"r", 4}, {"alpha_pattern", {{"q_proj", 4}, {"k_proj", 100}}}});
  EXPECT_EQ(merged()[0], 1 + 10);
}

TEST_F(LoraTest, RoundsToTheTypeOfTheBase) {
  write_weights(narrow(DType::kBF16, {1, 0, -2}, {1, 3}), narrow(DType::kF16, {10, 20}, {2, 1}));
  for (const DType type : {DType::kBF16, DType::kF16}) {
    base_->put(kMatrix, narrow(type, {1, 2, 3, 4, 5, 6}, {2, 3}));
    EXPECT_EQ(must(must(apply())->load(kMatrix)).dtype, type);
    EXPECT_EQ(merged(), (std::vector<float>{6, 2, -7, 14, 5, -14}));
  }
}

// FP8 with one scale of 2 for the whole matrix: the values 1, 1.5 and 2 are the bytes 0x38, 0x3c, 0x40.
TEST_F(LoraTest, Fp8BecomesBf16AndLosesItsScales) {
  std::byte* out = nullptr;
  const Tensor fp8 = Tensor::allocate(DType::kF8E4M3, {2, 3}, &out);
  const unsigned char bytes[] = {0x38, 0x3c, 0x40, 0x38, 0x38, 0x38};
  std::memcpy(out, bytes, sizeof bytes);
  const std::string other = "model.layers.0.self_attn.k_proj.weight";
  for (const std::string& name : {std::string(kMatrix), other}) {
    base_->put(name, fp8);
    base_->put(name + "_scale_inv", floats({2}, {1, 1}));
  }
  EXPECT_EQ(merged(), (std::vector<float>{2 + 5, 3, 4 - 10, 2 + 10, 2, 2 - 20}));
  const auto some = must(apply()), all = must(apply(true));
  EXPECT_EQ(some->find(std::string(kMatrix) + "_scale_inv"), nullptr);
  EXPECT_NE(some->find(other + "_scale_inv"), nullptr);
  EXPECT_EQ(must(some->load(other)).dtype, DType::kF8E4M3);
  EXPECT_EQ(all->find(other + "_scale_inv"), nullptr);
  EXPECT_EQ(floats_of(must(all->load(other))), (std::vector<float>{2, 3, 4, 2, 2, 2}));
}

TEST_F(LoraTest, WhatDoesNotFitIsAnError) {
  write_weights(floats({1, 0}, {1, 2}), floats({10, 20}, {2, 1}));
  EXPECT_ERROR_HAS(apply(), "do not fit model.layers.0.self_attn.q_proj.weight");
  write_weights(floats({1, 0, 1}, {1, 3}), floats({10, NAN}, {2, 1}));
  EXPECT_ERROR_HAS(apply(), "lora_B.weight: contains nan");
  write_weights(floats({1, 0, 1}, {3}), floats({10, 20}, {2, 1}));
  EXPECT_ERROR_HAS(apply(), "a matrix is expected");
  base_->remove(kMatrix);
  write_weights(floats({1, 0, 1}, {1, 3}), floats({10, 20}, {2, 1}));
  EXPECT_ERROR_HAS(apply(), "memory has no matrix model.layers.0.self_attn.q_proj.weight");
}

TEST(LoraTargets, AreWholeNamesOrEndsAfterADot) {
  EXPECT_TRUE(lora_targets("q_proj", kMatrix));
  EXPECT_TRUE(lora_targets("self_attn.q_proj", kMatrix));
  EXPECT_TRUE(lora_targets("lm_head", "lm_head.weight"));
  EXPECT_FALSE(lora_targets("proj", kMatrix));
  EXPECT_FALSE(lora_targets("", kMatrix));
}

}  // namespace
}  // namespace qnext
