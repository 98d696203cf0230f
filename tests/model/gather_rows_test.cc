// Rows gathered from a matrix with FP8 scale blocks keep their values, whatever order they come in, and share
// scales where they can.
#include <gtest/gtest.h>

#include <numeric>

#include "kernels/matrix.h"
#include "model/weight_reader.h"

namespace qnext {
namespace {

struct Gathered {
  std::vector<int64_t> rows;
  int64_t scale_rows;
};

TEST(GatherRows, ShareTheScalesOfWholeBlocks) {
  constexpr int64_t kRows = 96, kCols = 64;
  auto bytes = std::make_shared<std::vector<uint8_t>>();
  for (int64_t i = 0; i < kRows * kCols; ++i) bytes->push_back(static_cast<uint8_t>(i % 113));
  auto scales = std::make_shared<std::vector<float>>(12);
  std::iota(scales->begin(), scales->end(), 1.0f);
  Matrix m;
  m.dtype = DType::kF8E4M3;
  m.rows = kRows, m.cols = kCols;
  m.data = reinterpret_cast<const std::byte*>(bytes->data());
  m.scale = scales->data();
  m.scale_rows = 32, m.scale_cols = 16;
  m.owner = bytes, m.scale_owner = scales;

  auto run = [](std::vector<int64_t>& rows, int64_t begin, int64_t count) {
    for (int64_t i = 0; i < count; ++i) rows.push_back(begin + i);
  };
  Gathered blocks{{}, 32}, halves{{}, 16}, shifted{{}, 2}, mixed{{5, 40, 6, 95}, 1}, last{{}, 32};
  run(blocks.rows, 64, 32), run(blocks.rows, 0, 32);
  run(halves.rows, 16, 16), run(halves.rows, 48, 32), run(halves.rows, 0, 16);
  run(shifted.rows, 6, 40);
  run(last.rows, 32, 40);  // the last scale row has 8 rows
  for (const Gathered& g : {blocks, halves, shifted, mixed, last}) {
    const Matrix out = gather_rows(m, g.rows);
    EXPECT_EQ(out.scale_rows, g.scale_rows);
    std::vector<float> expected(kCols), got(kCols);
    for (size_t i = 0; i < g.rows.size(); ++i) {
      read_row(m, g.rows[i], expected.data());
      read_row(out, static_cast<int64_t>(i), got.data());
      EXPECT_EQ(got, expected) << "row " << i << " from " << g.rows[i];
    }
  }
}

}  // namespace
}  // namespace qnext
