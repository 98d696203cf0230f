#include "kernels/peak.h"

#include <gtest/gtest.h>

#include "base/thread_pool.h"
#include "kernels/ops.h"

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

TEST(PeakTest, ALowerInstructionSetHasItsOwnInstructions) {
  ThreadPool pool(1);
  const auto isas = cpu_isas();
  const Peaks lowest = measure_peaks(pool, isas.back());
  EXPECT_FALSE(lowest.f32.instruction.empty());
  if (isas.size() > 1) EXPECT_NE(lowest.f32.instruction, measure_peaks(pool).f32.instruction);
}

}  // namespace
}  // namespace qnext::test
