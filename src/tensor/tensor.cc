#include "tensor/tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <new>

#include "base/check.h"

namespace qnext {

std::string Shape::text() const { return fmt::format("[{}]", fmt::join(dims_, ", ")); }

std::shared_ptr<std::byte> allocate_aligned(int64_t bytes) {
  constexpr std::align_val_t kAlign{64};
  auto* memory = static_cast<std::byte*>(::operator new(static_cast<size_t>(bytes), kAlign));
  return {memory, [kAlign](std::byte* p) { ::operator delete(p, kAlign); }};
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
