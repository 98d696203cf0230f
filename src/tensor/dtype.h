// Element types of stored tensors, and how many bytes they take.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace qnext {

// Plain types hold one value per element; the others pack a block of values with its scale (block_formats.h).
enum class DType : uint8_t {
  kF32,
  kF16,
  kBF16,
  kF8E4M3,  // floating point
  kF64,
  kI64,
  kI32,
  kI16,
  kI8,
  kU8,
  kBool,  // what else a safetensors file may hold; never a weight
  kQ8_0,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kIQ4_NL,
  kMXFP4,  // blocks of 32
  kQ2_K,
  kQ3_K,
  kQ4_K,
  kQ5_K,
  kQ6_K,
  kIQ4_XS,  // blocks of 256
};

struct DTypeInfo {
  DType dtype;
  std::string_view name;         // as people write it: "bf16", "q4_k"
  int block;                     // elements per block, 1 for plain types
  int bytes;                     // bytes per block
  int ggml_type;                 // number in a GGUF file, -1 if GGUF has none
  std::string_view safetensors;  // name in a safetensors header, "" if it has none
};

const DTypeInfo& info(DType dtype);
inline std::string_view name(DType dtype) { return info(dtype).name; }

// Bytes of a row of `cols` elements; cols must be a multiple of the type's block.
inline int64_t row_bytes(DType dtype, int64_t cols) {
  const DTypeInfo& i = info(dtype);
  return cols / i.block * i.bytes;
}

// True for the types that a weight matrix can have, that is those that dequantize_row() reads.
bool is_weight_type(DType dtype);
bool is_quantised(DType dtype);

std::optional<DType> dtype_from_name(std::string_view name);  // ignores case
std::optional<DType> dtype_from_ggml(uint32_t type);
std::optional<DType> dtype_from_safetensors(std::string_view name);

}  // namespace qnext
