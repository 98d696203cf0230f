// Which instruction sets the backend is compiled for. Every source of this room includes this file before any
// header of Highway, so that all agree.
//
// x86: SSE4 (any machine since 2008), AVX2 with FMA, AVX-512. Arm: NEON. Highway's AVX3_DL would add integer
// and permutation instructions that float32 arithmetic has no use for; the scalable sets (SVE) have no arrays
// of vectors, which the register tiles are.
#pragma once

#define HWY_WANT_SSSE3 1  // lowers the baseline to SSE4: no scalar version
#define HWY_WANT_SSE4 1
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_EMU128)
