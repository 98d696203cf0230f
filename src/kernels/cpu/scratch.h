// Memory that operations work in: owned by the backend, grown on demand, never given back while it lives, so
// that steps after the first of their size allocate nothing.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/thread_pool.h"
#include "tensor/tensor.h"

namespace qnext::cpu {

// Floats per cache line: parts of a buffer start on multiples of it.
inline constexpr int64_t kAlign = 16;

inline int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

// Uninitialised floats, 64-byte aligned. Growing loses what was there.
class Buffer {
 public:
  float* reserve(int64_t floats) {
    if (floats > capacity_) {
      const int64_t wanted = round_up(std::max(floats, capacity_ + capacity_ / 2), kAlign);
      memory_.reset();
      memory_ = allocate_aligned(wanted * static_cast<int64_t>(sizeof(float)));
      capacity_ = wanted;
    }
    return reinterpret_cast<float*>(memory_.get());
  }
  float* get() const { return reinterpret_cast<float*>(memory_.get()); }

 private:
  std::shared_ptr<std::byte> memory_;
  int64_t capacity_ = 0;
};

// Hands out consecutive aligned parts of a buffer. With no memory it only counts, so that one function both
// lays out and measures what an operation needs.
class Layout {
 public:
  explicit Layout(float* memory) : memory_(memory) {}
  float* take(int64_t floats) {
    float* part = memory_ ? memory_ + used_ : nullptr;
    used_ += round_up(floats, kAlign);
    return part;
  }
  int64_t used() const { return used_; }

 private:
  float* memory_;
  int64_t used_ = 0;
};

// What a kernel gets besides its arguments.
class Workspace {
 public:
  explicit Workspace(ThreadPool& pool) : pool_(pool), workers_(static_cast<size_t>(pool.size())) {}

  // Whether products with BF16 weights round their inputs to BF16. Only where the machine multiplies those.
  bool round_to_bf16 = false;
  // Whether the machine has AMX.
  bool amx = false;
  // With AVX2: whether it has AVX-VNNI.
  bool vnni = false;
  // Whether its cores read memory fastest in order.
  bool in_order = false;

  ThreadPool& pool() { return pool_; }
  int threads() const { return pool_.size(); }

  // One buffer that all threads see, valid until the next call.
  float* shared(int64_t floats) { return shared_.reserve(floats); }
  // Call before the loop whose bodies call worker().
  void reserve_workers(int64_t floats) {
    for (Buffer& b : workers_) b.reserve(floats);
  }
  float* worker(int index) { return workers_[static_cast<size_t>(index)].get(); }
  // Lists that an operation builds before its loops.
  std::vector<int32_t>& integers() { return integers_; }

 private:
  ThreadPool& pool_;
  Buffer shared_;
  std::vector<Buffer> workers_;
  std::vector<int32_t> integers_;
};

}  // namespace qnext::cpu
