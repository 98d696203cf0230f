#include "state/block_pool.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "tensor/tensor.h"

namespace qnext {

BlockPool::BlockPool(int64_t block_bytes, int64_t max_blocks)
    : block_bytes_(block_bytes), max_blocks_(max_blocks) {}

Result<std::byte*> BlockPool::take() {
  std::lock_guard lock(mutex_);
  if (free_.empty() && blocks_ < max_blocks_) grow();
  if (free_.empty()) {
    return Error(fmt::format("the attention cache is full: all {} blocks are in use", max_blocks_));
  }
  std::byte* block = free_.back();
  free_.pop_back();
  return block;
}

// Several blocks at once, so that they lie in huge pages: attention to a long context would else wait for
// address translations as long as for the memory itself. Pages that no block has written take no memory.
void BlockPool::grow() {
  constexpr int64_t kSlabBytes = int64_t{8} << 20;
  const int64_t bytes = std::max<int64_t>(block_bytes_, 1);
  const int64_t count = std::min(max_blocks_ - blocks_, std::max<int64_t>(1, kSlabBytes / bytes));
  slabs_.push_back(allocate_aligned(count * bytes));
  for (int64_t i = count; i-- > 0;)
    free_.push_back(slabs_.back().get() + i * bytes);  // the first is taken first
  blocks_ += count;
}

void BlockPool::give_back(std::byte* block) {
  std::lock_guard lock(mutex_);
  free_.push_back(block);
  QN_CHECK(static_cast<int64_t>(free_.size()) <= blocks_, "a block was given back twice");
}

int64_t BlockPool::in_use() const {
  std::lock_guard lock(mutex_);
  return blocks_ - static_cast<int64_t>(free_.size());
}

}  // namespace qnext
