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

// Inputs of a tile that AMX takes: the height of its registers.
inline constexpr int64_t kAmxInputs = 16;

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

inline constexpr int kAmxGroups = 4;  // whose products are under way together

struct AmxScratch {
  HWY_ALIGN uint8_t weights[kAmxGroups][8 * 64];   // a group of 32 columns: [8][16 rows][4]
  HWY_ALIGN int32_t sums[kAmxGroups][2][16 * 16];  // [inputs][rows], of halves where these have scales
};

#define QNEXT_AMX_GROUP(i)                  \
  if constexpr (Format::kHalves) {          \
    _tile_zero(i);                          \
    _tile_loadd(6, q + (i)*512, 32);        \
    _tile_loadd(7, s.weights[i], 64);       \
    _tile_dpbsud(i, 6, 7);                  \
    _tile_stored(i, s.sums[i][0], 64);      \
    _tile_zero(i);                          \
    _tile_loadd(6, q + (i)*512 + 16, 32);   \
    _tile_loadd(7, s.weights[i] + 256, 64); \
    _tile_dpbsud(i, 6, 7);                  \
    _tile_stored(i, s.sums[i][1], 64);      \
  } else {                                  \
    _tile_zero(i);                          \
    _tile_loadd(4, q + (i)*512, 32);        \
    _tile_loadd(5, s.weights[i], 64);       \
    _tile_dpbsud(i, 4, 5);                  \
    _tile_stored(i, s.sums[i][0], 64);      \
  }

// The products of `groups` <= kAmxGroups groups whose weights are in the scratch. q: [groups, 16, 32]
template <class Format>
HWY_INLINE void amx_products(const int8_t* q, int groups, AmxScratch& s) {
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

// A panel times 16 inputs. The sums of products are exact, so the results are int8_tile()'s bit for bit.
template <class Format>
HWY_INLINE void amx_tile(const std::byte* panel, const PanelFormat& format, int64_t cols, const Int8Rows& x,
                         float* out, int64_t out_stride, AmxScratch& s) {
  constexpr int kColumnsAtOnce = Format::kGroups == 1 ? kAmxGroups : 1;
  const int64_t columns = cols / format.elements;
  const std::byte* blocks = panel + columns * format.front_bytes;
  VF acc[kAmxInputs];
  HWY_UNROLL(16)
  for (int t = 0; t < kAmxInputs; ++t) acc[t] = zero();
  int64_t at = 0;
  for (int64_t c = 0; c < columns; c += kColumnsAtOnce) {
    const int together = static_cast<int>(std::min<int64_t>(kColumnsAtOnce, columns - c));
    typename Format::Open open[kColumnsAtOnce];
    for (int k = 0; k < together; ++k) {
      open[k] = Format::open(blocks + (c + k) * format.main_bytes, panel + (c + k) * format.front_bytes, 0);
    }
    for (int first = 0; first < Format::kGroups; first += kAmxGroups) {
      const int groups = Format::kGroups == 1 ? together : kAmxGroups;
      for (int i = 0; i < groups; ++i) {
        VB w[8];
        Format::weights(blocks + (c + (Format::kGroups == 1 ? i : 0)) * format.main_bytes,
                        Format::kGroups == 1 ? 0 : first + i, w);
        HWY_UNROLL(8)
        for (int j = 0; j < 8; ++j) hn::Store(w[j], DB(), s.weights[i] + 64 * j);
      }
      amx_products<Format>(x.q + 32 * at, groups, s);
      for (int i = 0; i < groups; ++i, at += kAmxInputs) {
        const int k = Format::kGroups == 1 ? i : 0, g = Format::kGroups == 1 ? 0 : first + i;
        HWY_UNROLL(16)
        for (int t = 0; t < kAmxInputs; ++t) {
          GroupSums<Format> sums = start_of_sums<Format>(x, at + t);
          sums.sums[0] = hn::Add(sums.sums[0], hn::Load(DI(), s.sums[i][0] + 16 * t));
          if constexpr (Format::kHalves) {
            sums.sums[1] = hn::Add(sums.sums[1], hn::Load(DI(), s.sums[i][1] + 16 * t));
          }
          acc[t] = add_sums<Format>(acc[t], sums, open[k], g, x, at + t);
        }
      }
    }
  }
  HWY_UNROLL(16)
  for (int t = 0; t < kAmxInputs; ++t) store(acc[t], out + t * out_stride);
}

// Panels [begin, end) of w times 16 inputs.
template <class Format>
void amx_panels(const Matrix& w, int64_t begin, int64_t end, const Int8Rows& x, float* out,
                int64_t out_stride) {
  const PanelFormat& format = *panel_format(w.dtype);
  AmxScratch scratch;
  configure_amx();
  for (int64_t p = begin; p < end; ++p) {
    amx_tile<Format>(w.panel(p), format, w.cols, x, out + (p - begin) * kPanelRows, out_stride, scratch);
  }
  _tile_release();
}

QNEXT_END_AMX
#else
// Never called: no other instruction set has tiles.
template <class Format>
void amx_panels(const Matrix&, int64_t, int64_t, const Int8Rows&, float*, int64_t) {}
#endif

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
