// Panels of integer weights times tiles of 16 inputs with AMX, whose registers of 16 rows of 64 bytes a panel
// fits as it is.
#if defined(QNEXT_KERNELS_CPU_PANEL_AMX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_PANEL_AMX_INL_H_
#undef QNEXT_KERNELS_CPU_PANEL_AMX_INL_H_
#else
#define QNEXT_KERNELS_CPU_PANEL_AMX_INL_H_
#endif

#include "kernels/cpu/panel_int8-inl.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {

#if HWY_TARGET == HWY_AVX3_DL
QNEXT_BEGIN_AMX

// Tile registers: 0 to 3 hold sums, 4 and 5 inputs and weights of 32 columns, 6 and 7 those of 16.
struct AmxLayout {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 32, 64, 16, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 8, 16, 4};
};

HWY_INLINE void configure_amx() {
  const AmxLayout layout;
  // GCC 12 takes the instruction to read 8 bytes, and leaves out the stores to the others.
  asm volatile("" : : "r"(&layout) : "memory");
  _tile_loadconfig(&layout);
}

// Groups whose products are under way together, while the sums of as many before them are scaled.
inline constexpr int kAmxGroups = 4;

// [inputs][rows] for each group, of either half where these have scales of their own.
struct AmxSums {
  HWY_ALIGN int32_t of[kAmxGroups][2][kAmxInputs * kPanelRows];
};

// Products of one group: tile register i, inputs q [16, 32], weights [8][16 rows][4].
#define QNEXT_AMX_PRODUCT(i, x_tile, w_tile, q, w, out) \
  _tile_zero(i);                                        \
  _tile_loadd(x_tile, q, 32);                           \
  _tile_loadd(w_tile, w, 64);                           \
  _tile_dpbsud(i, x_tile, w_tile);                      \
  _tile_stored(i, out, 64);

#define QNEXT_AMX_GROUP(i)                                                               \
  if constexpr (Format::kHalves) {                                                       \
    QNEXT_AMX_PRODUCT(i, 6, 7, q + (i)*512, weights + (i)*512, sums.of[i][0])            \
    QNEXT_AMX_PRODUCT(i, 6, 7, q + (i)*512 + 16, weights + (i)*512 + 256, sums.of[i][1]) \
  } else {                                                                               \
    QNEXT_AMX_PRODUCT(i, 4, 5, q + (i)*512, weights + (i)*512, sums.of[i][0])            \
  }

// The products of `groups` <= kAmxGroups groups. q: [groups, 16, 32]
template <class Format>
HWY_INLINE void amx_products(const int8_t* q, const uint8_t* weights, int64_t groups, AmxSums& sums) {
  QNEXT_AMX_GROUP(0)
  if (groups > 1) {
    QNEXT_AMX_GROUP(1)
  }
  if (groups > 2) {
    QNEXT_AMX_GROUP(2)
  }
  if (groups > 3) {
    QNEXT_AMX_GROUP(3)
  }
}
#undef QNEXT_AMX_GROUP
#undef QNEXT_AMX_PRODUCT

// A panel in the form that tiles are multiplied with.
template <class Format>
struct AmxPanel {
  const typename Format::Open* open;  // [block columns]
  const uint8_t* weights;             // [groups][8][16 rows][4]
  int64_t groups;
};

template <class Format>
HWY_INLINE AmxPanel<Format> open_panel(const std::byte* panel, const PanelFormat& format, int64_t cols,
                                       float* memory) {
  const int64_t columns = cols / format.elements;
  auto* open = reinterpret_cast<typename Format::Open*>(memory);
  auto* weights = reinterpret_cast<uint8_t*>(open + columns);
  const std::byte* main = panel + columns * format.front_bytes;
  for (int64_t c = 0; c < columns; ++c, main += format.main_bytes) {
    open[c] = Format::open(main, panel + c * format.front_bytes, 0);
    for (int g = 0; g < Format::kGroups; ++g) {
      VB w[8];
      for (int j = 0; j < 8; ++j) w[j] = Format::word(main, g, j);
      uint8_t* out = weights + (c * Format::kGroups + g) * 512;
      HWY_UNROLL(8)
      for (int j = 0; j < 8; ++j) hn::Store(w[j], DB(), out + 64 * j);
    }
  }
  return {open, weights, columns * Format::kGroups};
}

// Adds the sums of groups [first, first + count) to the 16 inputs' results.
template <class Format>
HWY_INLINE void amx_scale(const AmxPanel<Format>& panel, int64_t first, int64_t count, const AmxSums& s,
                          const Int8Rows& x, VF (&acc)[kAmxInputs]) {
  for (int64_t i = 0; i < count; ++i) {
    const int64_t group = first + i, at = group * kAmxInputs;
    const auto& open = panel.open[group / Format::kGroups];
    HWY_UNROLL(16)
    for (int t = 0; t < kAmxInputs; ++t) {
      GroupSums<Format> sums = start_of_sums<Format>(x, at + t);
      sums.sums[0] = hn::Add(sums.sums[0], hn::Load(DI(), s.of[i][0] + kPanelRows * t));
      if constexpr (Format::kHalves) {
        sums.sums[1] = hn::Add(sums.sums[1], hn::Load(DI(), s.of[i][1] + kPanelRows * t));
      }
      acc[t] = add_sums<Format>(acc[t], sums, open, static_cast<int>(group % Format::kGroups), x, at + t);
    }
  }
}

// A panel times 16 inputs. The sums of products are exact, so the results are int8_tile()'s bit for bit.
template <class Format>
HWY_INLINE void amx_tile(const AmxPanel<Format>& panel, const Int8Rows& x, float* out, int64_t out_stride) {
  AmxSums sums[2];
  VF acc[kAmxInputs];
  HWY_UNROLL(16)
  for (int t = 0; t < kAmxInputs; ++t) acc[t] = zero();
  auto multiply = [&](int64_t first, AmxSums & into) __attribute__((always_inline)) {
    amx_products<Format>(x.q + 512 * first, panel.weights + 512 * first,
                         std::min<int64_t>(kAmxGroups, panel.groups - first), into);
  };
  multiply(0, sums[0]);
  for (int64_t first = 0; first < panel.groups; first += kAmxGroups) {
    const int64_t next = first + kAmxGroups;
    if (next < panel.groups) multiply(next, sums[next / kAmxGroups % 2]);
    amx_scale<Format>(panel, first, std::min<int64_t>(kAmxGroups, panel.groups - first),
                      sums[first / kAmxGroups % 2], x, acc);
  }
  HWY_UNROLL(16)
  for (int t = 0; t < kAmxInputs; ++t) store(acc[t], out + t * out_stride);
}

// Panels [begin, end) of w times the first n inputs, a multiple of 16. memory: amx_floats(w.cols)
template <class Format>
void amx_panels(const Matrix& w, int64_t begin, int64_t end, const Activations& x, int64_t n, float* out,
                int64_t out_stride, float* memory) {
  const PanelFormat& format = *panel_format(w.dtype);
  configure_amx();
  for (int64_t p = begin; p < end; ++p) {
    const AmxPanel<Format> panel = open_panel<Format>(w.panel(p), format, w.cols, memory);
    for (int64_t t = 0; t < n; t += kAmxInputs) {
      amx_tile<Format>(panel, x.from(t, w.cols, x.rows).int8, out + t * out_stride + (p - begin) * kPanelRows,
                       out_stride);
    }
  }
  _tile_release();
}

QNEXT_END_AMX
#else
// Never called: no other instruction set has tiles.
template <class Format>
void amx_panels(const Matrix&, int64_t, int64_t, const Activations&, int64_t, float*, int64_t, float*) {}
#endif

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
