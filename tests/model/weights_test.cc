// The ways in which files spell the same weights, and weights that are wrong.
#include <gtest/gtest.h>

#include <cmath>

#include "checkpoint/memory_source.h"
#include "model/golden_support.h"
#include "tensor/block_formats.h"

namespace qnext::test {
namespace {

const std::vector<int32_t> kPrompt{5, 99, 17, 200, 2, 41, 41, 8};

Checkpoint with(const Checkpoint& original, std::shared_ptr<MemorySource> tensors) {
  Checkpoint copy = original;
  copy.tensors = std::move(tensors);
  return copy;
}

std::vector<float> logits(const Checkpoint& checkpoint) {
  return Runner(checkpoint, "ref", {.mtp = true}).prompt(kPrompt, 0, true).mtp_logits.values;
}

// The message of the failure to load, "" when it loads.
std::string failure(const Checkpoint& checkpoint) {
  try {
    Runner runner(checkpoint, "ref");
    return "";
  } catch (const std::runtime_error& e) {
    return e.what();
  }
}

Tensor converted(const Tensor& tensor, DType dtype) {
  std::vector<float> values(static_cast<size_t>(tensor.shape.elements()));
  dequantize_row(tensor.dtype, tensor.data, values.data(), tensor.shape.elements());
  std::byte* out = nullptr;
  Tensor copy = Tensor::allocate(dtype, tensor.shape, &out);
  quantize_row(dtype, values.data(), out, tensor.shape.elements());
  return copy;
}

// Joins the per-expert tensors of a layer into the two of transformers 5, with their FP8 scales if they have
// any.
void fuse_experts(MemorySource& tensors, const std::string& prefix, int64_t experts,
                  const std::string& suffix = "") {
  std::vector<Tensor> gate_up, down;
  for (int64_t e = 0; e < experts; ++e) {
    const std::string expert = prefix + "experts." + std::to_string(e) + ".";
    for (const char* part : {"gate_proj", "up_proj", "down_proj"}) {
      const std::string name = expert + part + ".weight" + suffix;
      (std::string(part) == "down_proj" ? down : gate_up).push_back(tensors.at(name));
      tensors.remove(name);
    }
  }
  const Shape g = gate_up[0].shape, d = down[0].shape;
  tensors.put(prefix + "experts.gate_up_proj" + suffix, joined(gate_up, Shape{experts, 2 * g[0], g[1]}));
  tensors.put(prefix + "experts.down_proj" + suffix, joined(down, Shape{experts, d[0], d[1]}));
}

const std::vector<std::string> kMoeLayers{"model.layers.0.mlp.", "model.layers.1.mlp.", "model.layers.2.mlp.",
                                          "model.layers.3.mlp.", "mtp.layers.0.mlp."};

TEST(Weights, FusedExpertsAreTheSameModel) {
  const Checkpoint original = must(open_checkpoint(data("golden/tiny")));
  auto tensors = std::make_shared<MemorySource>(*original.tensors);
  for (const auto& layer : kMoeLayers) fuse_experts(*tensors, layer, 16);
  EXPECT_EQ(logits(with(original, tensors)), logits(original));
}

TEST(Weights, Float32CopiesAreTheSameModel) {
  const Checkpoint original = must(open_checkpoint(data("golden/tiny")));
  auto tensors = std::make_shared<MemorySource>(*original.tensors);
  for (const TensorEntry& entry : original.tensors->entries()) {
    tensors->put(entry.name, converted(tensors->at(entry.name), DType::kF32));
  }
  EXPECT_EQ(logits(with(original, tensors)), logits(original));
}

TEST(Weights, Float16CopiesAreNearlyTheSameModel) {
  const Checkpoint original = must(open_checkpoint(data("golden/tiny")));
  auto tensors = std::make_shared<MemorySource>(*original.tensors);
  for (const TensorEntry& entry : original.tensors->entries()) {
    tensors->put(entry.name, converted(tensors->at(entry.name), DType::kF16));
  }
  const auto a = logits(with(original, tensors)), b = logits(original);
  EXPECT_LT(relative_error(a.data(), b.data(), static_cast<int64_t>(b.size())), 1e-3);
}

// The 64 rows of gate and up straddle a 128-row scale block of the fused tensor, so up needs a scale row of
// its own.
TEST(Weights, FusedFp8ExpertsWithBlocksAcrossGateAndUp) {
  const Checkpoint original = must(open_checkpoint(data("golden/tiny-fp8")));
  auto tensors = std::make_shared<MemorySource>(*original.tensors);
  for (const auto& layer : kMoeLayers) {
    for (int64_t e = 0; e < 8; ++e) {
      // One block covers both parts in the fused file: give both the same scales before joining.
      const std::string expert = layer + "experts." + std::to_string(e) + ".";
      tensors->put(expert + "up_proj.weight_scale_inv", tensors->at(expert + "gate_proj.weight_scale_inv"));
    }
  }
  const auto expected = logits(with(original, std::make_shared<MemorySource>(*tensors)));
  for (const auto& layer : kMoeLayers) {
    std::vector<Tensor> gate_up, down;
    for (int64_t e = 0; e < 8; ++e) {
      const std::string expert = layer + "experts." + std::to_string(e) + ".";
      gate_up.push_back(tensors->at(expert + "gate_proj.weight_scale_inv"));
      down.push_back(tensors->at(expert + "down_proj.weight_scale_inv"));
      for (const char* part : {"gate_proj", "up_proj", "down_proj"}) {
        tensors->remove(expert + part + ".weight_scale_inv");
      }
    }
    fuse_experts(*tensors, layer, 8);
    tensors->put(layer + "experts.gate_up_proj_scale_inv", joined(gate_up, Shape{8, 1, 2}));
    tensors->put(layer + "experts.down_proj_scale_inv", joined(down, Shape{8, 2, 1}));
  }
  EXPECT_EQ(logits(with(original, tensors)), expected);
}

TEST(Weights, ErrorsNameTheTensor) {
  const Checkpoint tiny = must(open_checkpoint(data("golden/tiny")));
  const Checkpoint fp8 = must(open_checkpoint(data("golden/tiny-fp8")));
  auto broken = [](const Checkpoint& original, const std::string& name, const Tensor* replacement) {
    auto tensors = std::make_shared<MemorySource>(*original.tensors);
    if (replacement) {
      tensors->put(name, *replacement);
    } else {
      tensors->remove(name);
    }
    return failure(with(original, tensors));
  };
  for (const char* name :
       {"model.norm.weight", "lm_head.weight", "model.layers.1.linear_attn.A_log",
        "model.layers.2.mlp.experts.15.down_proj.weight", "model.layers.0.mlp.shared_expert_gate.weight"}) {
    EXPECT_EQ(broken(tiny, name, nullptr), std::string("memory: tensor ") + name + " is missing");
  }
  const Tensor small = floats(std::vector<float>(6), Shape{2, 3});
  EXPECT_EQ(broken(tiny, "lm_head.weight", &small),
            "memory: tensor lm_head.weight has shape [2, 3], expected [320, 64]");
  EXPECT_EQ(broken(tiny, "model.norm.weight", &small),
            "memory: tensor model.norm.weight has shape [2, 3], expected 64 values");
  Tensor integers = floats(std::vector<float>(320 * 64), Shape{320, 64});
  integers.dtype = DType::kI32;
  EXPECT_NE(broken(tiny, "lm_head.weight", &integers).find("has type i32"), std::string::npos);
  std::vector<float> bad(64, 0.1f);
  bad[3] = NAN;
  const Tensor nan = floats(bad, Shape{64});
  EXPECT_EQ(broken(tiny, "model.norm.weight", &nan), "memory: tensor model.norm.weight contains nan");

  const std::string scale = "model.layers.0.linear_attn.out_proj.weight_scale_inv";
  EXPECT_NE(broken(fp8, scale, nullptr).find(scale + " is missing"), std::string::npos);
  const Shape shape = fp8.tensors->find(scale)->shape;
  for (float value : {NAN, INFINITY, 0.0f, -1.0f}) {
    const Tensor wrong = floats(std::vector<float>(static_cast<size_t>(shape.elements()), value), shape);
    EXPECT_NE(broken(fp8, scale, &wrong).find(scale), std::string::npos) << value;
  }
  EXPECT_NE(broken(fp8, scale, &small).find("has shape [2, 3]"), std::string::npos);
}

TEST(Weights, MtpMustBeThereWhenAskedFor) {
  Checkpoint tiny = must(open_checkpoint(data("golden/tiny")));
  auto tensors = std::make_shared<MemorySource>(*tiny.tensors);
  for (const TensorEntry& entry : tiny.tensors->entries()) {
    if (entry.name.starts_with("mtp.")) tensors->remove(entry.name);
  }
  EXPECT_EQ(failure(with(tiny, tensors)), "");
  EXPECT_THROW(Runner(with(tiny, tensors), "ref", {.mtp = true}), std::runtime_error);
}

}  // namespace
}  // namespace qnext::test
