#include "kernels/peak.h"

#include <gtest/gtest.h>

#include "base/thread_pool.h"

namespace qnext::test {
namespace {

TEST(PeakTest, AMachineComputes) {
  ThreadPool pool(2);
  const Peaks peaks = measure_peaks(pool);
  EXPECT_GT(peaks.f32.gflops, 0.1);
  EXPECT_FALSE(peaks.f32.instruction.empty());
  for (const Peak& peak : {peaks.f32, peaks.bf16, peaks.int8}) {
    EXPECT_EQ(peak.instruction.empty(), peak.gflops == 0);
    EXPECT_LT(peak.gflops, 1e6);  // a loop that the compiler took away would be faster
  }
}

}  // namespace
}  // namespace qnext::test
