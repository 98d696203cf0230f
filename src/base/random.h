// Counter-based random numbers: the n-th number of a stream is a function of (seed, stream, n), so results do
// not depend on the order in which threads or requests draw.
#pragma once

#include <cstdint>

namespace qnext {

// One round of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
inline uint64_t mix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

inline uint64_t random_bits(uint64_t seed, uint64_t stream, uint64_t counter) {
  return mix64(mix64(mix64(seed) ^ stream) ^ counter);
}

// Uniform in [0, 1), 53 bits.
inline double random_unit(uint64_t seed, uint64_t stream, uint64_t counter) {
  return static_cast<double>(random_bits(seed, stream, counter) >> 11) * 0x1p-53;
}

}  // namespace qnext
