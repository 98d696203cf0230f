// Fixed-size blocks of memory for attention keys and values. A block holds `block_tokens` positions of every
// attention layer of one sequence, so that a sequence has one table of blocks, not one per layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"

namespace qnext {

class BlockPool {
 public:
  // Allocates lazily, some blocks at a time, up to `max_blocks`. block_bytes may be 0 (a model without
  // attention).
  BlockPool(int64_t block_bytes, int64_t max_blocks);
  Result<std::byte*> take();
  void give_back(std::byte* block);
  int64_t in_use() const;
  int64_t max_blocks() const { return max_blocks_; }

 private:
  const int64_t block_bytes_, max_blocks_;
  void grow();

  mutable std::mutex mutex_;
  int64_t blocks_ = 0;  // allocated
  std::vector<std::shared_ptr<std::byte>> slabs_;
  std::vector<std::byte*> free_;
};

}  // namespace qnext
