#include "tensor/tensor.h"

#include <sys/mman.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <new>

#include "base/check.h"

namespace qnext {

std::string Shape::text() const { return fmt::format("[{}]", fmt::join(dims_, ", ")); }

namespace {
constexpr size_t kHugePage = size_t{2} << 20;
constexpr std::align_val_t alignment_of(size_t bytes) {
  return static_cast<std::align_val_t>(bytes >= 2 * kHugePage ? kHugePage : 64);
}
}  // namespace

void* allocate_large(size_t bytes) {
  void* memory = ::operator new(bytes, alignment_of(bytes));
#ifdef MADV_HUGEPAGE
  // A hint. Whole pages of ours only.
  if (bytes >= 2 * kHugePage) ::madvise(memory, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
  return memory;
}

void free_large(void* memory, size_t bytes) { ::operator delete(memory, alignment_of(bytes)); }

std::shared_ptr<std::byte> allocate_aligned(int64_t bytes) {
  const auto size = static_cast<size_t>(bytes);
  return {static_cast<std::byte*>(allocate_large(size)), [size](std::byte* p) { free_large(p, size); }};
}

Tensor Tensor::allocate(DType dtype, Shape shape, std::byte** writable) {
  Tensor tensor;
  tensor.dtype = dtype;
  tensor.shape = std::move(shape);
  auto memory = allocate_aligned(tensor.bytes());
  *writable = memory.get();
  tensor.data = memory.get();
  tensor.owner = std::move(memory);
  return tensor;
}

Tensor Tensor::slice(int64_t begin, int64_t count) const {
  QN_CHECK(shape.rank() >= 2 && begin >= 0 && count >= 0 && begin + count <= shape[0], "slice out of range");
  std::vector<int64_t> dims = shape.dims();
  const int64_t rows_per_slice = shape.rows() / (dims[0] == 0 ? 1 : dims[0]);
  dims[0] = count;
  Tensor part = *this;
  part.shape = Shape(std::move(dims));
  part.data = data + begin * rows_per_slice * row_bytes(dtype, shape.last());
  return part;
}

}  // namespace qnext
