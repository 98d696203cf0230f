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

// Matrices of whole panels, in rows: they get memory for their panels, which are packed when they are used
// (waiting_panels.h).
void lay_out_on_use(std::span<Matrix* const> matrices, const std::shared_ptr<const Ops::KeptRead>& read);
// Packs all that still wait, by the pool's threads.
void finish_laying_out(std::span<Matrix* const> matrices, ThreadPool& pool);

}  // namespace qnext::cpu
