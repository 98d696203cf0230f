#include "kernels/cpu/weight_arena.h"

#include <algorithm>

#include "kernels/cpu/scratch.h"

namespace qnext::cpu {
namespace {
constexpr int64_t kChunk = int64_t{64} << 20;
}

std::byte* WeightArena::take(int64_t bytes, std::shared_ptr<const void>& owner) {
  const int64_t wanted = round_up(bytes, 64);
  if (used_ + wanted > size_) {
    size_ = std::max(wanted, kChunk);
    chunk_ = allocate_aligned(size_);
    used_ = 0;
  }
  std::byte* memory = chunk_.get() + used_;
  used_ += wanted;
  owner = chunk_;
  return memory;
}

}  // namespace qnext::cpu
