// Fetches what the next chunk reads while this one computes: its rows lie pages apart, where the processor's
// own prefetching does not follow.
#if defined(QNEXT_KERNELS_CPU_GDN_AHEAD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_GDN_AHEAD_INL_H_
#undef QNEXT_KERNELS_CPU_GDN_AHEAD_INL_H_
#else
#define QNEXT_KERNELS_CPU_GDN_AHEAD_INL_H_
#endif

#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {

// Parts of rows of matrices, brought into the second cache part by part.
class Ahead {
 public:
  void start(int64_t rows) {
    parts_ = next_ = 0;
    rows_ = rows;
  }
  // `width` floats of each row; at most kParts times after start().
  void add(const float* first_row, int64_t width, int64_t stride) {
    part_[parts_++] = {first_row, width, stride};
  }
  // The next part of a row, if there is one.
  HWY_INLINE void step() {
    if (rows_ == 0) return;
    const Part& part = part_[next_];
    for (int64_t j = 0; j < part.width; j += kLineFloats) fetch_line(part.row + j);
    part_[next_].row += part.stride;
    if (++next_ == parts_) {
      next_ = 0;
      --rows_;
    }
  }

 private:
  static constexpr int64_t kParts = 5, kLineFloats = 16;
  struct Part {
    const float* row;
    int64_t width, stride;
  };
  Part part_[kParts];
  int64_t parts_ = 0, next_ = 0, rows_ = 0;
};

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
