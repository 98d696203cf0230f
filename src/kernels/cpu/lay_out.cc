#include "kernels/cpu/lay_out.h"

#include <algorithm>
#include <vector>

#include "base/check.h"

namespace qnext::cpu {
namespace {

// Bytes that a thread moves at a time: enough that system calls for their pages cost little, small enough
// that the threads end together and few pages of the file are held.
constexpr int64_t kPieceBytes = int64_t{1} << 20;

// Panels [first, last) of a matrix and, with the last of all, the rows that are left over.
struct Piece {
  const Matrix* from;
  WeightLayout to;
  int64_t first, last;
  std::byte* memory;  // of the whole matrix

  int64_t first_row() const { return first * kPanelRows; }
  int64_t last_row() const { return last == from->rows / kPanelRows ? from->rows : last * kPanelRows; }
};

// Matrices of less than a panel have the same bytes in either layout, so they are never moved.
void cut(const Matrix& from, WeightLayout to, std::byte* memory, std::vector<Piece>& pieces) {
  const int64_t panels = from.rows / kPanelRows;
  const int64_t most = std::max<int64_t>(1, kPieceBytes / (kPanelRows * from.stride()));
  QN_CHECK(panels > 0, "a matrix without panels to move");
  for (int64_t first = 0; first < panels; first += most) {
    pieces.push_back({&from, to, first, std::min(first + most, panels), memory});
  }
}

void move(const Piece& piece) {
  const Matrix& from = *piece.from;
  if (piece.to == WeightLayout::kPanels) {
    pack_panels(from, piece.first, piece.last, piece.memory);
  } else {
    for (int64_t i = piece.first_row(); i < piece.last_row(); ++i) {
      copy_row(from, i, piece.memory + i * from.stride());
    }
  }
}

}  // namespace

void lay_out(std::span<const Move> moves, WeightArena& arena, ThreadPool& pool, Ops::Release release) {
  std::vector<Matrix> moved;
  moved.reserve(moves.size());
  std::vector<Piece> pieces;
  for (const Move& m : moves) {
    Matrix to = *m.matrix;
    std::byte* memory = arena.take(to.bytes(), to.owner);
    to.data = memory;
    to.layout = m.to;
    cut(*m.matrix, m.to, memory, pieces);
    moved.push_back(std::move(to));
  }
  pool.parallel_for(static_cast<int64_t>(pieces.size()), 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const Piece& piece = pieces[static_cast<size_t>(i)];
      move(piece);
      const int64_t stride = piece.from->stride();
      release(piece.from->data + piece.first_row() * stride, (piece.last_row() - piece.first_row()) * stride);
    }
  });
  for (size_t i = 0; i < moves.size(); ++i) *moves[i].matrix = std::move(moved[i]);
}

}  // namespace qnext::cpu
