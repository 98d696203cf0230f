#include "kernels/cpu/lay_out.h"

#include <sys/mman.h>

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "kernels/cpu/scratch.h"
#include "kernels/cpu/waiting_panels.h"

namespace qnext::cpu {
namespace {

// Bytes that a thread reads at a time: from a file they are copied first, and stay in the caches until they
// are moved.
constexpr int64_t kPieceBytes = int64_t{1} << 18;
// Bytes of fresh memory that a thread asks for at a time.
constexpr int64_t kFreshBytes = int64_t{16} << 20;

// Panels [first, last) of a matrix and, with the last of all, the rows that are left over.
struct Piece {
  const Matrix* from;
  WeightLayout to;
  int64_t first, last;
  std::byte* memory;  // of the whole matrix

  int64_t offset() const { return first * kPanelRows * from->stride(); }
  int64_t rows() const {
    const int64_t end = last == from->rows / kPanelRows ? from->rows : last * kPanelRows;
    return end - first * kPanelRows;
  }
  int64_t bytes() const { return rows() * from->stride(); }
};

// Matrices of less than a panel have the same bytes in either layout, so they are never moved.
void cut(const Matrix& from, WeightLayout to, std::byte* memory, std::vector<Piece>& pieces) {
  const int64_t panels = from.rows / kPanelRows;
  QN_CHECK(panels > 0, "a matrix without panels to move");
  const int64_t most = std::max<int64_t>(1, kPieceBytes / (kPanelRows * from.stride()));
  for (int64_t first = 0; first < panels; first += most) {
    pieces.push_back({&from, to, first, std::min(first + most, panels), memory});
  }
}

void move(const Piece& piece, Ops::Read read, std::byte* buffer) {
  Matrix part = *piece.from;
  part.rows = piece.rows();
  part.data = read(part.data + piece.offset(), piece.bytes(), buffer);
  std::byte* out = piece.memory + piece.offset();
  if (piece.to == WeightLayout::kPanels) {
    pack_panels(part, 0, part.rows / kPanelRows, out);
  } else {
    for (int64_t i = 0; i < part.rows; ++i) copy_row(part, i, out + i * part.stride());
  }
}

// Has the system find and clear the pages, on all threads. Left to first use, that happens in the middle of
// other work, and twice for pages that two threads touch at a time.
void ask_for_pages(std::byte* memory, int64_t bytes, ThreadPool& pool) {
#ifdef MADV_POPULATE_WRITE
  constexpr int64_t kPage = int64_t{2} << 20;  // memory is aligned to this if it is large
  const int64_t whole = bytes / kPage * kPage;
  if (reinterpret_cast<uintptr_t>(memory) % kPage != 0) return;
  pool.parallel_for(whole, kFreshBytes, [&](int64_t begin, int64_t end, int) {
    // A hint: what an older system refuses is found at first use.
    ::madvise(memory + begin, static_cast<size_t>(end - begin), MADV_POPULATE_WRITE);
  });
#endif
}

}  // namespace

void lay_out(std::span<const Move> moves, ThreadPool& pool, Ops::Read read) {
  int64_t total = 0;
  for (const Move& m : moves) total += round_up(m.matrix->bytes(), 64);
  if (total == 0) return;
  const std::shared_ptr<std::byte> memory = allocate_aligned(total);
  ask_for_pages(memory.get(), total, pool);

  std::vector<Piece> pieces;
  std::vector<std::byte*> places;
  int64_t largest = 0;
  for (std::byte* place = memory.get(); const Move& m : moves) {
    cut(*m.matrix, m.to, place, pieces);
    places.push_back(place);
    place += round_up(m.matrix->bytes(), 64);
  }
  for (const Piece& piece : pieces) largest = std::max(largest, piece.bytes());
  largest = round_up(largest, 64);
  const std::shared_ptr<std::byte> buffers = allocate_aligned(pool.size() * largest);
  pool.parallel_for(static_cast<int64_t>(pieces.size()), 1, [&](int64_t begin, int64_t end, int worker) {
    for (int64_t i = begin; i < end; ++i) {
      move(pieces[static_cast<size_t>(i)], read, buffers.get() + worker * largest);
    }
  });
  for (size_t i = 0; i < moves.size(); ++i) {
    Matrix& m = *moves[i].matrix;
    m.data = places[i];
    m.layout = moves[i].to;
    m.owner = memory;
  }
}

void lay_out_on_use(std::span<Matrix* const> matrices, const std::shared_ptr<const Ops::KeptRead>& read) {
  int64_t total = 0, largest = 0;
  for (const Matrix* m : matrices) {
    total += round_up(m->bytes(), 64);
    largest = std::max(largest, kPanelRows * m->stride());
  }
  if (total == 0) return;
  const std::shared_ptr<std::byte> memory = allocate_aligned(total);
  const auto buffers = std::make_shared<PanelBuffers>(2 * std::max(largest, WaitingPanels::kPieceBytes));
  for (std::byte* place = memory.get(); Matrix * m : matrices) {
    m->waiting = std::make_shared<WaitingPanels>(*m, place, read, buffers);
    m->data = place;
    m->layout = WeightLayout::kPanels;
    m->owner = memory;
    place += round_up(m->bytes(), 64);
  }
}

void finish_laying_out(std::span<Matrix* const> matrices, ThreadPool& pool) {
  struct Part {
    WaitingPanels* panels;
    int64_t first, last;
  };
  std::vector<Part> parts;
  for (const Matrix* m : matrices) {
    if (!m->waiting) continue;
    const int64_t step = m->waiting->panels_at_once();
    for (int64_t first = 0; first < m->panels(); first += step) {
      parts.push_back({m->waiting.get(), first, std::min(first + step, m->panels())});
    }
  }
  pool.parallel_for(static_cast<int64_t>(parts.size()), 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const Part& part = parts[static_cast<size_t>(i)];
      part.panels->finish(part.first, part.last);
    }
  });
  for (Matrix* m : matrices) m->waiting.reset();
}

}  // namespace qnext::cpu
