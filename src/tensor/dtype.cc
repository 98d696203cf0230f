#include "tensor/dtype.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/check.h"

namespace qnext {
namespace {

constexpr std::array<DTypeInfo, 24> kTypes{{
    {DType::kF32, "f32", 1, 4, 0, "F32"},       {DType::kF16, "f16", 1, 2, 1, "F16"},
    {DType::kBF16, "bf16", 1, 2, 30, "BF16"},   {DType::kF8E4M3, "f8_e4m3", 1, 1, -1, "F8_E4M3"},
    {DType::kF64, "f64", 1, 8, 28, "F64"},      {DType::kI64, "i64", 1, 8, 27, "I64"},
    {DType::kI32, "i32", 1, 4, 26, "I32"},      {DType::kI16, "i16", 1, 2, 25, "I16"},
    {DType::kI8, "i8", 1, 1, 24, "I8"},         {DType::kU8, "u8", 1, 1, -1, "U8"},
    {DType::kBool, "bool", 1, 1, -1, "BOOL"},   {DType::kQ8_0, "q8_0", 32, 34, 8, ""},
    {DType::kQ4_0, "q4_0", 32, 18, 2, ""},      {DType::kQ4_1, "q4_1", 32, 20, 3, ""},
    {DType::kQ5_0, "q5_0", 32, 22, 6, ""},      {DType::kQ5_1, "q5_1", 32, 24, 7, ""},
    {DType::kIQ4_NL, "iq4_nl", 32, 18, 20, ""}, {DType::kMXFP4, "mxfp4", 32, 17, 39, ""},
    {DType::kQ2_K, "q2_k", 256, 84, 10, ""},    {DType::kQ3_K, "q3_k", 256, 110, 11, ""},
    {DType::kQ4_K, "q4_k", 256, 144, 12, ""},   {DType::kQ5_K, "q5_k", 256, 176, 13, ""},
    {DType::kQ6_K, "q6_k", 256, 210, 14, ""},   {DType::kIQ4_XS, "iq4_xs", 256, 136, 23, ""},
}};

template <class Predicate>
std::optional<DType> find(Predicate matches) {
  auto it = std::find_if(kTypes.begin(), kTypes.end(), matches);
  if (it == kTypes.end()) return std::nullopt;
  return it->dtype;
}

}  // namespace

const DTypeInfo& info(DType dtype) {
  const DTypeInfo& found = kTypes[static_cast<size_t>(dtype)];
  QN_CHECK(found.dtype == dtype, "the table of types is out of order");
  return found;
}

bool is_quantised(DType dtype) { return info(dtype).block > 1; }

bool is_weight_type(DType dtype) { return dtype <= DType::kF8E4M3 || is_quantised(dtype); }

std::optional<DType> dtype_from_name(std::string_view wanted) {
  return find([&](const DTypeInfo& i) {
    return std::equal(i.name.begin(), i.name.end(), wanted.begin(), wanted.end(),
                      [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); });
  });
}

std::optional<DType> dtype_from_ggml(uint32_t type) {
  return find(
      [&](const DTypeInfo& i) { return i.ggml_type >= 0 && static_cast<uint32_t>(i.ggml_type) == type; });
}

std::optional<DType> dtype_from_safetensors(std::string_view wanted) {
  return find([&](const DTypeInfo& i) { return !i.safetensors.empty() && i.safetensors == wanted; });
}

}  // namespace qnext
