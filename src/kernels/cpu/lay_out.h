// Matrices moved to memory of their own in another layout, when a model is loaded.
#pragma once

#include <span>

#include "base/thread_pool.h"
#include "kernels/cpu/weight_arena.h"
#include "kernels/ops.h"

namespace qnext::cpu {

struct Move {
  Matrix* matrix;
  WeightLayout to;  // not the one that it has
};

// All of them in one loop of the pool's threads. `release` as for Ops::prepare.
void lay_out(std::span<const Move> moves, WeightArena& arena, ThreadPool& pool, Ops::Release release);

}  // namespace qnext::cpu
