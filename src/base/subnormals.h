// Results too small for a normal number. Decay makes many of them, and on many x86 processors an operation
// that ends in one takes a hundred times as long as any other.
#pragma once

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace qnext {

// While it lives, such results of the calling thread's float operations are 0. Operands are taken as they
// are. Does nothing but on x86.
class SubnormalsToZero {
 public:
#if defined(__SSE2__)
  SubnormalsToZero() : before_(_mm_getcsr()) { _mm_setcsr(before_ | _MM_FLUSH_ZERO_ON); }
  ~SubnormalsToZero() { _mm_setcsr((_mm_getcsr() & ~_MM_FLUSH_ZERO_MASK) | (before_ & _MM_FLUSH_ZERO_MASK)); }
#else
  SubnormalsToZero() {}
  ~SubnormalsToZero() {}
#endif
  SubnormalsToZero(const SubnormalsToZero&) = delete;
  SubnormalsToZero& operator=(const SubnormalsToZero&) = delete;

#if defined(__SSE2__)
 private:
  unsigned before_;
#endif
};

}  // namespace qnext
