// A fixed set of threads that split loops. One loop at a time; the caller's thread takes part.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

namespace qnext {

// A reference to a callable that outlives the call, cheaper than std::function.
template <class Signature>
class FunctionRef;
template <class R, class... Args>
class FunctionRef<R(Args...)> {
 public:
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef>)
      FunctionRef(F&& f)  // NOLINT: implicit on purpose
      : object_(const_cast<void*>(static_cast<const void*>(&f))), call_([](void* object, Args... args) -> R {
          return (*static_cast<std::remove_reference_t<F>*>(object))(static_cast<Args>(args)...);
        }) {}
  R operator()(Args... args) const { return call_(object_, static_cast<Args>(args)...); }

 private:
  void* object_;
  R (*call_)(void*, Args...);
};

class ThreadPool {
 public:
  // `threads` counts the caller's: 1 starts none. 0 means the number of processors this process may use.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls body(begin, end, worker) for disjoint pieces of [0, n), each of at most `grain` items, on all
  // threads; returns when all are done. worker is in [0, size()). Every thread goes through a range of its
  // own in order, so that what it reads of memory lies together, and then helps the others with what is left
  // of theirs; so a body must not let the result depend on which worker ran it. Called from inside a body, or
  // by a second thread while a loop runs, it runs the whole loop on the calling thread with worker 0 of a
  // nested scratch: bodies that index scratch by worker must not nest. In a body, results of float operations
  // that are below the smallest normal number become 0 (subnormals.h), on any thread and in any number of
  // them.
  void parallel_for(int64_t n, int64_t grain, FunctionRef<void(int64_t, int64_t, int)> body);

  // Calls body(task, worker) for every task in [0, n), on all threads: whoever is free takes the next one.
  // For tasks of unequal sizes, the largest first. All else is as in parallel_for.
  void parallel_tasks(int64_t n, FunctionRef<void(int64_t, int)> body);

  static int available_processors();

 private:
  struct Loop;
  void work(int worker);
  bool join(uint32_t& seen);
  void run(Loop& loop);
  void drain(Loop& loop, int worker);

  // The pieces [next, end) that nobody has taken of a thread's own.
  struct alignas(64) Range {
    std::atomic<int64_t> next{0};
    int64_t end = 0;
  };

  std::vector<std::thread> workers_;
  std::vector<Range> ranges_;            // [size()], of the newest loop
  std::atomic<uint32_t> generation_{0};  // of the newest loop; what idle workers wait on
  // The newest loop's generation << 32, kOpen while workers may join it, and how many have. A worker that
  // comes late, because its processor was busy with something else, finds the loop closed and is not waited
  // for.
  static constexpr uint64_t kOpen = 1u << 31;
  std::atomic<uint64_t> ticket_{0};
  std::atomic<uint32_t> left_{0};  // how many have joined the loop and left it
  std::atomic<bool> busy_{false};
  std::atomic<bool> stop_{false};
  Loop* loop_ = nullptr;
};

}  // namespace qnext
