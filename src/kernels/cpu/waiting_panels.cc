#include "kernels/cpu/waiting_panels.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "kernels/cpu/scratch.h"

namespace qnext::cpu {

std::shared_ptr<std::byte> PanelBuffers::borrow() {
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      auto buffer = std::move(free_.back());
      free_.pop_back();
      return buffer;
    }
  }
  return allocate_aligned(bytes_);
}

void PanelBuffers::give_back(std::shared_ptr<std::byte> buffer) {
  const std::lock_guard lock(mutex_);
  free_.push_back(std::move(buffer));
}

WaitingPanels::WaitingPanels(const Matrix& rows, std::byte* memory, std::shared_ptr<const Ops::KeptRead> read,
                             std::shared_ptr<PanelBuffers> buffers)
    : rows_(rows),
      memory_(memory),
      read_(std::move(read)),
      buffers_(std::move(buffers)),
      panel_bytes_(kPanelRows * rows.stride()),
      at_once_(std::max<int64_t>(1, kPieceBytes / panel_bytes_)),
      states_(static_cast<size_t>(rows.rows / kPanelRows), kUnused),
      left_(rows.rows / kPanelRows) {
  QN_CHECK(rows.rows % kPanelRows == 0 && rows.layout == WeightLayout::kRows, "not rows of whole panels");
  QN_CHECK(2 * at_once_ * panel_bytes_ <= buffers_->bytes(), "buffers too small");
}

// The buffer's second half has room for the rows.
void WaitingPanels::pack(int64_t first, int64_t last, std::byte* buffer, std::byte* out) const {
  Matrix part = rows_;
  part.rows = (last - first) * kPanelRows;
  part.data = (*read_)(rows_.data + first * panel_bytes_, (last - first) * panel_bytes_,
                       buffer + buffers_->bytes() / 2);
  pack_panels(part, 0, last - first, out);
}

WaitingPanels::Found WaitingPanels::find(int64_t first, int64_t last, int64_t n, std::byte* buffer) {
  // With so many inputs a product takes longer than packing.
  constexpr int64_t kMany = 32;
  State* const states = states_.data();
  const State state = states[first];
  const auto end_of_run = [&](int64_t most) {
    const int64_t end = std::min(last, most);
    return std::find_if(states + first, states + end, [&](State s) { return s != state; }) - states;
  };
  if (state == kPacked) return {memory_ + first * panel_bytes_, end_of_run(last)};
  last = end_of_run(first + at_once_);
  const bool keep = state == kUsed || n >= kMany;
  std::byte* const out = keep ? memory_ + first * panel_bytes_ : buffer;
  pack(first, last, buffer, out);
  std::fill(states + first, states + last, keep ? kPacked : kUsed);
  if (keep) left_.fetch_sub(last - first, std::memory_order_acq_rel);
  return {out, last};
}

void WaitingPanels::finish(int64_t first, int64_t last) {
  auto buffer = buffers_->borrow();
  while (first < last) first = find(first, last, INT64_MAX, buffer.get()).last;
  buffers_->give_back(std::move(buffer));
}

}  // namespace qnext::cpu
