// Panels of weights times tiles of inputs. Lanes are rows of the matrix, so a result is one lane of one
// accumulator that adds its block columns in rising order: it depends neither on the tile nor on the threads.
#include "kernels/cpu/targets.h"
//
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/panel_dots.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/cache_control.h>

#include "base/check.h"
#include "kernels/cpu/activations-inl.h"
#include "kernels/cpu/panel_formats-inl.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {
#if HWY_TARGET == HWY_AVX3_DL
QNEXT_BEGIN_VNNI
#endif
namespace {

HWY_INLINE VB broadcast_bytes(const int8_t* p) {
  int32_t four;
  std::memcpy(&four, p, sizeof four);
  return hn::BitCast(DB(), hn::Set(DI(), four));
}

template <class Format>
HWY_INLINE VI dot_word(VI acc, VB w, const int8_t* x) {
  if constexpr (Format::kSigned) {
    return dot_signed(acc, w, broadcast_bytes(x));
  } else {
    return dot_bytes(acc, w, broadcast_bytes(x));
  }
}

// Minus the offset times the sum of the inputs of a block.
template <int kOffset>
HWY_INLINE VI start_of_sum(int32_t sum) {  // -128 times it
  if constexpr (kOffset == 0) return hn::Zero(DI());
  if constexpr (kOffset == 128) return hn::Set(DI(), sum);
  if constexpr (kOffset == 8) return hn::Set(DI(), sum >> 4);
}

// One input's part of a group of 32 columns.
template <class Format>
HWY_INLINE VF add_group(VF acc, const VB (&w)[8], const typename Format::Open& open, int g, const Int8Rows& x,
                        int64_t at) {
  const int8_t* q = x.q + 32 * at;
  if constexpr (Format::kHalves) {
    VI first = hn::Set(DI(), x.halves[2 * at]), second = hn::Set(DI(), x.halves[2 * at + 1]);
    HWY_UNROLL(4)
    for (int j = 0; j < 4; ++j) {
      first = dot_word<Format>(first, w[j], q + 4 * j);
      second = dot_word<Format>(second, w[j + 4], q + 16 + 4 * j);
    }
    VF sum = hn::Mul(hn::ConvertTo(DF(), first), Format::scale(open, g, 0));
    sum = hn::MulAdd(hn::ConvertTo(DF(), second), Format::scale(open, g, 1), sum);
    return hn::MulAdd(sum, set(x.d[at]), acc);
  } else {
    VI sum = start_of_sum<Format::kOffset>(x.sum[at]);
    HWY_UNROLL(8)
    for (int j = 0; j < 8; ++j) sum = dot_word<Format>(sum, w[j], q + 4 * j);
    acc = hn::MulAdd(hn::Mul(hn::ConvertTo(DF(), sum), Format::scale(open, g)), set(x.d[at]), acc);
    if constexpr (Format::kMinima) acc = hn::NegMulAdd(Format::minimum(open, g), set(x.d_sum[at]), acc);
    return acc;
  }
}

// With few inputs a kernel waits for memory, and the processor's own reading ahead ends at every page.
inline constexpr int64_t kAhead = 4096;
HWY_INLINE void read_ahead(const std::byte* from, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += 64) hwy::Prefetch(from + kAhead + i);
}

// One strip of a panel times a tile of T inputs.
template <class Format, int T>
HWY_INLINE void int8_tile(const std::byte* panel, const PanelFormat& format, int64_t strip, int64_t cols,
                          const Int8Rows& x, float* out, int64_t out_stride) {
  const int64_t columns = cols / format.elements;
  const std::byte* blocks = panel + columns * format.front_bytes;
  VF acc[T];
  HWY_UNROLL(16)
  for (int t = 0; t < T; ++t) acc[t] = zero();
  int64_t at = 0;
  for (int64_t c = 0; c < columns; ++c) {
    const std::byte* main = blocks + c * format.main_bytes;
    if constexpr (T <= 2) read_ahead(main, Format::kGroups == 1 ? format.main_bytes : 0);
    const auto open = Format::open(main, panel + c * format.front_bytes, strip);
    for (int g = 0; g < Format::kGroups; ++g, at += T) {
      VB w[8];
      if constexpr (T <= 2 && Format::kGroups > 1)
        read_ahead(main + g * format.main_bytes / 8, format.main_bytes / 8);
      Format::weights(main + 4 * kLanes * strip, g, w);
      HWY_UNROLL(16)
      for (int t = 0; t < T; ++t) acc[t] = add_group<Format>(acc[t], w, open, g, x, at + t);
    }
  }
  HWY_UNROLL(16)
  for (int t = 0; t < T; ++t) store(acc[t], out + t * out_stride + strip * kLanes);
}

// S strips one after the other times a tile of T inputs, from column `begin` to `end` of the rows, added to
// acc. x: [cols / 2, T, 2].
template <class Format, int S, int T>
HWY_INLINE void float_columns(const std::byte* const (&strips)[S], const float* x, int64_t begin, int64_t end,
                              VF (&acc)[S][T]) {
  constexpr int kWeights = 2 * Format::kPairs;
  for (int64_t k = begin; k < end; k += kWeights) {
    VF w[S][kWeights];
    HWY_UNROLL(8)
    for (int s = 0; s < S; ++s) {
      if constexpr (T <= 2) read_ahead(strips[s] + k / kWeights * 64, kLanes * 4);
    }
    HWY_UNROLL(8)
    for (int s = 0; s < S; ++s) Format::weights(strips[s] + k / kWeights * 64, w[s]);
    HWY_UNROLL(4)
    for (int i = 0; i < kWeights; ++i) {
      HWY_UNROLL(16)
      for (int t = 0; t < T; ++t) {
        const VF value = set(x[(k + i - i % 2) * T + 2 * t + i % 2]);
        HWY_UNROLL(8)
        for (int s = 0; s < S; ++s) acc[s][t] = hn::MulAdd(w[s][i], value, acc[s][t]);
      }
    }
  }
}

template <class Format, int S, int T>
HWY_INLINE void float_tile(const Matrix& w, int64_t first_strip, const float* x, float* out,
                           int64_t out_stride) {
  const std::byte* strips[S];
  VF acc[S][T];
  for (int s = 0; s < S; ++s) {
    const int64_t strip = first_strip + s;
    strips[s] = w.panel(strip / kStrips) + strip % kStrips * 4 * kLanes;
    HWY_UNROLL(16)
    for (int t = 0; t < T; ++t) acc[s][t] = zero();
  }
  if (!w.scale) {
    float_columns<Format, S, T>(strips, x, 0, w.cols, acc);
  } else {
    for (int64_t begin = 0; begin < w.cols; begin += w.scale_cols) {
      VF part[S][T];
      for (int s = 0; s < S; ++s) {
        for (int t = 0; t < T; ++t) part[s][t] = zero();
      }
      float_columns<Format, S, T>(strips, x, begin, std::min(begin + w.scale_cols, w.cols), part);
      for (int s = 0; s < S; ++s) {
        const float scale = w.scale_row((first_strip + s) * kLanes)[begin / w.scale_cols];
        for (int t = 0; t < T; ++t) acc[s][t] = hn::MulAdd(part[s][t], set(scale), acc[s][t]);
      }
    }
  }
  for (int s = 0; s < S; ++s) {
    for (int t = 0; t < T; ++t) store(acc[s][t], out + t * out_stride + s * kLanes);
  }
}

// Panels [begin, end) of w times the tile of T inputs.
template <class Format, int T>
void int8_panels(const Matrix& w, int64_t begin, int64_t end, const Int8Rows& x, float* out,
                 int64_t out_stride) {
  const PanelFormat& format = *panel_format(w.dtype);
  for (int64_t p = begin; p < end; ++p) {
    for (int64_t strip = 0; strip < kStrips; ++strip) {
      int8_tile<Format, T>(w.panel(p), format, strip, w.cols, x, out + (p - begin) * kPanelRows, out_stride);
    }
  }
}

template <class Format, int T>
void float_panels(const Matrix& w, int64_t begin, int64_t end, const float* x, float* out,
                  int64_t out_stride) {
  constexpr int S = T == 1 ? 4 : T == 2 ? 2 : 1;  // as many chains of sums as hide the latency of one
  int64_t strip = begin * kStrips;
  for (; strip + S <= end * kStrips; strip += S) {
    float_tile<Format, S, T>(w, strip, x, out + (strip - begin * kStrips) * kLanes, out_stride);
  }
  for (; strip < end * kStrips; ++strip) {
    float_tile<Format, 1, T>(w, strip, x, out + (strip - begin * kStrips) * kLanes, out_stride);
  }
}

template <class Format, int T = kTile>
void int8_tiles(const Matrix& w, int64_t begin, int64_t end, const Int8Rows& x, int64_t width, float* out,
                int64_t out_stride) {
  if (width == T) {
    int8_panels<Format, T>(w, begin, end, x, out, out_stride);
  } else if constexpr (T > 1) {
    int8_tiles<Format, T / 2>(w, begin, end, x, width, out, out_stride);
  }
}
template <class Format, int T = kTile>
void float_tiles(const Matrix& w, int64_t begin, int64_t end, const float* x, int64_t width, float* out,
                 int64_t out_stride) {
  if (width == T) {
    float_panels<Format, T>(w, begin, end, x, out, out_stride);
  } else if constexpr (T > 1) {
    float_tiles<Format, T / 2>(w, begin, end, x, width, out, out_stride);
  }
}

#if HWY_TARGET == HWY_AVX3_DL
QNEXT_BEGIN_BF16
// S panels times a tile of T inputs, both as pairs of BF16: sums of two products, in float32.
template <int S, int T>
void bf16_panel(const Matrix& w, int64_t first, const uint16_t* x, float* out, int64_t out_stride) {
  __m512 acc[S][T];
  const std::byte* panels[S];
  for (int s = 0; s < S; ++s) {
    panels[s] = w.panel(first + s);
    for (int t = 0; t < T; ++t) acc[s][t] = _mm512_setzero_ps();
  }
  for (int64_t k = 0; k < w.cols / 2; ++k, x += 2 * T) {
    __m512i weights[S];
    for (int s = 0; s < S; ++s) {
      if constexpr (T <= 2) read_ahead(panels[s] + 64 * k, 64);
    }
    for (int s = 0; s < S; ++s) weights[s] = _mm512_loadu_si512(panels[s] + 64 * k);
    HWY_UNROLL(16)
    for (int t = 0; t < T; ++t) {
      int32_t pair;
      std::memcpy(&pair, x + 2 * t, sizeof pair);
      const __m512bh input = (__m512bh)_mm512_set1_epi32(pair);
      for (int s = 0; s < S; ++s) acc[s][t] = _mm512_dpbf16_ps(acc[s][t], (__m512bh)weights[s], input);
    }
  }
  for (int s = 0; s < S; ++s) {
    for (int t = 0; t < T; ++t) _mm512_storeu_ps(out + t * out_stride + s * kPanelRows, acc[s][t]);
  }
}

template <int T>
void bf16_panels(const Matrix& w, int64_t begin, int64_t end, const uint16_t* x, float* out,
                 int64_t out_stride) {
  constexpr int S = T == 1 ? 4 : T == 2 ? 2 : 1;
  int64_t p = begin;
  for (; p + S <= end; p += S) bf16_panel<S, T>(w, p, x, out + (p - begin) * kPanelRows, out_stride);
  for (; p < end; ++p) bf16_panel<1, T>(w, p, x, out + (p - begin) * kPanelRows, out_stride);
}
QNEXT_END_BF16

template <int T = kTile>
void bf16_tiles(const Matrix& w, int64_t begin, int64_t end, const uint16_t* x, int64_t width, float* out,
                int64_t out_stride) {
  if (width == T) {
    bf16_panels<T>(w, begin, end, x, out, out_stride);
  } else if constexpr (T > 1) {
    bf16_tiles<T / 2>(w, begin, end, x, width, out, out_stride);
  }
}
#else
// Never called: no other instruction set has these products.
void bf16_tiles(const Matrix&, int64_t, int64_t, const uint16_t*, int64_t, float*, int64_t) {}
#endif

void panel_tile(const Matrix& w, int64_t begin, int64_t end, const Activations& x, int64_t width, float* out,
                int64_t out_stride) {
  switch (w.dtype) {
    case DType::kQ8_0:
      return int8_tiles<PanelQ8_0>(w, begin, end, x.int8, width, out, out_stride);
    case DType::kQ4_0:
      return int8_tiles<PanelQ4_0>(w, begin, end, x.int8, width, out, out_stride);
    case DType::kQ4_K:
      return int8_tiles<PanelQ4_K>(w, begin, end, x.int8, width, out, out_stride);
    case DType::kQ5_K:
      return int8_tiles<PanelQ5_K>(w, begin, end, x.int8, width, out, out_stride);
    case DType::kQ6_K:
      return int8_tiles<PanelQ6_K>(w, begin, end, x.int8, width, out, out_stride);
    case DType::kBF16:
      if (x.bf16) return bf16_tiles(w, begin, end, x.bf16, width, out, out_stride);
      return float_tiles<PanelBF16>(w, begin, end, x.pairs, width, out, out_stride);
    case DType::kF8E4M3:
      return float_tiles<PanelF8>(w, begin, end, x.pairs, width, out, out_stride);
    default:
      QN_CHECK(false, "a type without panels");
  }
}

}  // namespace
#if HWY_TARGET == HWY_AVX3_DL
QNEXT_END_VNNI
#endif

void dot(const Matrix& w, int64_t begin, int64_t end, const Activations& x, int64_t n, float* out,
         int64_t out_stride, float* decoded) {
  const int64_t panels_end = std::min(end, w.panels() * kPanelRows);
  if (begin < panels_end) {
    for (int64_t t = 0; t < n;) {
      const int64_t width = tile_at(t, n);
      panel_tile(w, begin / kPanelRows, panels_end / kPanelRows, x.from(t, w.cols, x.rows), width,
                 out + t * out_stride, out_stride);
      t += width;
    }
    out += panels_end - begin;
    begin = panels_end;
  }
  if (begin < end) dot_rows(w, begin, end, x.rows, n, out, out_stride, decoded);
}

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
