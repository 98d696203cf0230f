// Panels of BF16 weights times inputs in BF16 with AMX: 32 columns of a panel are a tile as they lie.
#if defined(QNEXT_KERNELS_CPU_PANEL_AMX_BF16_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_PANEL_AMX_BF16_INL_H_
#undef QNEXT_KERNELS_CPU_PANEL_AMX_BF16_INL_H_
#else
#define QNEXT_KERNELS_CPU_PANEL_AMX_BF16_INL_H_
#endif

#include "kernels/cpu/activations-inl.h"
#include "kernels/cpu/panel_formats-inl.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {

#if HWY_TARGET == HWY_AVX3_DL
QNEXT_BEGIN_AMX

inline constexpr int64_t kAmxColumns = 32;  // of a tile
inline constexpr int64_t kAmxTile = 1024;   // bytes of a full tile

// Tile registers: 0 to 3 hold sums [inputs, 16 rows], 4 and 5 inputs [inputs, 32 columns] of up to 16 each, 6
// and 7 weights [16 pairs of columns, 16 rows, 2].
HWY_INLINE void configure_amx_bf16(int64_t first, int64_t second) {
  struct {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {};
  } layout;
  const auto a = static_cast<uint8_t>(first), b = static_cast<uint8_t>(second > 0 ? second : first);
  const uint8_t rows[] = {a, a, b, b, a, b, 16, 16};
  std::copy_n(rows, 8, layout.rows);
  // GCC 12 takes the instruction to read 8 bytes, and leaves out the stores to the others.
  asm volatile("" : : "r"(&layout) : "memory");
  _tile_loadconfig(&layout);
}

// Inputs [first, first + inputs) as a tile; its piece of 32 columns k is at x + k * 32 * inputs.
struct AmxInputTile {
  const uint16_t* x;
  int64_t inputs;
  const uint16_t* columns(int64_t k) const { return x + k * kAmxColumns * inputs; }
};

// Adds the products of 32 columns of P panels with one tile of inputs or two.
template <int P, bool kTwoTiles>
HWY_INLINE void amx_bf16_step(const uint16_t* x, const uint16_t* more_x, const std::byte* const (&w)[P]) {
  _tile_loadd(4, x, 64);
  _tile_loadd(6, w[0], 64);
  _tile_dpbf16ps(0, 4, 6);
  if constexpr (P > 1) {
    _tile_loadd(7, w[1], 64);
    _tile_dpbf16ps(1, 4, 7);
  }
  if constexpr (kTwoTiles) {
    _tile_loadd(5, more_x, 64);
    _tile_dpbf16ps(2, 5, 6);
    if constexpr (P > 1) _tile_dpbf16ps(3, 5, 7);
  }
}

// Panels [p, p + P) times a tile of inputs or two. Every sum adds its columns in rising order, whatever it is
// computed beside. `from_memory`: the next columns are brought to the first cache, because tile loads, unlike
// others, do not make the processor read ahead enough.
template <int P, bool kTwoTiles>
void amx_bf16_block(const Matrix& w, int64_t p, const AmxInputTile& x, const AmxInputTile& more_x, float* out,
                    int64_t out_stride, bool from_memory) {
  const int64_t whole = w.cols / kAmxColumns, rest = w.cols % kAmxColumns;
  const std::byte* at[P];
  for (int i = 0; i < P; ++i) at[i] = w.panel(p + i);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int64_t k = 0; k < whole; ++k) {
    for (int i = 0; from_memory && i < P; ++i) {
      for (int64_t line = 0; line < kAmxTile; line += 64) __builtin_prefetch(at[i] + kAmxTile + line, 0, 3);
    }
    amx_bf16_step<P, kTwoTiles>(x.columns(k), more_x.columns(k), at);
    for (int i = 0; i < P; ++i) at[i] += kAmxTile;
  }
  if (rest > 0) {
    HWY_ALIGN std::byte last[P][kAmxTile] = {};
    for (int i = 0; i < P; ++i) {
      std::memcpy(last[i], at[i], static_cast<size_t>(rest * 2 * kPanelRows));
      at[i] = last[i];
    }
    amx_bf16_step<P, kTwoTiles>(x.columns(whole), more_x.columns(whole), at);
  }
  const int64_t stride = out_stride * static_cast<int64_t>(sizeof(float));
  float* more = out + x.inputs * out_stride;
  _tile_stored(0, out, stride);
  if constexpr (P > 1) _tile_stored(1, out + kPanelRows, stride);
  if constexpr (kTwoTiles) _tile_stored(2, more, stride);
  if constexpr (kTwoTiles && P > 1) _tile_stored(3, more + kPanelRows, stride);
}

// Panels [p, end) by twos.
template <bool kTwoTiles>
void amx_bf16_inputs(const Matrix& w, int64_t p, int64_t end, const AmxInputTile& x,
                     const AmxInputTile& more_x, float* out, int64_t out_stride, bool from_memory) {
  for (; p + 2 <= end; p += 2, out += 2 * kPanelRows) {
    amx_bf16_block<2, kTwoTiles>(w, p, x, more_x, out, out_stride, from_memory);
  }
  if (p < end) amx_bf16_block<1, kTwoTiles>(w, p, x, more_x, out, out_stride, from_memory);
}

// Panels [begin, end) of w times n inputs.
inline void amx_bf16_panels(const Matrix& w, int64_t begin, int64_t end, const Activations& x, int64_t n,
                            float* out, int64_t out_stride) {
  const int64_t cols = amx_columns(w.cols);
  for (int64_t t = 0; t < n; t += 2 * kAmxInputs) {
    const int64_t first = std::min(kAmxInputs, n - t), second = std::min(kAmxInputs, n - t - first);
    const AmxInputTile tile{x.bf16 + t * cols, first}, more{x.bf16 + (t + first) * cols, second};
    configure_amx_bf16(first, second);
    float* to = out + t * out_stride;
    if (second > 0) {
      amx_bf16_inputs<true>(w, begin, end, tile, more, to, out_stride, t == 0);
    } else {
      amx_bf16_inputs<false>(w, begin, end, tile, tile, to, out_stride, t == 0);
    }
  }
  _tile_release();
}

QNEXT_END_AMX
#else
// Never called: no other instruction set has tiles.
inline void amx_bf16_panels(const Matrix&, int64_t, int64_t, const Activations&, int64_t, float*, int64_t) {}
#endif

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
