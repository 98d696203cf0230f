// Weights in panels of 16 rows: the order in which the CPU's kernels read them.
//
// A panel holds the blocks of 16 consecutive rows of a matrix, block column after block column, and within a
// block column each field of the 16 blocks interleaved in chunks: chunk c of row 0, of row 1, ... of row 15,
// then chunk c + 1. With chunks of 4 bytes, one vector register (of any width up to 64 bytes) holds 4
// consecutive bytes of as many rows as it has 32-bit lanes, which is what an instruction that sums four byte
// products per lane wants. Fields that would break the alignment to 64 bytes (the scales of Q8_0, Q4_0 and
// Q6_K) lie before the other fields of the whole panel, in front, so that reading ahead finds them too.
//
// Nothing is added or lost: 16 rows take as many bytes as before, and the rows that do not fill a panel
// follow the last panel as they were. So the layout can be undone, and can lie in a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tensor/dtype.h"

namespace qnext {

inline constexpr int64_t kPanelRows = 16;

struct PanelField {
  int offset, bytes;  // within a block
  int chunk;
};

struct PanelFormat {
  int elements;                      // of a block, as panels cut a row: a block of the type, or so many plain
                                     // elements as fill 4 bytes
  int bytes;                         // of such a block
  std::span<const PanelField> main;  // block column by block column
  std::span<const PanelField> front;  // before the first block column's main fields
  int main_bytes;                     // of a block column: 16 times the bytes of the main fields
  int front_bytes;
};

// Null for types that have no such layout.
const PanelFormat* panel_format(DType dtype);
// Whether rows of so many columns can lie in panels.
bool fits_panels(DType dtype, int64_t cols);

// A matrix of `rows` rows: panels [first, last) of it, and with the last panel the rows that are left over.
void pack_rows(DType dtype, int64_t rows, int64_t cols, const std::byte* matrix, int64_t first, int64_t last,
               std::byte* packed);
// Row `row` of such a matrix, as it was: row_bytes(dtype, cols) bytes.
void unpack_row(DType dtype, int64_t rows, int64_t cols, const std::byte* packed, int64_t row,
                std::byte* out);

// 16 rows of `row_bytes(dtype, cols)` bytes each, one after the other, and their panel of as many bytes. The
// two do not overlap.
void pack_panel(DType dtype, int64_t cols, const std::byte* rows, std::byte* panel);
// Row `row` of a panel, as it was.
void unpack_panel_row(DType dtype, int64_t cols, const std::byte* panel, int64_t row, std::byte* out);

}  // namespace qnext
