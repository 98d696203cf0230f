// Choosing the encoder of a type, and the plain types.
#include <cstring>
#include <string>

#include "base/check.h"
#include "tensor/block_encoders.h"
#include "tensor/block_formats.h"
#include "tensor/float_formats.h"

namespace qnext {
namespace {

template <class Convert>
void encode_halves(const float* source, std::byte* out, int64_t count, Convert convert) {
  for (int64_t i = 0; i < count; ++i) {
    const uint16_t bits = convert(source[i]);
    std::memcpy(out + 2 * i, &bits, sizeof(bits));
  }
}

template <class Block>
void encode_blocks(const float* source, std::byte* out, int64_t count, int block_elements) {
  for (int64_t b = 0; b < count / block_elements; ++b) {
    Block block;
    encode(source + b * block_elements, block);
    std::memcpy(out + b * static_cast<int64_t>(sizeof(Block)), &block, sizeof(Block));
  }
}

}  // namespace

bool can_quantize(DType dtype) {
  switch (dtype) {
    case DType::kF32:
    case DType::kF16:
    case DType::kBF16:
    case DType::kQ8_0:
    case DType::kQ4_0:
    case DType::kQ4_1:
    case DType::kQ5_0:
    case DType::kQ5_1:
    case DType::kIQ4_NL:
    case DType::kQ4_K:
    case DType::kQ5_K:
    case DType::kQ6_K:
      return true;
    default:
      return false;
  }
}

void quantize_row(DType dtype, const float* source, std::byte* out, int64_t count) {
  const int block = info(dtype).block;
  QN_CHECK(count >= 0 && count % block == 0,
           "a row of " + std::string(name(dtype)) + " must be whole blocks");
  if (count == 0) return;
  switch (dtype) {
    case DType::kF32:
      std::memcpy(out, source, static_cast<size_t>(count) * sizeof(float));
      return;
    case DType::kF16:
      return encode_halves(source, out, count, float_to_f16);
    case DType::kBF16:
      return encode_halves(source, out, count, float_to_bf16);
    case DType::kQ8_0:
      return encode_blocks<BlockQ8_0>(source, out, count, block);
    case DType::kQ4_0:
      return encode_blocks<BlockQ4_0>(source, out, count, block);
    case DType::kQ4_1:
      return encode_blocks<BlockQ4_1>(source, out, count, block);
    case DType::kQ5_0:
      return encode_blocks<BlockQ5_0>(source, out, count, block);
    case DType::kQ5_1:
      return encode_blocks<BlockQ5_1>(source, out, count, block);
    case DType::kIQ4_NL:
      return encode_blocks<BlockIQ4_NL>(source, out, count, block);
    case DType::kQ4_K:
      return encode_blocks<BlockQ4_K>(source, out, count, block);
    case DType::kQ5_K:
      return encode_blocks<BlockQ5_K>(source, out, count, block);
    case DType::kQ6_K:
      return encode_blocks<BlockQ6_K>(source, out, count, block);
    default:
      QN_CHECK(false, "quantising to " + std::string(name(dtype)) + " is not implemented");
  }
}

}  // namespace qnext
