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
  if (free_.empty()) {
    if (static_cast<int64_t>(storage_.size()) >= max_blocks_) {
      return Error(fmt::format("the attention cache is full: all {} blocks are in use", max_blocks_));
    }
    storage_.push_back(allocate_aligned(std::max<int64_t>(block_bytes_, 1)));
    return storage_.back().get();
  }
  std::byte* block = free_.back();
  free_.pop_back();
  return block;
}

void BlockPool::give_back(std::byte* block) {
  std::lock_guard lock(mutex_);
  free_.push_back(block);
  QN_CHECK(free_.size() <= storage_.size(), "a block was given back twice");
}

int64_t BlockPool::in_use() const {
  std::lock_guard lock(mutex_);
  return static_cast<int64_t>(storage_.size() - free_.size());
}

int64_t BlockPool::allocated_bytes() const {
  std::lock_guard lock(mutex_);
  return static_cast<int64_t>(storage_.size()) * block_bytes_;
}

}  // namespace qnext
