// Panels byte by byte, against their definition in tensor/panels.h.
#include "tensor/panels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/random.h"

namespace qnext {
namespace {

const std::vector<DType> kPanelTypes{DType::kBF16, DType::kF8E4M3, DType::kQ8_0, DType::kQ4_0,
                                     DType::kQ4_K, DType::kQ5_K,   DType::kQ6_K};

std::vector<std::byte> random_bytes(int64_t count, uint64_t seed) {
  std::vector<std::byte> bytes(static_cast<size_t>(count));
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(static_cast<int>(random_unit(seed, 1, i) * 256));
  }
  return bytes;
}

// Where byte `byte` of block `column` of row `row` of a panel of `columns` block columns lies.
int64_t place(const PanelFormat& f, int64_t columns, int64_t column, int64_t row, int byte) {
  auto within = [&](std::span<const PanelField> fields) -> int64_t {
    int64_t before = 0;
    for (const PanelField& field : fields) {
      const int at = byte - field.offset;
      if (at >= 0 && at < field.bytes) {
        return before + (at / field.chunk * kPanelRows + row) * field.chunk + at % field.chunk;
      }
      before += field.bytes * kPanelRows;
    }
    return -1;
  };
  if (const int64_t at = within(f.front); at >= 0) return column * f.front_bytes + at;
  return columns * f.front_bytes + column * f.main_bytes + within(f.main);
}

std::vector<std::byte> packed_by_definition(DType dtype, int64_t rows, int64_t cols,
                                            const std::vector<std::byte>& matrix) {
  const PanelFormat& f = *panel_format(dtype);
  const int64_t columns = cols / f.elements, stride = columns * f.bytes;
  std::vector<std::byte> packed = matrix;  // the rows that are left over stay
  for (int64_t r = 0; r < rows / kPanelRows * kPanelRows; ++r) {
    for (int64_t i = 0; i < stride; ++i) {
      const int64_t panel = r / kPanelRows * kPanelRows * stride;
      const int64_t at =
          panel + place(f, columns, i / f.bytes, r % kPanelRows, static_cast<int>(i % f.bytes));
      packed[static_cast<size_t>(at)] = matrix[static_cast<size_t>(r * stride + i)];
    }
  }
  return packed;
}

TEST(Panels, HaveEveryByteInItsPlace) {
  for (DType dtype : kPanelTypes) {
    const int64_t step = panel_format(dtype)->elements;
    for (int64_t columns : {1, 2, 3, 4, 5, 7, 8, 13, 64}) {
      for (int64_t rows : {1, 15, 16, 17, 33, 48, 95}) {
        const int64_t cols = columns * step;
        const std::vector<std::byte> matrix = random_bytes(rows * row_bytes(dtype, cols), 7);
        std::vector<std::byte> packed(matrix.size());
        pack_rows(dtype, rows, cols, matrix.data(), 0, rows / kPanelRows, packed.data());
        ASSERT_TRUE(packed == packed_by_definition(dtype, rows, cols, matrix))
            << info(dtype).name << " [" << rows << ", " << cols << "]";
        std::vector<std::byte> row(static_cast<size_t>(row_bytes(dtype, cols)));
        for (int64_t r = 0; r < rows; ++r) {
          unpack_row(dtype, rows, cols, packed.data(), r, row.data());
          ASSERT_TRUE(std::equal(row.begin(), row.end(), matrix.begin() + r * row_bytes(dtype, cols)))
              << info(dtype).name << " row " << r;
        }
      }
    }
  }
}

// Threads pack parts of one matrix; none may write beyond its own.
TEST(Panels, ArePackedInParts) {
  for (DType dtype : kPanelTypes) {
    const int64_t rows = 75, cols = 3 * panel_format(dtype)->elements, stride = row_bytes(dtype, cols);
    const std::vector<std::byte> matrix = random_bytes(rows * stride, 8);
    const std::vector<std::byte> whole = packed_by_definition(dtype, rows, cols, matrix);
    for (auto [first, last] : std::vector<std::pair<int64_t, int64_t>>{{0, 1}, {1, 3}, {3, 4}}) {
      std::vector<std::byte> packed(matrix.size(), std::byte{0xA5}), expected = packed;
      const int64_t end = last == rows / kPanelRows ? rows : last * kPanelRows;
      std::copy(whole.begin() + first * kPanelRows * stride, whole.begin() + end * stride,
                expected.begin() + first * kPanelRows * stride);
      pack_rows(dtype, rows, cols, matrix.data(), first, last, packed.data());
      EXPECT_TRUE(packed == expected) << info(dtype).name << " panels " << first << " to " << last;
    }
  }
}

// Sources and targets need no alignment, and nothing is read outside the rows.
TEST(Panels, LieAnywhere) {
  for (DType dtype : kPanelTypes) {
    const int64_t cols = 5 * panel_format(dtype)->elements, bytes = kPanelRows * row_bytes(dtype, cols);
    const std::vector<std::byte> matrix = random_bytes(bytes, 9);
    std::vector<std::byte> expected(matrix.size());
    pack_panel(dtype, cols, matrix.data(), expected.data());
    for (size_t shift : {1, 2, 3, 4, 8}) {
      std::vector<std::byte> from(shift), to(matrix.size() + shift);
      from.insert(from.end(), matrix.begin(), matrix.end());
      pack_panel(dtype, cols, from.data() + shift, to.data() + shift);
      EXPECT_TRUE(std::equal(expected.begin(), expected.end(), to.begin() + static_cast<ptrdiff_t>(shift)))
          << info(dtype).name << " at " << shift;
    }
  }
}

}  // namespace
}  // namespace qnext
