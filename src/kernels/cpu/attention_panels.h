// The order in which a BF16 cache is kept where products of pairs of BF16 read it: what follows each other in
// a product follows each other in memory, so that a step reads it as it lies.
//
// The kBlock rows of a head from a multiple of kBlock on become, in the same place and of the same size,
//   keys    [kKeyPanel keys after each other][pair of dimensions][key][2]
//   values  [strip of 32 dimensions][pair of positions][dimension][2]
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/cpu/attention_plan.h"

namespace qnext::cpu {

inline constexpr int64_t kKeyPanel = 32;

// Whether blocks are made of whole kBlock rows. Others keep rows.
inline bool in_panels(const KvLayerView& kv) { return kv.block_tokens % kBlock == 0; }

// `row` is `dims` BF16 numbers (a multiple of 32), `block` where the kBlock rows begin, at any address, `at`
// the row's number among them. No byte but the row's own is touched: another thread may be writing its
// neighbour.
inline void write_key(const uint16_t* row, int64_t dims, int64_t at, std::byte* block) {
  std::byte* out = block + 2 * ((at / kKeyPanel) * kKeyPanel * dims + 2 * (at % kKeyPanel));
  for (int64_t i = 0; i < dims; i += 2, out += 4 * kKeyPanel) std::memcpy(out, row + i, 4);
}

inline void write_value(const uint16_t* row, int64_t dims, int64_t at, std::byte* block) {
  std::byte* out = block + 2 * ((at / 2) * 64 + at % 2);
  for (int64_t i = 0; i < dims; i += 32, out += 2 * 32 * kBlock) {
    for (int64_t j = 0; j < 32; ++j) std::memcpy(out + 4 * j, row + i + j, 2);
  }
}

}  // namespace qnext::cpu
