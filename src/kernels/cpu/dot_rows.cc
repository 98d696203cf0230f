#include "kernels/cpu/targets.h"
//
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/dot_rows.cc"
#include <hwy/foreach_target.h>
//
#include "kernels/cpu/decode-inl.h"
#include "kernels/cpu/dot_rows-inl.h"
#include "kernels/cpu/tile-inl.h"
#include "tensor/block_formats.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {
namespace {

template <class Decoder>
constexpr int64_t elements() {
  return 32 * Decoder::kGroups;
}
template <class Decoder>
HWY_INLINE const typename Decoder::Block* block_at(const std::byte* row, int64_t element) {
  return reinterpret_cast<const typename Decoder::Block*>(row) + element / elements<Decoder>();
}

// The last, cut block of a row of a plain type, with zeros behind it.
template <class Decoder>
HWY_INLINE typename Decoder::Block cut_block(const typename Decoder::Block& block, int64_t count) {
  typename Decoder::Block copy{};
  if constexpr (requires { Decoder::Block::kElementBytes; }) {
    std::memcpy(copy.bytes, block.bytes, static_cast<size_t>(count * Decoder::Block::kElementBytes));
  }
  return copy;
}

// ---- Decoding into float32

template <class Decoder, int G = 0>
HWY_INLINE void decode_block(const typename Decoder::Block& block, const typename Decoder::Open& open,
                             float* out) {
  if constexpr (G < Decoder::kGroups) {
    HWY_UNROLL(8)
    for (int64_t lane = 0; lane < 32; lane += kLanes) {
      store(Decoder::template lanes<G>(block, open, lane), out + 32 * G + lane);
    }
    decode_block<Decoder, G + 1>(block, open, out);
  }
}

// Columns [begin, end) of a row; begin is a multiple of the block. Fills the last group of 32 with zeros.
template <class Decoder>
HWY_INLINE void decode_columns(const std::byte* row, int64_t begin, int64_t end, float scale, float* out) {
  int64_t i = begin;
  for (; i + elements<Decoder>() <= end; i += elements<Decoder>()) {
    const auto& block = *block_at<Decoder>(row, i);
    decode_block<Decoder>(block, Decoder::open(block, scale), out + i);
  }
  if (i < end) {
    const auto block = cut_block<Decoder>(*block_at<Decoder>(row, i), end - i);
    decode_block<Decoder>(block, Decoder::open(block, scale), out + i);
  }
}

// FP8 rows change their scale every scale_cols columns; if that is not in the middle of a group of 32, the
// decoders can follow. Other types have one piece with scale 1.
bool scale_fits(const Matrix& w) { return !w.scale || w.scale_cols % 32 == 0 || w.scale_cols >= w.cols; }
int64_t piece_columns(const Matrix& w) { return w.scale ? w.scale_cols : w.cols; }
float piece_scale(const Matrix& w, int64_t row, int64_t begin) {
  return w.scale ? w.scale_row(row)[begin / w.scale_cols] : 1.0f;
}

void zero_fill(float* out, int64_t cols) { std::fill(out + cols, out + round_up(cols, 32), 0.0f); }

void decode_panel_row(const Matrix& w, int64_t row, float* out) {
  const bool done = scale_fits(w) && visit_decoder(w.dtype, [&](auto decoder) HWY_ATTR {
                      const int64_t piece = piece_columns(w);
                      for (int64_t begin = 0; begin < w.cols; begin += piece) {
                        decode_columns<decltype(decoder)>(w.row(row), begin, std::min(begin + piece, w.cols),
                                                          piece_scale(w, row, begin), out);
                      }
                    });
  if (done) return;
  read_row(w, row, out);
  zero_fill(out, w.cols);
}

// ---- One input: decoding and multiplying at once, so that nothing but the weights moves

template <class Decoder, int R, int G = 0>
HWY_INLINE void dot_block(const typename Decoder::Block* const (&blocks)[R],
                          const typename Decoder::Open (&open)[R], const float* x, VF (&acc)[R]) {
  if constexpr (G < Decoder::kGroups) {
    HWY_UNROLL(8)
    for (int64_t lane = 0; lane < 32; lane += kLanes) {
      const VF vx = load(x + 32 * G + lane);
      HWY_UNROLL(8)
      for (int r = 0; r < R; ++r) {
        acc[r] = hn::MulAdd(Decoder::template lanes<G>(*blocks[r], open[r], lane), vx, acc[r]);
      }
    }
    dot_block<Decoder, R, G + 1>(blocks, open, x, acc);
  }
}

// The cut last block of plain types: only as many vectors as hold columns.
template <class Decoder, int R>
HWY_INLINE void dot_cut_block(const typename Decoder::Block* const (&blocks)[R], const float (&scale)[R],
                              const float* x, int64_t count, VF (&acc)[R]) {
  for (int r = 0; r < R; ++r) {
    const auto block = cut_block<Decoder>(*blocks[r], count);
    const auto open = Decoder::open(block, scale[r]);
    for (int64_t lane = 0; lane < count; lane += kLanes) {
      const VF vx = load(x + lane, count - lane);
      acc[r] = hn::MulAdd(Decoder::template lanes<0>(block, open, lane), vx, acc[r]);
    }
  }
}

template <class Decoder, int R>
HWY_INLINE void dot_columns(const std::byte* const (&rows)[R], int64_t begin, int64_t end,
                            const float (&scale)[R], const float* x, VF (&acc)[R]) {
  const typename Decoder::Block* blocks[R];
  for (int r = 0; r < R; ++r) blocks[r] = block_at<Decoder>(rows[r], begin);
  int64_t i = begin;
  for (; i + elements<Decoder>() <= end; i += elements<Decoder>()) {
    typename Decoder::Open open[R];
    HWY_UNROLL(8)
    for (int r = 0; r < R; ++r) open[r] = Decoder::open(*blocks[r], scale[r]);
    dot_block<Decoder, R>(blocks, open, x + i, acc);
    HWY_UNROLL(8)
    for (int r = 0; r < R; ++r) ++blocks[r];
  }
  if (i < end) dot_cut_block<Decoder, R>(blocks, scale, x + i, end - i, acc);
}

template <class Decoder, int R>
HWY_INLINE void fused_dot(const Matrix& w, int64_t row, const float* x, float* out) {
  const std::byte* rows[R];
  VF acc[R];
  for (int r = 0; r < R; ++r) {
    rows[r] = w.row(row + r);
    acc[r] = zero();
  }
  const int64_t piece = piece_columns(w);
  for (int64_t begin = 0; begin < w.cols; begin += piece) {
    float scale[R];
    for (int r = 0; r < R; ++r) scale[r] = piece_scale(w, row + r, begin);
    dot_columns<Decoder, R>(rows, begin, std::min(begin + piece, w.cols), scale, x, acc);
  }
  for (int r = 0; r < R; ++r) out[r] = sum(acc[r]);
}

template <class Decoder>
void fused_dots(const Matrix& w, int64_t begin, int64_t end, const float* x, float* out) {
  int64_t r = begin;
  for (; r + 4 <= end; r += 4) fused_dot<Decoder, 4>(w, r, x, out + r - begin);
  for (; r < end; ++r) fused_dot<Decoder, 1>(w, r, x, out + r - begin);
}

// ---- Several inputs: a panel of decoded rows at a time

void panel_dots(const Matrix& w, int64_t begin, int64_t end, const Inputs& x, int64_t n, float* out,
                int64_t out_stride, float* panel) {
  const int64_t stride = round_up(w.cols, 32);
  for (int64_t first = begin; first < end; first += kDecodedRows) {
    const int64_t rows = std::min(kDecodedRows, end - first);
    for (int64_t r = 0; r < rows; ++r) decode_panel_row(w, first + r, panel + r * stride);
    for (int64_t t = 0; t < n; t += kTileInputs) {
      const int count = static_cast<int>(std::min<int64_t>(kTileInputs, n - t));
      const float* inputs[kTileInputs];
      for (int i = 0; i < count; ++i) inputs[i] = x[t + i];
      dot_inputs(panel, stride, rows, inputs, count, w.cols, out + t * out_stride + first - begin,
                 out_stride);
    }
  }
}

}  // namespace

void dot_rows(const Matrix& w, int64_t begin, int64_t end, const Inputs& x, int64_t n, float* out,
              int64_t out_stride, float* panel) {
  const bool done = n == 1 && scale_fits(w) && visit_decoder(w.dtype, [&](auto decoder) HWY_ATTR {
                      fused_dots<decltype(decoder)>(w, begin, end, x[0], out);
                    });
  if (!done) panel_dots(w, begin, end, x, n, out, out_stride, panel);
}

void decode_padded(DType dtype, const std::byte* data, int64_t cols, float* out) {
  const bool done = visit_decoder(
      dtype, [&](auto decoder) HWY_ATTR { decode_columns<decltype(decoder)>(data, 0, cols, 1.0f, out); });
  if (done) return;
  dequantize_row(dtype, data, out, cols);
  zero_fill(out, cols);
}

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
