#include "tensor/panels.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace qnext {
namespace {

// Byte offsets are those of block_layouts.h.
constexpr PanelField kPlainMain[] = {{0, 4, 4}};
constexpr PanelField kQ8_0Main[] = {{2, 32, 4}}, kQ4_0Main[] = {{2, 16, 4}};
constexpr PanelField kSmallFront[] = {{0, 2, 2}};
constexpr PanelField kQ4_KMain[] = {{16, 128, 4}, {4, 12, 4}, {0, 2, 2}, {2, 2, 2}};
constexpr PanelField kQ5_KMain[] = {{48, 128, 4}, {16, 32, 4}, {4, 12, 4}, {0, 2, 2}, {2, 2, 2}};
constexpr PanelField kQ6_KMain[] = {{0, 128, 4}, {128, 64, 4}, {192, 16, 1}};
constexpr PanelField kQ6_KFront[] = {{208, 2, 2}};

constexpr int bytes_of(std::span<const PanelField> fields) {
  int bytes = 0;
  for (const PanelField& f : fields) bytes += f.bytes;
  return bytes * static_cast<int>(kPanelRows);
}
constexpr PanelFormat format(int elements, std::span<const PanelField> main,
                             std::span<const PanelField> front) {
  const int main_bytes = bytes_of(main), front_bytes = bytes_of(front);
  return {elements,   (main_bytes + front_bytes) / static_cast<int>(kPanelRows), main, front, main_bytes,
          front_bytes};
}

constexpr PanelFormat kBF16 = format(2, kPlainMain, {});
constexpr PanelFormat kF8 = format(4, kPlainMain, {});
constexpr PanelFormat kQ8_0 = format(32, kQ8_0Main, kSmallFront);
constexpr PanelFormat kQ4_0 = format(32, kQ4_0Main, kSmallFront);
constexpr PanelFormat kQ4_K = format(256, kQ4_KMain, {});
constexpr PanelFormat kQ5_K = format(256, kQ5_KMain, {});
constexpr PanelFormat kQ6_K = format(256, kQ6_KMain, kQ6_KFront);

// Chunks of T of the 16 rows, turned in registers of 16 bytes, which every machine has: rows are read and
// panels written in whole registers.
template <class T>
using Register [[gnu::vector_size(16)]] = T;
template <class T>
inline constexpr int kLanes = 16 / static_cast<int>(sizeof(T));

// a0 b0 a1 b1 ... of the lower or upper halves of two registers.
template <class T, int kFrom, size_t... kLane>
Register<T> zip(Register<T> a, Register<T> b, std::index_sequence<kLane...>) {
  return __builtin_shufflevector(a, b, (kFrom + kLane / 2 + kLane % 2 * kLanes<T>)...);
}

// As many registers as each has lanes: register i becomes lane i of all of them. Each round of zips doubles
// the run of rows that lie side by side.
template <class T>
void transpose(Register<T> (&r)[kLanes<T>]) {
  constexpr int n = kLanes<T>;
  constexpr std::make_index_sequence<n> kAll;
  for (int run = 1; run < n; run *= 2) {
    Register<T> next[n];
    for (int i = 0; i < n / 2; ++i) {
      next[2 * i] = zip<T, 0>(r[i], r[i + n / 2], kAll);
      next[2 * i + 1] = zip<T, n / 2>(r[i], r[i + n / 2], kAll);
    }
    std::copy(next, next + n, r);
  }
}

// kBytes bytes of each row, a multiple of 16. A few rows at a time: those of a power of two bytes compete for
// the same few places of the cache.
template <class T, int kBytes>
void interleave_registers(const std::byte* rows, int64_t stride, std::byte* out) {
  constexpr int n = kLanes<T>;
  constexpr auto size = static_cast<int64_t>(sizeof(T));
  for (int64_t row = 0; row < kPanelRows; row += n) {
    for (int64_t c = 0; c < kBytes; c += 16) {
      Register<T> r[n];
      for (int i = 0; i < n; ++i) std::memcpy(&r[i], rows + (row + i) * stride + c, 16);
      transpose<T>(r);
      std::byte* chunk = out + c * kPanelRows + row * size;
      for (int i = 0; i < n; ++i, chunk += kPanelRows * size) std::memcpy(chunk, &r[i], 16);
    }
  }
}

template <class T>
void interleave(const std::byte* rows, int64_t stride, int64_t bytes, std::byte* out) {
  int64_t c = 0;
  for (; c + 64 <= bytes; c += 64) interleave_registers<T, 64>(rows + c, stride, out + c * kPanelRows);
  for (; c + 16 <= bytes; c += 16) interleave_registers<T, 16>(rows + c, stride, out + c * kPanelRows);
  for (out += c * kPanelRows; c < bytes; c += static_cast<int64_t>(sizeof(T))) {
    for (int64_t r = 0; r < kPanelRows; ++r, out += sizeof(T)) {
      std::memcpy(out, rows + r * stride + c, sizeof(T));
    }
  }
}

// The fields of one block column, from the 16 blocks that lie `stride` bytes apart.
void interleave_fields(std::span<const PanelField> fields, const std::byte* blocks, int64_t stride,
                       std::byte* out) {
  for (const PanelField& f : fields) {
    const std::byte* from = blocks + f.offset;
    if (f.chunk == 4) interleave<uint32_t>(from, stride, f.bytes, out);
    if (f.chunk == 2) interleave<uint16_t>(from, stride, f.bytes, out);
    if (f.chunk == 1) interleave<uint8_t>(from, stride, f.bytes, out);
    out += f.bytes * kPanelRows;
  }
}

void extract_fields(std::span<const PanelField> fields, const std::byte* column, int64_t row,
                    std::byte* block) {
  for (const PanelField& f : fields) {
    for (int c = 0; c < f.bytes; c += f.chunk) {
      std::memcpy(block + f.offset + c, column + c * kPanelRows + row * f.chunk,
                  static_cast<size_t>(f.chunk));
    }
    column += f.bytes * kPanelRows;
  }
}

}  // namespace

const PanelFormat* panel_format(DType dtype) {
  switch (dtype) {
    case DType::kBF16:
      return &kBF16;
    case DType::kF8E4M3:
      return &kF8;
    case DType::kQ8_0:
      return &kQ8_0;
    case DType::kQ4_0:
      return &kQ4_0;
    case DType::kQ4_K:
      return &kQ4_K;
    case DType::kQ5_K:
      return &kQ5_K;
    case DType::kQ6_K:
      return &kQ6_K;
    default:
      return nullptr;
  }
}

bool fits_panels(DType dtype, int64_t cols) {
  const PanelFormat* f = panel_format(dtype);
  return f && cols > 0 && cols % f->elements == 0;
}

void pack_panel(DType dtype, int64_t cols, const std::byte* rows, std::byte* panel) {
  QN_CHECK(fits_panels(dtype, cols), "a matrix whose rows do not fit panels");
  const PanelFormat& f = *panel_format(dtype);
  const int64_t columns = cols / f.elements, stride = columns * f.bytes;
  // Blocks of a single chunk, those of plain elements, follow each other as the chunks of one field.
  if (f.main.front().chunk == f.bytes) return interleave<uint32_t>(rows, stride, stride, panel);
  std::byte* main = panel + columns * f.front_bytes;
  for (int64_t c = 0; c < columns; ++c) {
    interleave_fields(f.main, rows + c * f.bytes, stride, main + c * f.main_bytes);
    interleave_fields(f.front, rows + c * f.bytes, stride, panel + c * f.front_bytes);
  }
}

void pack_rows(DType dtype, int64_t rows, int64_t cols, const std::byte* matrix, int64_t first, int64_t last,
               std::byte* packed) {
  const int64_t stride = row_bytes(dtype, cols), bytes = kPanelRows * stride, panels = rows / kPanelRows;
  for (int64_t p = first; p < last; ++p) pack_panel(dtype, cols, matrix + p * bytes, packed + p * bytes);
  if (last == panels) {
    std::memcpy(packed + panels * bytes, matrix + panels * bytes,
                static_cast<size_t>(rows % kPanelRows * stride));
  }
}

void unpack_row(DType dtype, int64_t rows, int64_t cols, const std::byte* packed, int64_t row,
                std::byte* out) {
  const int64_t stride = row_bytes(dtype, cols), panel = row / kPanelRows;
  if (panel < rows / kPanelRows) {
    unpack_panel_row(dtype, cols, packed + panel * kPanelRows * stride, row % kPanelRows, out);
  } else {
    std::memcpy(out, packed + row * stride, static_cast<size_t>(stride));
  }
}

void unpack_panel_row(DType dtype, int64_t cols, const std::byte* panel, int64_t row, std::byte* out) {
  QN_CHECK(fits_panels(dtype, cols), "a matrix whose rows do not fit panels");
  const PanelFormat& f = *panel_format(dtype);
  const int64_t columns = cols / f.elements;
  const std::byte* main = panel + columns * f.front_bytes;
  for (int64_t c = 0; c < columns; ++c, out += f.bytes) {
    extract_fields(f.main, main + c * f.main_bytes, row, out);
    extract_fields(f.front, panel + c * f.front_bytes, row, out);
  }
}

}  // namespace qnext
