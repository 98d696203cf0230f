#pragma once

#include "base/thread_pool.h"

namespace qnext {

// How fast all threads of the pool together read memory, in GB/s: the best of several passes over a buffer
// that no cache holds.
double measure_read_gb_per_s(ThreadPool& pool);

}  // namespace qnext
