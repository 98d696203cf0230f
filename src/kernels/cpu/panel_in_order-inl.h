// Panels times a single input, which memory is the limit of: read one after the other, from their first byte
// to their last.
#if defined(QNEXT_KERNELS_CPU_PANEL_IN_ORDER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_PANEL_IN_ORDER_INL_H_
#undef QNEXT_KERNELS_CPU_PANEL_IN_ORDER_INL_H_
#else
#define QNEXT_KERNELS_CPU_PANEL_IN_ORDER_INL_H_
#endif

#include "kernels/cpu/panel_int8-inl.h"

HWY_BEFORE_NAMESPACE();
#if HWY_TARGET == HWY_AVX3_DL
QNEXT_BEGIN_VNNI
#endif
namespace qnext::cpu::HWY_NAMESPACE {

// Whether panels are read so: where memory is not read in order best, only those that are in a cache already.
HWY_INLINE bool reads_in_order(const ReadAhead& ahead) { return ahead.in_order || !ahead.own; }

// What is asked for while memory is read in order. The processor follows that on its own, and has more places
// for what it brings so than for what it is asked for; but it needs a hint where a page ends and where the
// next weights are elsewhere. It brings two lines at a time, so every second one is enough.
class InOrderAhead {
 public:
  HWY_INLINE explicit InOrderAhead(const ReadAhead& ahead)
      : own_(ahead.own), end_(ahead.end), to_next_(ahead.next ? ahead.next - ahead.end : -kAhead) {}

  // kBytes from `at` on are being read.
  template <int64_t kBytes>
  HWY_INLINE void reading(const std::byte* at) const {
    if (!own_) return;
    const std::byte* p = at + kAhead;
    if (p >= end_) p += to_next_;
    p -= reinterpret_cast<uintptr_t>(p) % kPair;
    HWY_UNROLL(8)
    for (int64_t i = 0; i < kBytes; i += kPair) fetch_line(p + i);
  }

 private:
  static constexpr int64_t kAhead = 8192, kPair = 128;  // bytes; the distance is measured

  bool own_;
  const std::byte* end_;  // of the run
  int64_t to_next_;       // from there to what is read after it
};

// Panel i of blocks of 32. Their scales lie in front of a panel, and beside the weights would be a second
// place that is read: so they are read first. `scales`: room for a panel's.
template <class Format>
HWY_INLINE void int8_panel_in_order(const Int8Panels& w, int64_t i, const Int8Rows& x, float* out,
                                    std::byte* scales, const InOrderAhead& ahead) {
  static_assert(Format::kGroups == 1);
  constexpr int S = kStrips;
  constexpr int64_t kScaleBytes = 2 * kPanelRows, kMainBytes = Format::kBytes - kScaleBytes;
  const std::byte* panel = w.panel(i);
  for (int64_t c = 0; c < w.columns; ++c) {
    const int64_t at = c * kScaleBytes;
    if (c % 4 == 0) ahead.reading<4 * kScaleBytes>(panel + at);
    std::memcpy(scales + at, panel + at, kScaleBytes);
  }
  VF acc[S][1];
  HWY_UNROLL(4)
  for (int s = 0; s < S; ++s) acc[s][0] = zero();
  const std::byte* blocks = panel + w.columns * kScaleBytes;
  for (int64_t c = 0; c < w.columns; ++c, blocks += kMainBytes) {
    ahead.reading<kMainBytes>(blocks);
    const std::byte* main[S];
    typename Format::Open open[S];
    HWY_UNROLL(4)
    for (int s = 0; s < S; ++s) {
      main[s] = blocks + 4 * kLanes * s;
      open[s] = Format::open(blocks, scales + c * kScaleBytes, s);
    }
    if constexpr (Format::kVnni) {
      add_group_of_one<Format, S>(acc, main, open, 0, x, c);
    } else {
      add_group<Format, S, 1>(acc, main, open, 0, x, c);
    }
  }
  HWY_UNROLL(4)
  for (int s = 0; s < S; ++s) store(acc[s][0], out + s * kLanes);
}

#if HWY_TARGET == HWY_AVX3_DL
QNEXT_BEGIN_BF16
// A panel times an input as pairs of BF16: sums of two products, in float32.
inline void bf16_panel_in_order(const Matrix& w, int64_t i, const uint16_t* x, float* out,
                                const InOrderAhead& ahead) {
  __m512 acc = _mm512_setzero_ps();
  const std::byte* panel = w.panel(i);
  for (int64_t k = 0; k < w.cols / 2; ++k) {
    if (k % 2 == 0) ahead.reading<128>(panel + 64 * k);
    int32_t pair;
    std::memcpy(&pair, x + 2 * k, sizeof pair);
    const __m512bh input = (__m512bh)_mm512_set1_epi32(pair);
    acc = _mm512_dpbf16_ps(acc, (__m512bh)_mm512_loadu_si512(panel + 64 * k), input);
  }
  _mm512_storeu_ps(out, acc);
}
QNEXT_END_BF16
#endif

}  // namespace qnext::cpu::HWY_NAMESPACE
#if HWY_TARGET == HWY_AVX3_DL
QNEXT_END_VNNI
#endif
HWY_AFTER_NAMESPACE();

#endif
