// A shape, a non-owning view of a stored tensor, and the view together with what keeps its bytes alive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tensor/dtype.h"

namespace qnext {

// Extents, slowest first, as in safetensors and PyTorch: a weight is [out_features, in_features].
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<int64_t> dims) : dims_(dims) {}
  explicit Shape(std::vector<int64_t> dims) : dims_(std::move(dims)) {}

  int rank() const { return static_cast<int>(dims_.size()); }
  int64_t operator[](int i) const { return dims_[static_cast<size_t>(i)]; }
  int64_t last() const { return dims_.empty() ? 1 : dims_.back(); }
  int64_t elements() const {
    int64_t n = 1;
    for (int64_t d : dims_) n *= d;
    return n;
  }
  int64_t rows() const { return last() == 0 ? 0 : elements() / last(); }  // all but the last extent
  const std::vector<int64_t>& dims() const { return dims_; }
  bool operator==(const Shape&) const = default;
  std::string text() const;  // "[12288, 2048]"

 private:
  std::vector<int64_t> dims_;
};

// Row-major elements somewhere in memory. The last extent is a multiple of the type's block.
struct TensorView {
  DType dtype = DType::kF32;
  Shape shape;
  const std::byte* data = nullptr;
  bool panels = false;  // every matrix (all but the last two extents) lies in panels: tensor/panels.h

  int64_t bytes() const { return shape.rows() * row_bytes(dtype, shape.last()); }
  // Not of a tensor in panels.
  const std::byte* row(int64_t i) const { return data + i * row_bytes(dtype, shape.last()); }
};

// A view that stays valid while this object, or a copy of it, lives: its owner is a file mapping or a buffer.
struct Tensor : TensorView {
  std::shared_ptr<const void> owner;

  // Uninitialised storage, 64-byte aligned; write it through the returned pointer before sharing the tensor.
  static Tensor allocate(DType dtype, Shape shape, std::byte** writable);
  // Rows [begin, begin + count) of a tensor of rank 2 (or the slices of the first extent of rank 3).
  Tensor slice(int64_t begin, int64_t count) const;
};

// 64-byte aligned, uninitialised memory.
// What the two below are made of. `bytes` is the same for both.
void* allocate_large(size_t bytes);
void free_large(void* memory, size_t bytes);

// Uninitialised memory, 64-byte aligned; a large piece on huge pages where the system grants them, since
// reading through pages of 4 KiB costs a tenth of the speed.
std::shared_ptr<std::byte> allocate_aligned(int64_t bytes);

// The same for containers.
template <class T>
struct LargeAllocator {
  using value_type = T;
  LargeAllocator() = default;
  template <class U>
  LargeAllocator(const LargeAllocator<U>&) {}
  T* allocate(size_t n) { return static_cast<T*>(allocate_large(n * sizeof(T))); }
  void deallocate(T* p, size_t n) { free_large(p, n * sizeof(T)); }
  bool operator==(const LargeAllocator&) const = default;
};

}  // namespace qnext
