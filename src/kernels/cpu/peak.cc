// Each loop keeps enough independent sums in registers that the units never wait for one. The sums are opaque
// to the compiler (`keep`), so that it can neither leave products out nor take them out of the loop.
#include "kernels/peak.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/ops.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace qnext {
namespace {

// A loop of `rounds` rounds and the additions and multiplications of a round.
struct Loop {
  std::string_view instruction;
  double operations = 0;
  void (*run)(int64_t rounds) = nullptr;
};

// The tables below are best first, by the name of the instruction set that has the loop (isa.cc).
struct Choice {
  std::string_view isa;
  Loop loop;
};

#if defined(__x86_64__)

constexpr int kSums = 12;

template <class Vector>
inline __attribute__((always_inline)) void keep(Vector& v) {
  asm volatile("" : "+x"(v));  // any register of the widest class that the function may use
}

// The 512-bit registers need a constraint of their own.
__attribute__((target("avx512f"))) inline __attribute__((always_inline)) void keep512(__m512& v) {
  asm volatile("" : "+v"(v));
}
__attribute__((target("avx512f"))) inline __attribute__((always_inline)) void keep512(__m512i& v) {
  asm volatile("" : "+v"(v));
}

void sse4_f32(int64_t rounds) {
  __m128 sums[kSums] = {};
  __m128 a = _mm_set1_ps(0.5f);
  keep(a);
  for (int64_t i = 0; i < rounds; ++i) {
    for (auto& s : sums) s = _mm_add_ps(_mm_mul_ps(a, a), s), keep(s), keep(a);
  }
}

__attribute__((target("sse4.1"))) void sse4_int8(int64_t rounds) {
  __m128i sums[kSums] = {};
  __m128i a = _mm_set1_epi8(1);
  const __m128i ones = _mm_set1_epi16(1);
  for (int64_t i = 0; i < rounds; ++i) {
    for (auto& s : sums) {
      keep(a);
      s = _mm_add_epi32(s, _mm_madd_epi16(_mm_maddubs_epi16(a, a), ones));
      keep(s);
    }
  }
}

__attribute__((target("avx2,fma"))) void avx2_f32(int64_t rounds) {
  __m256 sums[kSums] = {};
  const __m256 a = _mm256_set1_ps(0.5f);
  for (int64_t i = 0; i < rounds; ++i) {
    for (auto& s : sums) s = _mm256_fmadd_ps(a, a, s), keep(s);
  }
}

__attribute__((target("avx2"))) void avx2_int8(int64_t rounds) {
  __m256i sums[kSums] = {};
  __m256i a = _mm256_set1_epi8(1);
  const __m256i ones = _mm256_set1_epi16(1);
  for (int64_t i = 0; i < rounds; ++i) {
    for (auto& s : sums) {
      keep(a);
      s = _mm256_add_epi32(s, _mm256_madd_epi16(_mm256_maddubs_epi16(a, a), ones));
      keep(s);
    }
  }
}

__attribute__((target("avx2,avxvnni"))) void avx_vnni_int8(int64_t rounds) {
  __m256i sums[kSums] = {};
  const __m256i a = _mm256_set1_epi8(1);
  for (int64_t i = 0; i < rounds; ++i) {
    for (auto& s : sums) s = _mm256_dpbusd_avx_epi32(s, a, a), keep(s);
  }
}

__attribute__((target("avx512f"))) void avx512_f32(int64_t rounds) {
  __m512 sums[kSums] = {};
  const __m512 a = _mm512_set1_ps(0.5f);
  for (int64_t i = 0; i < rounds; ++i) {
    for (auto& s : sums) s = _mm512_fmadd_ps(a, a, s), keep512(s);
  }
}

__attribute__((target("avx512f,avx512vnni"))) void vnni_int8(int64_t rounds) {
  __m512i sums[kSums] = {};
  const __m512i a = _mm512_set1_epi8(1);
  for (int64_t i = 0; i < rounds; ++i) {
    for (auto& s : sums) s = _mm512_dpbusd_epi32(s, a, a), keep512(s);
  }
}

__attribute__((target("avx512f,avx512bf16"))) void avx512_bf16(int64_t rounds) {
  __m512 sums[kSums] = {};
  const auto a = reinterpret_cast<__m512bh>(_mm512_set1_epi16(0x3f00));  // 0.5
  for (int64_t i = 0; i < rounds; ++i) {
    for (auto& s : sums) s = _mm512_dpbf16_ps(s, a, a), keep512(s);
  }
}

constexpr int kTileRows = 16, kTileRowBytes = 64, kTiles = 8, kTileSums = 4;

// Eight tiles of 16 rows of 64 bytes, all zero.
__attribute__((target("amx-tile"))) void make_tiles() {
  struct alignas(64) {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t row_bytes[16] = {};
    uint8_t rows[16] = {};
  } layout;
  std::fill_n(layout.row_bytes, kTiles, uint16_t{kTileRowBytes});
  std::fill_n(layout.rows, kTiles, uint8_t{kTileRows});
  // GCC 12 takes the instruction to read 8 bytes, and leaves out the stores to the others.
  asm volatile("" : : "r"(&layout) : "memory");
  _tile_loadconfig(&layout);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_zero(6);
  _tile_zero(7);
}

__attribute__((target("amx-tile,amx-int8"))) void amx_int8(int64_t rounds) {
  make_tiles();
  for (int64_t i = 0; i < rounds; ++i) {
    _tile_dpbusd(0, 4, 6);
    _tile_dpbusd(1, 4, 7);
    _tile_dpbusd(2, 5, 6);
    _tile_dpbusd(3, 5, 7);
  }
  _tile_release();
}

__attribute__((target("amx-tile,amx-bf16"))) void amx_bf16(int64_t rounds) {
  make_tiles();
  for (int64_t i = 0; i < rounds; ++i) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_release();
}

constexpr Choice kF32[] = {
    {"avx3", {"vfmadd231ps (512 bits)", kSums * 16 * 2.0, avx512_f32}},
    {"avx2", {"vfmadd231ps (256 bits)", kSums * 8 * 2.0, avx2_f32}},
    {"sse4", {"mulps, addps", kSums * 4 * 2.0, sse4_f32}},
};
constexpr Choice kBf16[] = {
    {"amx", {"tdpbf16ps", kTileSums * 16 * 16 * 32 * 2.0, amx_bf16}},
    {"avx3_zen4", {"vdpbf16ps", kSums * 32 * 2.0, avx512_bf16}},
};
constexpr Choice kInt8[] = {
    {"amx", {"tdpbusd", kTileSums * 16 * 16 * 64 * 2.0, amx_int8}},
    {"avx3_dl", {"vpdpbusd", kSums * 64 * 2.0, vnni_int8}},
    {"avx2_vnni", {"vpdpbusd (256 bits)", kSums * 32 * 2.0, avx_vnni_int8}},
    {"avx2", {"vpmaddubsw, vpmaddwd, vpaddd", kSums * 32 * 2.0, avx2_int8}},
    {"sse4", {"pmaddubsw, pmaddwd, paddd", kSums * 16 * 2.0, sse4_int8}},
};

#elif defined(__aarch64__)

constexpr int kSums = 16;
template <class Vector>
inline void keep(Vector& v) {
  asm volatile("" : "+w"(v));
}

void neon_f32(int64_t rounds) {
  float32x4_t sums[kSums] = {};
  const float32x4_t a = vdupq_n_f32(0.5f);
  for (int64_t i = 0; i < rounds; ++i) {
    for (auto& s : sums) s = vfmaq_f32(s, a, a), keep(s);
  }
}

constexpr Choice kF32[] = {{"neon", {"fmla", kSums * 4 * 2.0, neon_f32}}};
constexpr Choice kBf16[] = {{"", {}}};
#if defined(__ARM_FEATURE_DOTPROD)
void neon_int8(int64_t rounds) {
  int32x4_t sums[kSums] = {};
  const int8x16_t a = vdupq_n_s8(1);
  for (int64_t i = 0; i < rounds; ++i) {
    for (auto& s : sums) s = vdotq_s32(s, a, a), keep(s);
  }
}
constexpr Choice kInt8[] = {{"neon", {"sdot", kSums * 16 * 2.0, neon_int8}}};
#else
constexpr Choice kInt8[] = {{"", {}}};
#endif

#else

constexpr Choice kF32[] = {{"", {}}}, kBf16[] = {{"", {}}}, kInt8[] = {{"", {}}};

#endif

// isas: those that may be used.
template <size_t N>
const Loop* best_of(const Choice (&choices)[N], std::span<const std::string_view> isas) {
  for (const Choice& choice : choices) {
    if (std::find(isas.begin(), isas.end(), choice.isa) != isas.end()) return &choice.loop;
  }
  return nullptr;
}

double seconds_of(ThreadPool& pool, const Loop& loop, int64_t pieces, int64_t rounds) {
  const auto start = std::chrono::steady_clock::now();
  pool.parallel_for(pieces, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) loop.run(rounds);
  });
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The best of a few passes of 10 to 20 ms.
Peak measure(ThreadPool& pool, const Loop* loop) {
  if (!loop) return {};
  constexpr int kPasses = 4, kPiecesOfThread = 8;
  constexpr double kPass = 0.01;
  const int64_t pieces = int64_t{kPiecesOfThread} * pool.size();
  int64_t rounds = 1000;
  while (seconds_of(pool, *loop, pieces, rounds) < kPass) rounds *= 2;
  double best = 0;
  for (int i = 0; i < kPasses; ++i) {
    const double operations = loop->operations * static_cast<double>(rounds * pieces);
    best = std::max(best, operations / seconds_of(pool, *loop, pieces, rounds) / 1e9);
  }
  return {loop->instruction, best};
}

}  // namespace

Peaks measure_peaks(ThreadPool& pool, std::string_view isa) {
  const std::vector<std::string_view> all = cpu_isas();  // best first
  const auto best = isa.empty() ? all.begin() : std::find(all.begin(), all.end(), isa);
  const std::span<const std::string_view> isas(best, all.end());
  return {measure(pool, best_of(kF32, isas)), measure(pool, best_of(kBf16, isas)),
          measure(pool, best_of(kInt8, isas))};
}

}  // namespace qnext
