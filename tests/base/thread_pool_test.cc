#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <vector>

namespace qnext {
namespace {

TEST(ThreadPool, VisitsEveryItemOnce) {
  for (int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.size(), threads);
    for (int64_t n : {0, 1, 2, 7, 1000}) {
      for (int64_t grain : {1, 3, 64}) {
        std::vector<std::atomic<int>> seen(static_cast<size_t>(n));
        pool.parallel_for(n, grain, [&](int64_t begin, int64_t end, int worker) {
          EXPECT_LE(end - begin, grain);
          EXPECT_GE(worker, 0);
          EXPECT_LT(worker, threads);
          for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
        });
        for (const auto& count : seen) EXPECT_EQ(count, 1);
      }
    }
  }
}

TEST(ThreadPool, RunsEveryTaskOnce) {
  for (int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    for (int64_t n : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> seen(static_cast<size_t>(n));
      pool.parallel_tasks(n, [&](int64_t task, int worker) {
        EXPECT_GE(worker, 0);
        EXPECT_LT(worker, threads);
        ++seen[static_cast<size_t>(task)];
        // Within a loop that has all threads; a single task has none of them but its own.
        pool.parallel_tasks(2, [&](int64_t, int inner) { EXPECT_TRUE(inner == 0 || n == 1) << inner; });
      });
      for (const auto& count : seen) EXPECT_EQ(count, 1);
    }
  }
}

// So that a result does not depend on which thread computed it.
TEST(ThreadPool, SubnormalResultsAreZeroInBodiesOnly) {
#if !defined(__SSE2__)
  GTEST_SKIP() << "on x86 only";
#endif
  volatile float small = 1e-30f;
  for (int threads : {1, 3}) {
    ThreadPool pool(threads);
    for (int64_t n : {1, 100}) {
      std::vector<float> products(static_cast<size_t>(n), 1.0f);
      pool.parallel_for(
          n, 1, [&](int64_t begin, int64_t, int) { products[static_cast<size_t>(begin)] = small * 1e-10f; });
      for (float product : products) EXPECT_EQ(product, 0.0f);
      EXPECT_GT(small * 1e-10f, 0.0f);
    }
  }
}

TEST(ThreadPool, ManyShortLoops) {
  ThreadPool pool(3);
  std::atomic<int64_t> sum{0};
  for (int loop = 0; loop < 5000; ++loop) {
    pool.parallel_for(6, 1, [&](int64_t begin, int64_t, int) { sum += begin; });
  }
  EXPECT_EQ(sum, 5000 * 15);
}

TEST(ThreadPool, NestedLoopsRunOnTheCallingThread) {
  ThreadPool pool(2);
  std::atomic<int> count{0};
  pool.parallel_for(4, 1, [&](int64_t, int64_t, int) {
    pool.parallel_for(8, 1, [&](int64_t, int64_t, int worker) {
      EXPECT_EQ(worker, 0);
      ++count;
    });
  });
  EXPECT_EQ(count, 32);
}

TEST(ThreadPool, TwoCallersAtOnce) {
  ThreadPool pool(2);
  std::atomic<int> count{0};
  auto caller = [&] {
    for (int i = 0; i < 500; ++i) pool.parallel_for(16, 1, [&](int64_t, int64_t, int) { ++count; });
  };
  std::thread other(caller);
  caller();
  other.join();
  EXPECT_EQ(count, 2 * 500 * 16);
}

}  // namespace
}  // namespace qnext
