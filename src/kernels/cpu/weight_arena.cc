#include "kernels/cpu/weight_arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>

namespace qnext::cpu {
namespace {

constexpr int64_t kChunk = int64_t{64} << 20;
constexpr int64_t kHugePage = int64_t{2} << 20;

int64_t round_to(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

std::shared_ptr<std::byte> map_chunk(int64_t bytes) {
  const auto size = static_cast<size_t>(bytes);
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  ::madvise(memory, size, MADV_HUGEPAGE);  // a hint: small pages do too
#endif
  return {static_cast<std::byte*>(memory), [size](std::byte* p) { ::munmap(p, size); }};
}

}  // namespace

std::byte* WeightArena::take(int64_t bytes, std::shared_ptr<const void>& owner) {
  const int64_t wanted = round_to(bytes, 64);
  if (used_ + wanted > size_) {
    size_ = round_to(std::max(wanted, kChunk), kHugePage);
    chunk_ = map_chunk(size_);
    used_ = 0;
  }
  std::byte* memory = chunk_.get() + used_;
  used_ += wanted;
  owner = chunk_;
  return memory;
}

}  // namespace qnext::cpu
