// The machine's ceiling of reading memory: what a measured speed is held against.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/thread_pool.h"

namespace qnext {

// Reads a buffer that no cache holds, by the widest loads of the machine. The buffer is made and written
// once, so that a measurement is short enough to be repeated between others: on a shared machine the speed
// changes from second to second. Implemented by the cpu backend.
class MemorySpeed {
 public:
  // The pool outlives the object.
  explicit MemorySpeed(ThreadPool& pool);
  // All threads of the pool together, in GB/s: the best of several passes.
  double read_gb_per_s();

 private:
  ThreadPool& pool_;
  int64_t pieces_ = 0;
  std::shared_ptr<const std::byte> buffer_;
};

}  // namespace qnext
