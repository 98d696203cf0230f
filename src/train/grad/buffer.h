// Memory that grows and is never given back before its owner goes: a training step needs the same buffers
// again and again.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>

#include "tensor/tensor.h"

namespace qnext::train {

// Uninitialised room for numbers, 64-byte aligned.
template <class T>
class Buffer {
 public:
  // At least n elements; what was there before may be gone.
  T* room(int64_t n) {
    if (n > capacity_) {
      owner_.reset();
      owner_ = allocate_aligned(std::max<int64_t>(n, 1) * static_cast<int64_t>(sizeof(T)));
      capacity_ = n;
    }
    return data();
  }
  T* zeros(int64_t n) {
    std::fill_n(room(n), n, T(0));
    return data();
  }
  T* data() { return reinterpret_cast<T*>(owner_.get()); }
  const T* data() const { return reinterpret_cast<const T*>(owner_.get()); }
  int64_t bytes() const { return capacity_ * static_cast<int64_t>(sizeof(T)); }

 private:
  std::shared_ptr<std::byte> owner_;
  int64_t capacity_ = 0;
};

// Pieces of memory for one task after the other: what take() gave stays valid until reset().
template <class T>
class Scratch {
 public:
  void reset() { block_ = used_ = 0; }
  // What was taken after mark() is free again after rewind().
  struct Mark {
    int64_t block, used;
  };
  Mark mark() const { return {block_, used_}; }
  void rewind(Mark mark) { block_ = mark.block, used_ = mark.used; }
  T* take(int64_t n) {
    n = (n + 15) / 16 * 16;
    while (block_ < static_cast<int64_t>(blocks_.size()) && used_ + n > at().size) ++block_, used_ = 0;
    if (block_ == static_cast<int64_t>(blocks_.size())) {
      blocks_.emplace_back().size = std::max(n, kSmallest);
      at().buffer.room(at().size);
    }
    T* piece = at().buffer.data() + used_;
    used_ += n;
    return piece;
  }
  T* zeros(int64_t n) {
    T* piece = take(n);
    std::fill_n(piece, n, T(0));
    return piece;
  }

 private:
  static constexpr int64_t kSmallest = 1 << 16;
  struct Block {
    Buffer<T> buffer;
    int64_t size = 0;
  };
  Block& at() { return blocks_[static_cast<size_t>(block_)]; }
  std::deque<Block> blocks_;
  int64_t block_ = 0, used_ = 0;
};

}  // namespace qnext::train
