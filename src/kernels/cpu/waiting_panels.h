// Panels that are packed when they are used, so that a model answers before all of it was moved: a prompt of
// a few tokens wants a part of the experts only, and clearing fresh memory costs more than packing.
//
// What a product uses for the first time, and with few inputs, is packed in a buffer that stays in the
// caches, and forgotten; what is used again, or with many inputs, is packed where it belongs. So whatever is
// computed, is computed from the same panels in the same order.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "kernels/matrix.h"
#include "kernels/ops.h"

namespace qnext::cpu {

// Memory that threads borrow for the length of a product. Of all matrices of a model together.
class PanelBuffers {
 public:
  explicit PanelBuffers(int64_t bytes) : bytes_(bytes) {}
  int64_t bytes() const { return bytes_; }  // of each
  std::shared_ptr<std::byte> borrow();
  void give_back(std::shared_ptr<std::byte> buffer);

 private:
  int64_t bytes_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<std::byte>> free_;
};

class WaitingPanels {
 public:
  // Bytes of rows that are packed at a time, if a panel is not larger.
  static constexpr int64_t kPieceBytes = int64_t{1} << 18;

  // rows: a matrix of whole panels, in rows. Its panels belong at `memory`, of as many bytes, which another
  // keeps alive, as both keep `rows`. Buffers hold two pieces.
  WaitingPanels(const Matrix& rows, std::byte* memory, std::shared_ptr<const Ops::KeptRead> read,
                std::shared_ptr<PanelBuffers> buffers);

  // Every panel is where it belongs.
  bool done() const { return left_.load(std::memory_order_acquire) == 0; }

  // The first of panels [first, last), and those after it that could be found in one go, for a product with
  // n inputs. Valid as long as `buffer` is not used again. One thread at a time for a panel.
  struct Found {
    const std::byte* data;
    int64_t last;
  };
  Found find(int64_t first, int64_t last, int64_t n, std::byte* buffer);
  // All panels of [first, last) where they belong. A buffer is borrowed for it.
  void finish(int64_t first, int64_t last);

  PanelBuffers& buffers() { return *buffers_; }
  int64_t panels_at_once() const { return at_once_; }

 private:
  enum State : uint8_t { kUnused, kUsed, kPacked };

  void pack(int64_t first, int64_t last, std::byte* buffer, std::byte* out) const;

  Matrix rows_;
  std::byte* memory_;
  std::shared_ptr<const Ops::KeptRead> read_;
  std::shared_ptr<PanelBuffers> buffers_;
  int64_t panel_bytes_, at_once_;
  std::vector<State> states_;
  std::atomic<int64_t> left_;
};

}  // namespace qnext::cpu
