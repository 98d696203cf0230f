// What the kernels of panels ask of memory while they multiply.
#if defined(QNEXT_KERNELS_CPU_READ_AHEAD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_READ_AHEAD_INL_H_
#undef QNEXT_KERNELS_CPU_READ_AHEAD_INL_H_
#else
#define QNEXT_KERNELS_CPU_READ_AHEAD_INL_H_
#endif

#include "kernels/cpu/panel_formats-inl.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {

// The first tile of a run of panels finds these in memory, and the processor's own reading ahead ends at
// every page: so it asks for what it will read itself soon. The other tiles find them in a cache and have
// time to bring what is wanted after this run.
struct ReadAhead {
  // Bytes, of all places together, that it asks the second cache for and then the first; measured.
  static constexpr int64_t kAhead = 32768, kNear = 8192;

  bool own = false;                 // the first tile
  bool in_order = false;            // whether the processor reads fastest in order (Target)
  const std::byte* end = nullptr;   // of the run
  const std::byte* next = nullptr;  // what is read after it, or null
  int64_t lines = 0;                // of that, what other tiles bring for every 32 columns of a strip

  HWY_INLINE void others(int strips) {
    for (int64_t i = 0; i < lines * strips; ++i, next += 64) fetch_line(next);
  }
};

// S strips side by side, which are so many places in memory that are read at once: whole panels, or some
// strips of one.
template <int S>
class StripsAhead {
 public:
  static constexpr int kPanels = S > kStrips ? S / kStrips : 1;

  // `first` is the first one's panel.
  HWY_INLINE StripsAhead(const ReadAhead& ahead, const std::byte* first, int64_t panel_bytes)
      : own_(ahead.own),
        panel_bytes_(panel_bytes),
        distance_(std::min(ReadAhead::kAhead / kPanels, panel_bytes)),
        near_(std::min(ReadAhead::kNear / kPanels, distance_ / 4)) {
    const std::byte* after = first + kPanels * panel_bytes;
    if (after >= ahead.end) after = ahead.next ? ahead.next : first;
    to_next_ = after - first - panel_bytes;
  }
  // Bytes [at, at + kBytes) of every panel are being read, but not in order if kJumps: the processor brings
  // to the first cache on its own only what is.
  template <int64_t kBytes, bool kJumps = false>
  HWY_INLINE void reading(const std::byte* const (&panels)[S], int64_t at) const {
    if (!own_) return;
    const int64_t far = later(at + distance_), near = later(at + near_);
    HWY_UNROLL(8)
    for (int s = 0; s < S; s += S / kPanels) {
      HWY_UNROLL(16)
      for (int64_t i = 0; i < kBytes; i += 64) {
        fetch_line(panels[s] + far + i);
        if constexpr (kJumps) __builtin_prefetch(panels[s] + near + i);
      }
    }
  }
  // Where a run begins.
  HWY_INLINE void start(const std::byte* first) const {
    if (!own_) return;
    for (int p = 0; p < kPanels; ++p) {
      for (int64_t i = 0; i < distance_; i += 64) fetch_line(first + p * panel_bytes_ + i);
    }
  }

 private:
  HWY_INLINE int64_t later(int64_t at) const { return at >= panel_bytes_ ? at + to_next_ : at; }

  bool own_;
  int64_t panel_bytes_;
  // From what is read of a panel to what is asked for. Near what is asked for far, a line would still be on
  // its way from memory, and hold a place of the first cache.
  int64_t distance_, near_;
  int64_t to_next_;  // from the end of a panel to the panel that is read after it
};

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
