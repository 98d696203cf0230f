// Panels of weights times tiles of inputs. Lanes are rows of the matrix, so a result is one lane of one
// accumulator that adds its block columns in rising order: it depends neither on the tile nor on the threads.
#include "kernels/cpu/targets.h"
//
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/panel_dots.cc"
#include <hwy/foreach_target.h>
//
#include "base/check.h"
#include "kernels/cpu/activations-inl.h"
#include "kernels/cpu/panel_amx-inl.h"
#include "kernels/cpu/panel_floats-inl.h"
#include "kernels/cpu/panel_int8-inl.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {
#if HWY_TARGET == HWY_AVX3_DL
QNEXT_BEGIN_VNNI
#endif
namespace {

// Panels [begin, end) of w times the tile of T inputs.
template <class Format, int T>
void int8_panels(const Matrix& w, int64_t begin, int64_t end, const Int8Rows& x, float* out,
                 int64_t out_stride) {
  const PanelFormat& format = *panel_format(w.dtype);
  if constexpr (T <= kFewInputs) read_first(w.panel(begin));
  for (int64_t p = begin; p < end; ++p) {
    for (int64_t strip = 0; strip < kStrips; ++strip) {
      int8_tile<Format, T>(w.panel(p), format, strip, w.cols, x, out + (p - begin) * kPanelRows, out_stride);
    }
  }
}

template <class Format, int T>
void float_panels(const Matrix& w, int64_t begin, int64_t end, const float* x, float* out,
                  int64_t out_stride) {
  constexpr int kPart = std::min<int>(T, kFloatInputs);
  constexpr int S = T == 1 ? 4 : kManyRegisters || T == 2 ? 2 : 1;
  for (int t = 0; t < T; t += kPart, x += 2 * kPart, out += kPart * out_stride) {
    int64_t strip = begin * kStrips;
    for (; strip + S <= end * kStrips; strip += S) {
      float_tile<Format, S, kPart, T>(w, strip, x, out + (strip - begin * kStrips) * kLanes, out_stride);
    }
    for (; strip < end * kStrips; ++strip) {
      float_tile<Format, 1, kPart, T>(w, strip, x, out + (strip - begin * kStrips) * kLanes, out_stride);
    }
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

// As many of the inputs as fill AMX tiles; returns how many that were.
int64_t amx_inputs(const Matrix& w, int64_t begin, int64_t end, const Activations& x, int64_t n, float* out,
                   int64_t out_stride, float* memory) {
  const int64_t whole = n / kAmxInputs * kAmxInputs;
  if (!x.int8.amx || whole == 0) return 0;
  switch (w.dtype) {
    case DType::kQ8_0:
      amx_panels<PanelQ8_0>(w, begin, end, x, whole, out, out_stride, memory);
      return whole;
    case DType::kQ4_0:
      amx_panels<PanelQ4_0>(w, begin, end, x, whole, out, out_stride, memory);
      return whole;
    case DType::kQ4_K:
      amx_panels<PanelQ4_K>(w, begin, end, x, whole, out, out_stride, memory);
      return whole;
    case DType::kQ5_K:
      amx_panels<PanelQ5_K>(w, begin, end, x, whole, out, out_stride, memory);
      return whole;
    case DType::kQ6_K:
      amx_panels<PanelQ6_K>(w, begin, end, x, whole, out, out_stride, memory);
      return whole;
    default:
      return 0;
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
    int64_t t = amx_inputs(w, begin / kPanelRows, panels_end / kPanelRows, x, n, out, out_stride, decoded);
    while (t < n) {
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
