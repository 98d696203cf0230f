// Which instruction sets the arithmetic of training is compiled for: AVX-512, AVX2 with FMA, SSE4; NEON.
// Every source that uses Highway here includes this first, so that all agree.
#pragma once

#define HWY_WANT_SSSE3 1  // lowers the baseline to SSE4: no scalar version
#define HWY_WANT_SSE4 1
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_EMU128 | HWY_AVX3_DL)
