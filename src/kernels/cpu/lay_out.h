// Matrices moved to memory of their own in another layout, when a model is loaded.
#pragma once

#include <span>

#include "base/thread_pool.h"
#include "kernels/ops.h"

namespace qnext::cpu {

struct Move {
  Matrix* matrix;
  WeightLayout to;  // not the one that it has
};

// All of them to one piece of memory, by the pool's threads. `read` as for Ops::prepare.
void lay_out(std::span<const Move> moves, ThreadPool& pool, Ops::Read read);

}  // namespace qnext::cpu
