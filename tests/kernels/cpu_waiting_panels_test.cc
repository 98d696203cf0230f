// Matrices that are packed when they are used: the same bits as of those packed at once, whatever was used
// before, and nothing read more often than twice.
#include <atomic>

#include "kernels/cpu_testing.h"

namespace qnext::testing {
namespace {

class CpuWaitingPanels : public OnEveryIsa {
 protected:
  // Reads through the buffer or where the rows are, by the address.
  std::shared_ptr<const Ops::KeptRead> counted() {
    return std::make_shared<const Ops::KeptRead>(
        [this](const std::byte* data, int64_t bytes, std::byte* buffer) {
          read_ += bytes;
          if ((reinterpret_cast<uintptr_t>(data) / 64) % 2 == 0) return data;
          std::memcpy(buffer, data, static_cast<size_t>(bytes));
          return static_cast<const std::byte*>(buffer);
        });
  }
  std::atomic<int64_t> read_ = 0;
};
QN_ON_EVERY_ISA(CpuWaitingPanels);

TEST_P(CpuWaitingPanels, MultiplyAsThoseThatArePacked) {
  uint64_t seed = 1;
  for (DType dtype : {DType::kBF16, DType::kF8E4M3, DType::kQ8_0, DType::kQ4_0, DType::kQ4_K, DType::kQ6_K}) {
    for (int64_t rows : {16, 37, 272}) {
      Matrix plain = random_matrix(dtype, rows, 768, ++seed);
      if (dtype == DType::kF8E4M3) add_scales(plain, 48, 128, seed);
      const Matrix packed = cpu2->prepare(plain);
      Matrix waiting = plain;
      Matrix* const these[] = {&waiting};
      cpu2->prepare_on_use(these, counted());
      ASSERT_EQ(waiting.waiting != nullptr, rows % kPanelRows == 0);
      if (!waiting.waiting) continue;
      read_ = 0;
      // Once in a buffer, then where they belong; one input more often than that.
      for (int64_t n : {3, 1, 1, 40, 7}) {
        const std::vector<float> x = random_floats(++seed, n * plain.cols);
        std::vector<float> expected(static_cast<size_t>(n * rows)), got(expected.size(), -1.0f);
        cpu2->linear(packed, x.data(), n, expected.data());
        cpu2->linear(waiting, x.data(), n, got.data());
        ASSERT_TRUE(same_bits(got, expected)) << name(dtype) << " rows " << rows << " n " << n;
        EXPECT_LE(read_, 2 * plain.bytes());
      }
      EXPECT_EQ(read_, 2 * plain.bytes());
      for (int64_t r = 0; r < rows; ++r) {
        std::vector<float> expected(static_cast<size_t>(plain.cols)), got(expected.size());
        read_row(plain, r, expected.data());
        read_row(waiting, r, got.data());
        ASSERT_TRUE(same_bits(got, expected)) << name(dtype) << " row " << r;
      }
    }
  }
}

}  // namespace
}  // namespace qnext::testing
