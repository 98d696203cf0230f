// Choosing the decoder of a type, and the plain types.
#include "tensor/block_formats.h"

#include <array>
#include <cstring>
#include <string>

#include "base/check.h"
#include "tensor/block_decoders.h"
#include "tensor/float_formats.h"

namespace qnext {
namespace {

// Reads `count` integers of type Bits at any alignment and maps them to floats.
template <class Bits, class Convert>
void decode_plain(const std::byte* source, float* out, int64_t count, Convert convert) {
  for (int64_t i = 0; i < count; ++i) {
    Bits bits;
    std::memcpy(&bits, source + i * static_cast<int64_t>(sizeof(Bits)), sizeof(Bits));
    out[i] = convert(bits);
  }
}

const std::array<float, 256>& e4m3_table() {
  static const std::array<float, 256> table = [] {
    std::array<float, 256> t{};
    for (size_t i = 0; i < t.size(); ++i) t[i] = e4m3_to_float(static_cast<uint8_t>(i));
    return t;
  }();
  return table;
}

template <class Block>
void decode_blocks(const std::byte* source, float* out, int64_t count, int block_elements) {
  const auto* blocks = reinterpret_cast<const Block*>(source);  // made of bytes, so any address will do
  for (int64_t b = 0; b < count / block_elements; ++b) decode(blocks[b], out + b * block_elements);
}

}  // namespace

void dequantize_row(DType dtype, const std::byte* source, float* out, int64_t count) {
  const int block = info(dtype).block;
  QN_CHECK(count >= 0 && count % block == 0,
           "a row of " + std::string(name(dtype)) + " must be whole blocks");
  if (count == 0) return;
  switch (dtype) {
    case DType::kF32:
      std::memcpy(out, source, static_cast<size_t>(count) * sizeof(float));
      return;
    case DType::kF16:
      return decode_plain<uint16_t>(source, out, count, f16_to_float);
    case DType::kBF16:
      return decode_plain<uint16_t>(source, out, count, bf16_to_float);
    case DType::kF8E4M3: {
      const auto& table = e4m3_table();
      return decode_plain<uint8_t>(source, out, count, [&](uint8_t bits) { return table[bits]; });
    }
    case DType::kQ8_0:
      return decode_blocks<BlockQ8_0>(source, out, count, block);
    case DType::kQ4_0:
      return decode_blocks<BlockQ4_0>(source, out, count, block);
    case DType::kQ4_1:
      return decode_blocks<BlockQ4_1>(source, out, count, block);
    case DType::kQ5_0:
      return decode_blocks<BlockQ5_0>(source, out, count, block);
    case DType::kQ5_1:
      return decode_blocks<BlockQ5_1>(source, out, count, block);
    case DType::kIQ4_NL:
      return decode_blocks<BlockIQ4_NL>(source, out, count, block);
    case DType::kMXFP4:
      return decode_blocks<BlockMXFP4>(source, out, count, block);
    case DType::kQ2_K:
      return decode_blocks<BlockQ2_K>(source, out, count, block);
    case DType::kQ3_K:
      return decode_blocks<BlockQ3_K>(source, out, count, block);
    case DType::kQ4_K:
      return decode_blocks<BlockQ4_K>(source, out, count, block);
    case DType::kQ5_K:
      return decode_blocks<BlockQ5_K>(source, out, count, block);
    case DType::kQ6_K:
      return decode_blocks<BlockQ6_K>(source, out, count, block);
    case DType::kIQ4_XS:
      return decode_blocks<BlockIQ4_XS>(source, out, count, block);
    default:
      QN_CHECK(false, std::string(name(dtype)) + " is not a weight type");
  }
}

}  // namespace qnext
