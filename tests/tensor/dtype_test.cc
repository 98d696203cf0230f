#include "tensor/dtype.h"

#include <gtest/gtest.h>

#include "tensor/tensor.h"

namespace qnext {
namespace {

TEST(DType, NamesAndNumbersFindTheirType) {
  int with_number = 0;
  for (int i = 0; i <= static_cast<int>(DType::kIQ4_XS); ++i) {
    const auto type = static_cast<DType>(i);
    EXPECT_EQ(dtype_from_name(name(type)), type);
    if (info(type).ggml_type >= 0) {
      EXPECT_EQ(dtype_from_ggml(static_cast<uint32_t>(info(type).ggml_type)), type);
      ++with_number;
    }
    if (!info(type).safetensors.empty()) {
      EXPECT_EQ(dtype_from_safetensors(info(type).safetensors), type);
    }
    EXPECT_EQ(is_quantised(type), info(type).block > 1);
  }
  EXPECT_EQ(with_number, 21);
  EXPECT_EQ(dtype_from_name("Q4_K"), DType::kQ4_K);
  EXPECT_EQ(dtype_from_name("q4"), std::nullopt);
  EXPECT_EQ(dtype_from_ggml(4), std::nullopt);  // a type that ggml gave up
  EXPECT_EQ(dtype_from_ggml(0xffffffff), std::nullopt);
  EXPECT_EQ(dtype_from_safetensors(""), std::nullopt);
}

// Numbers of the GGUF format.
TEST(DType, Sizes) {
  const struct {
    DType type;
    int number, block, bytes;
  } kExpected[] = {{DType::kF32, 0, 1, 4},       {DType::kF16, 1, 1, 2},       {DType::kBF16, 30, 1, 2},
                   {DType::kQ4_0, 2, 32, 18},    {DType::kQ4_1, 3, 32, 20},    {DType::kQ5_0, 6, 32, 22},
                   {DType::kQ5_1, 7, 32, 24},    {DType::kQ8_0, 8, 32, 34},    {DType::kQ2_K, 10, 256, 84},
                   {DType::kQ3_K, 11, 256, 110}, {DType::kQ4_K, 12, 256, 144}, {DType::kQ5_K, 13, 256, 176},
                   {DType::kQ6_K, 14, 256, 210}, {DType::kIQ4_NL, 20, 32, 18}, {DType::kIQ4_XS, 23, 256, 136},
                   {DType::kMXFP4, 39, 32, 17}};
  for (const auto& e : kExpected) {
    EXPECT_EQ(info(e.type).ggml_type, e.number) << name(e.type);
    EXPECT_EQ(info(e.type).block, e.block) << name(e.type);
    EXPECT_EQ(info(e.type).bytes, e.bytes) << name(e.type);
    EXPECT_EQ(row_bytes(e.type, 2 * e.block), 2 * e.bytes);
    EXPECT_TRUE(is_weight_type(e.type));
  }
  EXPECT_TRUE(is_weight_type(DType::kF8E4M3));
  for (const DType other : {DType::kF64, DType::kI64, DType::kI32, DType::kI8, DType::kU8, DType::kBool})
    EXPECT_FALSE(is_weight_type(other));
}

TEST(Shape, Extents) {
  const Shape shape{4, 3, 64};
  EXPECT_EQ(shape.rank(), 3);
  EXPECT_EQ(shape.elements(), 768);
  EXPECT_EQ(shape.rows(), 12);
  EXPECT_EQ(shape.text(), "[4, 3, 64]");
  EXPECT_EQ(Shape().elements(), 1);
  EXPECT_EQ(Shape({5, 0}).rows(), 0);
}

TEST(Tensor, SlicesShareTheBytes) {
  std::byte* data = nullptr;
  const Tensor tensor = Tensor::allocate(DType::kQ8_0, {4, 3, 64}, &data);
  EXPECT_EQ(tensor.bytes(), 12 * 68);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(data) % 64, 0u);
  const Tensor part = tensor.slice(1, 2);
  EXPECT_EQ(part.shape, (Shape{2, 3, 64}));
  EXPECT_EQ(part.data, data + 3 * 68);
  EXPECT_EQ(part.row(5), data + 8 * 68);
  EXPECT_EQ(part.owner, tensor.owner);
  EXPECT_EQ(tensor.slice(4, 0).bytes(), 0);
  EXPECT_DEATH(tensor.slice(3, 2), "slice out of range");
}

}  // namespace
}  // namespace qnext
