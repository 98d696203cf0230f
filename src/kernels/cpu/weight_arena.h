// Memory for weights that are laid out at load, in large pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace qnext::cpu {

class WeightArena {
 public:
  // `bytes` bytes, 64-byte aligned, that live as long as `owner`, which is set.
  std::byte* take(int64_t bytes, std::shared_ptr<const void>& owner);

 private:
  std::shared_ptr<std::byte> chunk_;
  int64_t size_ = 0, used_ = 0;
};

}  // namespace qnext::cpu
