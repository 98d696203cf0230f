#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>

#include "base/subnormals.h"

namespace qnext {
namespace {

// How long a thread polls before it sleeps: the gap between two operations of one token is a few
// microseconds, far below the cost of a wake-up, while a pause between tokens or prompts should cost no
// power.
constexpr int kSpins = 4000;

inline void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Waits until `value` is no longer `old`.
template <class T>
void wait_while(const std::atomic<T>& value, T old) {
  for (int i = 0; i < kSpins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    relax();
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

struct ThreadPool::Loop {
  int64_t n, grain;
  FunctionRef<void(int64_t, int64_t, int)> body;
};

int ThreadPool::available_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

ThreadPool::ThreadPool(int threads)
    : ranges_(static_cast<size_t>(threads > 0 ? threads : available_processors())) {
  threads = static_cast<int>(ranges_.size());
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { work(i); });
}

ThreadPool::~ThreadPool() {
  stop_ = true;
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (std::thread& t : workers_) t.join();
}

void ThreadPool::drain(Loop& loop, int worker) {
  const size_t threads = ranges_.size();
  for (size_t i = 0; i < threads; ++i) {
    Range& range = ranges_[(static_cast<size_t>(worker) + i) % threads];
    for (;;) {
      const int64_t piece = range.next.fetch_add(1, std::memory_order_relaxed);
      if (piece >= range.end) break;
      const int64_t begin = piece * loop.grain;
      loop.body(begin, std::min(begin + loop.grain, loop.n), worker);
    }
  }
}

// Enters the newest loop if that is still open, and notes its generation in `seen`.
bool ThreadPool::join(uint32_t& seen) {
  uint64_t ticket = ticket_.load(std::memory_order_acquire);
  while ((ticket & kOpen) != 0 && static_cast<uint32_t>(ticket >> 32) != seen) {
    if (!ticket_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel)) continue;
    seen = static_cast<uint32_t>(ticket >> 32);
    return true;
  }
  return false;
}

void ThreadPool::work(int worker) {
  const SubnormalsToZero mode;
  uint32_t joined = 0, seen = 0;
  for (;;) {
    wait_while(generation_, seen);
    seen = generation_.load(std::memory_order_acquire);
    if (stop_) return;
    if (!join(joined)) continue;
    drain(*loop_, worker);
    left_.fetch_add(1, std::memory_order_release);
    left_.notify_one();
  }
}

// Runs a loop whose ranges are set.
void ThreadPool::run(Loop& loop) {
  loop_ = &loop;
  left_.store(0, std::memory_order_relaxed);
  const uint32_t generation = generation_.load(std::memory_order_relaxed) + 1;
  ticket_.store(static_cast<uint64_t>(generation) << 32 | kOpen, std::memory_order_release);
  generation_.store(generation, std::memory_order_release);
  generation_.notify_all();
  drain(loop, 0);
  // No more pieces: whoever has not joined yet need not.
  const uint64_t ticket = ticket_.fetch_and(~kOpen, std::memory_order_acq_rel);
  const auto joined = static_cast<uint32_t>(ticket & (kOpen - 1));
  for (uint32_t left; (left = left_.load(std::memory_order_acquire)) != joined;) wait_while(left_, left);
  loop_ = nullptr;
  busy_.store(false, std::memory_order_release);
}

void ThreadPool::parallel_for(int64_t n, int64_t grain, FunctionRef<void(int64_t, int64_t, int)> body) {
  if (n <= 0) return;
  const SubnormalsToZero mode;
  grain = std::max<int64_t>(1, grain);
  if (workers_.empty() || n <= grain || busy_.exchange(true, std::memory_order_acquire)) {
    for (int64_t begin = 0; begin < n; begin += grain) body(begin, std::min(begin + grain, n), 0);
    return;
  }
  Loop loop{n, grain, body};
  const int64_t pieces = (n + grain - 1) / grain;
  for (int64_t i = 0, threads = size(); i < threads; ++i) {
    Range& range = ranges_[static_cast<size_t>(i)];
    range.next.store(pieces * i / threads, std::memory_order_relaxed);
    range.end = pieces * (i + 1) / threads;
  }
  run(loop);
}

void ThreadPool::parallel_tasks(int64_t n, FunctionRef<void(int64_t, int)> body) {
  const SubnormalsToZero mode;
  if (workers_.empty() || n <= 1 || busy_.exchange(true, std::memory_order_acquire)) {
    for (int64_t task = 0; task < n; ++task) body(task, 0);
    return;
  }
  const auto one = [&](int64_t task, int64_t, int worker) { body(task, worker); };
  Loop loop{n, 1, one};
  for (Range& range : ranges_) {
    range.next.store(0, std::memory_order_relaxed);
    range.end = 0;
  }
  ranges_.front().end = n;
  run(loop);
}

}  // namespace qnext
