// Panels whose weights are bytes and whose scales are floats: what many inputs multiply instead of panels
// that every tile of them would unpack anew.
#if defined(QNEXT_KERNELS_CPU_PANEL_UNPACKED_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_PANEL_UNPACKED_INL_H_
#undef QNEXT_KERNELS_CPU_PANEL_UNPACKED_INL_H_
#else
#define QNEXT_KERNELS_CPU_PANEL_UNPACKED_INL_H_
#endif

#include <new>

#include "kernels/cpu/panel_int8-inl.h"

HWY_BEFORE_NAMESPACE();
#if HWY_TARGET == HWY_AVX3_DL
QNEXT_BEGIN_VNNI
#endif
namespace qnext::cpu::HWY_NAMESPACE {

// A format of integer weights (panel_formats-inl.h), a block column of which is [group][word] of 64 bytes and
// the scales of each strip.
template <class Format>
struct Unpacked {
  static constexpr bool kVnni = Format::kVnni, kSigned = Format::kSigned;
  static constexpr bool kMinima = Format::kMinima, kHalves = Format::kHalves;
  static constexpr int kGroups = Format::kGroups, kLargest = Format::kLargest, kOffset = Format::kOffset;
  static constexpr int64_t kWordBytes = 64 * 8 * kGroups;
  static constexpr int64_t kBytes =
      kWordBytes + kStrips * static_cast<int64_t>(sizeof(typename Format::Open));
  using Open = const typename Format::Open*;

  static HWY_INLINE Open open(const std::byte* main, const std::byte*, int64_t strip) {
    return reinterpret_cast<Open>(main + kWordBytes) + strip;
  }
  template <class... Half>
  static HWY_INLINE VF scale(const Open& open, int g, Half... half) {
    return Format::scale(*open, g, half...);
  }
  static HWY_INLINE VF minimum(const Open& open, int g) { return Format::minimum(*open, g); }
  static HWY_INLINE VB word(const std::byte* main, int g, int j) {
    return load_strip(main + 64 * (8 * g + j));
  }
};

// Writes panel `panel` to `out`: w.columns * Unpacked<Format>::kBytes bytes, aligned to 64.
template <class Format>
void unpack(const Int8Panels& w, int64_t panel, std::byte* out) {
  const std::byte* front = w.panel(panel);
  const std::byte* blocks = front + w.columns * w.front_bytes;
  for (int64_t c = 0; c < w.columns; ++c, front += w.front_bytes, blocks += w.main_bytes) {
    for (int64_t strip = 0; strip < kStrips; ++strip) {
      const int64_t at = 4 * kLanes * strip;
      for (int g = 0; g < Format::kGroups; ++g) {
        HWY_UNROLL(8)
        for (int j = 0; j < 8; ++j) {
          auto* word = reinterpret_cast<uint8_t*>(out + 64 * (8 * g + j) + at);
          hn::StoreU(Format::word(blocks + at, g, j), DB(), word);
        }
      }
      auto* scales = reinterpret_cast<typename Format::Open*>(out + Unpacked<Format>::kWordBytes);
      new (scales + strip) typename Format::Open(Format::open(blocks, front, strip));
    }
    out += Unpacked<Format>::kBytes;
  }
}

}  // namespace qnext::cpu::HWY_NAMESPACE
#if HWY_TARGET == HWY_AVX3_DL
QNEXT_END_VNNI
#endif
HWY_AFTER_NAMESPACE();

#endif
