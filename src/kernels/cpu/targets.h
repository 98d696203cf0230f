// Which instruction sets the backend is compiled for. Every source of this room includes this file before any
// header of Highway, so that all agree.
//
// x86: SSE4 (any machine since 2008), AVX2 with FMA, AVX-512 (AVX3), and AVX-512 with sums of byte products
// (AVX3_DL: VNNI). Arm: NEON. The scalable sets (SVE) have no arrays of vectors, which the register tiles
// are. Highway 1.0 knows neither BF16 products nor AMX: functions that use those add the attribute themselves
// and are chosen by Target's fields (kernels.h).
#pragma once

#define HWY_WANT_SSSE3 1  // lowers the baseline to SSE4: no scalar version
#define HWY_WANT_SSE4 1
#define HWY_WANT_AVX3_DL 1
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_EMU128)

// Around functions that use 512-bit VNNI under AVX3_DL, inside HWY_BEFORE_NAMESPACE: Highway 1.0 detects it
// but leaves it out of the target's attributes.
#if defined(__x86_64__) || defined(__i386__)
#define QNEXT_BEGIN_VNNI _Pragma("GCC push_options") _Pragma("GCC target(\"avx512vnni\")")
#define QNEXT_END_VNNI _Pragma("GCC pop_options")
#define QNEXT_BEGIN_AMX \
  _Pragma("GCC push_options") _Pragma("GCC target(\"avx512vnni,amx-tile,amx-int8,amx-bf16\")")
#define QNEXT_END_AMX _Pragma("GCC pop_options")
#define QNEXT_BEGIN_BF16 _Pragma("GCC push_options") _Pragma("GCC target(\"avx512bf16\")")
#define QNEXT_END_BF16 _Pragma("GCC pop_options")
#endif
