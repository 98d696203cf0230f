// Panels of floating-point weights times inputs in float32, or in BF16 where the machine multiplies those.
#if defined(QNEXT_KERNELS_CPU_PANEL_FLOATS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_PANEL_FLOATS_INL_H_
#undef QNEXT_KERNELS_CPU_PANEL_FLOATS_INL_H_
#else
#define QNEXT_KERNELS_CPU_PANEL_FLOATS_INL_H_
#endif

#include "kernels/cpu/activations-inl.h"
#include "kernels/cpu/read_ahead-inl.h"

HWY_BEFORE_NAMESPACE();
#if HWY_TARGET == HWY_AVX3_DL
QNEXT_BEGIN_VNNI
#endif
namespace qnext::cpu::HWY_NAMESPACE {

// The I-th weight of the chunks of S strips times a tile of T inputs; x points to those of the chunk.
template <class Format, bool kSpecial, int I, int S, int T>
HWY_INLINE void add_weight(const typename Format::Chunk (&chunks)[S], const float* x, VF (&acc)[S][T]) {
  VF w[S];
  HWY_UNROLL(8)
  for (int s = 0; s < S; ++s) {
    if constexpr (kSpecial) {
      w[s] = Format::template special_weight<I>(chunks[s]);
    } else {
      w[s] = Format::template weight<I>(chunks[s]);
    }
  }
  HWY_UNROLL(8)
  for (int t = 0; t < T; ++t) {
    const VF value = set(x[(I - I % 2) * T + 2 * t + I % 2]);
    HWY_UNROLL(8)
    for (int s = 0; s < S; ++s) acc[s][t] = hn::MulAdd(w[s], value, acc[s][t]);
  }
}

// One weight after the other, because there are no registers for all of them beside the sums.
template <class Format, bool kSpecial, int I = 0, int S, int T>
HWY_INLINE void add_chunk(const typename Format::Chunk (&chunks)[S], const float* x, VF (&acc)[S][T]) {
  add_weight<Format, kSpecial, I>(chunks, x, acc);
  if constexpr (I + 1 < Format::kWeights) add_chunk<Format, kSpecial, I + 1>(chunks, x, acc);
}

// S strips one after the other times T inputs, from column `begin` to `end` of the rows, added to acc. x: the
// tile, [cols / 2, T, 2].
template <class Format, int S, int T>
HWY_INLINE void float_columns(const std::byte* const (&strips)[S], const float* x, int64_t begin, int64_t end,
                              VF (&acc)[S][T], ReadAhead& ahead, const StripsAhead<S>& strips_ahead) {
  for (int64_t k = begin; k < end; k += Format::kWeights) {
    typename Format::Chunk chunks[S];
    const int64_t at = k / Format::kWeights * 64;
    if (k % 32 == 0) ahead.others(S);
    strips_ahead.template reading<64>(strips, at);
    bool special = false;
    HWY_UNROLL(8)
    for (int s = 0; s < S; ++s) {
      chunks[s] = load_bits(DU32(), strips[s] + at);
      special |= Format::special(chunks[s]);
    }
    if constexpr (Format::kSpecial) {
      if (HWY_UNLIKELY(special)) {
        add_chunk<Format, true>(chunks, x + k * T, acc);
        continue;
      }
    }
    add_chunk<Format, false>(chunks, x + k * T, acc);
  }
}

template <class Format, int S, int T>
HWY_INLINE void float_tile(const Matrix& w, int64_t first_strip, const float* x, float* out,
                           int64_t out_stride, ReadAhead& ahead) {
  const std::byte* strips[S];
  VF acc[S][T];
  for (int s = 0; s < S; ++s) {
    const int64_t strip = first_strip + s;
    strips[s] = w.panel(strip / kStrips) + strip % kStrips * 4 * kLanes;
    HWY_UNROLL(16)
    for (int t = 0; t < T; ++t) acc[s][t] = zero();
  }
  const StripsAhead<S> strips_ahead(ahead, strips[0], kPanelRows * w.stride());
  if (!w.scale) {
    float_columns<Format, S, T>(strips, x, 0, w.cols, acc, ahead, strips_ahead);
  } else {
    for (int64_t begin = 0; begin < w.cols; begin += w.scale_cols) {
      VF part[S][T];
      for (int s = 0; s < S; ++s) {
        for (int t = 0; t < T; ++t) part[s][t] = zero();
      }
      float_columns<Format, S, T>(strips, x, begin, std::min(begin + w.scale_cols, w.cols), part, ahead,
                                  strips_ahead);
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

#if HWY_TARGET == HWY_AVX3_DL
QNEXT_BEGIN_BF16
// S panels times a tile of T inputs, both as pairs of BF16: sums of two products, in float32.
template <int S, int T>
void bf16_panel(const Matrix& w, int64_t first, const uint16_t* x, float* out, int64_t out_stride,
                ReadAhead& ahead) {
  __m512 acc[S][T];
  const std::byte* panels[S];
  for (int s = 0; s < S; ++s) {
    panels[s] = w.panel(first + s);
    for (int t = 0; t < T; ++t) acc[s][t] = _mm512_setzero_ps();
  }
  const StripsAhead<S> strips_ahead(ahead, panels[0], kPanelRows * w.stride());
  for (int64_t k = 0; k < w.cols / 2; ++k, x += 2 * T) {
    __m512i weights[S];
    if (k % 16 == 0) ahead.others(S);
    strips_ahead.template reading<64>(panels, 64 * k);
    for (int s = 0; s < S; ++s) weights[s] = _mm512_loadu_si512(panels[s] + 64 * k);
    HWY_UNROLL(8)
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

// Panels [p, end), as many at a time as their number allows.
template <int S, int T>
void bf16_panels(const Matrix& w, int64_t p, int64_t end, const uint16_t* x, float* out, int64_t out_stride,
                 ReadAhead& ahead) {
  for (; p + S <= end; p += S, out += S * kPanelRows) bf16_panel<S, T>(w, p, x, out, out_stride, ahead);
  if constexpr (S > 1) bf16_panels<S / 2, T>(w, p, end, x, out, out_stride, ahead);
}
QNEXT_END_BF16
#endif

}  // namespace qnext::cpu::HWY_NAMESPACE
#if HWY_TARGET == HWY_AVX3_DL
QNEXT_END_VNNI
#endif
HWY_AFTER_NAMESPACE();

#endif
