// Panels of weights times tiles of inputs. Lanes are rows of the matrix, so a result is one lane of one
// accumulator that adds its block columns in rising order: it depends neither on the tile nor on the threads.
#include "kernels/cpu/targets.h"
//
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/panel_dots.cc"
#include <hwy/foreach_target.h>
//
#include <type_traits>

#include "base/check.h"
#include "kernels/cpu/activations-inl.h"
#include "kernels/cpu/panel_amx-inl.h"
#include "kernels/cpu/panel_amx_bf16-inl.h"
#include "kernels/cpu/panel_floats-inl.h"
#include "kernels/cpu/panel_in_order-inl.h"
#include "kernels/cpu/panel_unpacked-inl.h"
#include "kernels/cpu/waiting_panels.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {
#if HWY_TARGET == HWY_AVX3_DL
QNEXT_BEGIN_VNNI
#endif
namespace {

// Panels of a matrix times one tile of inputs.
struct Run {
  const Matrix& w;
  int64_t begin, end;  // panels
  float* out;          // [inputs, out_stride], from the first panel's first row on
  int64_t out_stride;
  float* memory;  // panel_floats(w.cols) floats
};

template <int S>
HWY_INLINE void start_reading(const Run& run, const ReadAhead& ahead) {
  const std::byte* first = run.w.panel(run.begin);
  StripsAhead<S>(ahead, first, kPanelRows * run.w.stride()).start(first);
}

// Calls tile(number of strips, first strip, its out) for strips S at a time and those left over one at a
// time.
template <int S, class Tile>
HWY_INLINE void for_strips(const Run& run, const ReadAhead& ahead, Tile tile) {
  const int64_t begin = run.begin * kStrips, end = run.end * kStrips;
  int64_t strip = begin;
  start_reading<S>(run, ahead);
  for (; strip + S <= end; strip += S) {
    tile(std::integral_constant<int, S>(), strip, run.out + (strip - begin) * kLanes);
  }
  if constexpr (kStrips % S != 0) {
    for (; strip < end; ++strip) {
      tile(std::integral_constant<int, 1>(), strip, run.out + (strip - begin) * kLanes);
    }
  }
}

template <class Format, int T>
void int8_run_of(const Run& run, const Int8Rows& x, ReadAhead& ahead) {
  const Int8Panels panels(run.w);
  if constexpr (T == 1 && Format::kGroups == 1) {
    if (reads_in_order(ahead)) {
      const InOrderAhead in_order(ahead);
      auto* scales = reinterpret_cast<std::byte*>(run.memory);
      for (int64_t p = run.begin; p < run.end; ++p) {
        int8_panel_in_order<Format>(panels, p, x, run.out + (p - run.begin) * kPanelRows, scales, in_order);
      }
      return;
    }
  }
  // With one input memory is the limit, which other cores read faster from several places at once.
  constexpr int S = T == 1 && Format::kGroups == 1 ? 4 : 2;
  for_strips<S>(run, ahead, [&](auto strips, int64_t first, float* out) HWY_ATTR {
    int8_tile<Format, strips(), T>(panels, first, x, out, run.out_stride, ahead);
  });
}

template <template <bool> class Format, int T>
void int8_run(const Run& run, const Int8Rows& x, ReadAhead& ahead) {
  if constexpr (kMaybeVnni) {
    if (x.vnni) return int8_run_of<Format<true>, T>(run, x, ahead);
  }
  int8_run_of<Format<kAlwaysVnni>, T>(run, x, ahead);
}

template <class Format, int T>
void float_run(const Run& run, const float* x, ReadAhead& ahead) {
  constexpr int S = T == 1 ? 4 : 2;
  for_strips<S>(run, ahead, [&](auto strips, int64_t first, float* out) HWY_ATTR {
    float_tile<Format, strips(), T>(run.w, first, x, out, run.out_stride, ahead);
  });
}

#if HWY_TARGET == HWY_AVX3_DL
template <int T>
void bf16_run(const Run& run, const uint16_t* x, ReadAhead& ahead) {
  if constexpr (T == 1) {
    if (reads_in_order(ahead)) {
      const InOrderAhead in_order(ahead);
      for (int64_t p = run.begin; p < run.end; ++p) {
        bf16_panel_in_order(run.w, p, x, run.out + (p - run.begin) * kPanelRows, in_order);
      }
      return;
    }
  }
  start_reading<4>(run, ahead);
  bf16_panels<4, T>(run.w, run.begin, run.end, x, run.out, run.out_stride, ahead);
}
#else
// Never called: no other instruction set has these products.
template <int T>
void bf16_run(const Run&, const uint16_t*, ReadAhead&) {}
#endif

template <int T>
void run_tile(const Run& run, const Activations& x, ReadAhead& ahead) {
  switch (run.w.dtype) {
    case DType::kQ8_0:
      return int8_run<PanelQ8_0, T>(run, x.int8, ahead);
    case DType::kQ4_0:
      return int8_run<PanelQ4_0, T>(run, x.int8, ahead);
    case DType::kQ4_K:
      return int8_run<PanelQ4_K, T>(run, x.int8, ahead);
    case DType::kQ5_K:
      return int8_run<PanelQ5_K, T>(run, x.int8, ahead);
    case DType::kQ6_K:
      return int8_run<PanelQ6_K, T>(run, x.int8, ahead);
    case DType::kBF16:
      if (x.bf16) return bf16_run<T>(run, x.bf16, ahead);
      return float_run<PanelBF16, T>(run, x.pairs, ahead);
    case DType::kF8E4M3:
      return float_run<PanelF8, T>(run, x.pairs, ahead);
    default:
      QN_CHECK(false, "a type without panels");
  }
}

template <int T = kTile>
void run_tile_of(int64_t width, const Run& run, const Activations& x, ReadAhead& ahead) {
  if (width == T) return run_tile<T>(run, x, ahead);
  if constexpr (T > 1) run_tile_of<T - 1>(width, run, x, ahead);
}

// So many inputs unpack panels first, instead of every tile of them anew.
constexpr int64_t kUnpackFor = 4 * kTile;

// Inputs [t, n) in tiles, the panels of S strips unpacked for all of them.
template <class Format>
void unpacked_tiles(const Run& run, const Activations& x, int64_t t, int64_t n, const NextWeights& next) {
  constexpr int64_t S = 2, kPanels = std::max<int64_t>(1, S / kStrips);
  using Bytes = Unpacked<Format>;
  static_assert(kPanels * kStrips % S == 0);
  static_assert(kPanels * Bytes::kBytes <= 32 * Format::kGroups * kDecodedRows * int64_t{sizeof(float)});
  auto* bytes = reinterpret_cast<std::byte*>(run.memory);
  const Int8Panels packed(run.w), unpacked(bytes, packed.columns, Bytes::kBytes);
  const int64_t steps = (n - t) / kTile * kPanels * kStrips * (run.w.cols / 32);
  for (int64_t p = run.begin, end; p < run.end; p = end) {
    end = std::min(p + kPanels, run.end);
    const bool whole = end == p + kPanels;  // fewer stay packed
    const std::byte* after = end < run.end ? packed.panel(end) : next.data;
    const int64_t lines = kPanels * packed.bytes() / 64;
    ReadAhead ahead{.next = after, .lines = after ? (lines + steps - 1) / steps : 0};
    for (int64_t i = p; whole && i < end; ++i) unpack<Format>(packed, i, bytes + (i - p) * unpacked.bytes());
    float* out = run.out + (p - run.begin) * kPanelRows;
    for (int64_t at = t, width; at < n; at += width) {
      width = tile_at(at, n, kTile);
      const Activations inputs = x.from(at, run.w.cols, x.rows);
      float* tile = out + at * run.out_stride;
      if (width < kTile || !whole) {
        // Of a last tile, which may use the memory anew.
        run_tile_of(width, {run.w, p, end, tile, run.out_stride, run.memory}, inputs, ahead);
        continue;
      }
      for (int64_t strip = 0; strip < kPanels * kStrips; strip += S) {
        int8_tile<Bytes, S, kTile>(unpacked, strip, inputs.int8, tile + strip * kLanes, run.out_stride,
                                   ahead);
      }
    }
  }
}

template <template <bool> class Format>
void unpacked_tiles(const Run& run, const Activations& x, int64_t t, int64_t n, const NextWeights& next) {
  if constexpr (kMaybeVnni) {
    if (x.int8.vnni) return unpacked_tiles<Format<true>>(run, x, t, n, next);
  }
  unpacked_tiles<Format<kAlwaysVnni>>(run, x, t, n, next);
}

// Inputs [t, n) in tiles.
void run_tiles(Run run, const Activations& x, int64_t t, int64_t n, const NextWeights& next) {
  if (n - t >= kUnpackFor) {
    const DType type = run.w.dtype;
    if (type == DType::kQ4_0) return unpacked_tiles<PanelQ4_0>(run, x, t, n, next);
    if (type == DType::kQ4_K) return unpacked_tiles<PanelQ4_K>(run, x, t, n, next);
    if (type == DType::kQ5_K) return unpacked_tiles<PanelQ5_K>(run, x, t, n, next);
    if (type == DType::kQ6_K) return unpacked_tiles<PanelQ6_K>(run, x, t, n, next);
  }
  const int64_t tile = is_quantised(run.w.dtype) ? kTile : kFloatTile, tiles = (n - t + tile - 1) / tile;
  ReadAhead ahead{.own = true, .in_order = x.in_order, .end = run.w.panel(run.end), .next = next.data};
  // Bringing the next weights is work for several tiles: with few, memory is the limit anyway.
  constexpr int64_t kTiles = 4;
  const int64_t strips = (tiles - 1) * (run.end - run.begin) * kStrips;
  const int64_t steps = std::max<int64_t>(1, strips * (run.w.cols / 32));
  const int64_t lines = tiles < kTiles ? 0 : (next.bytes / 64 + steps - 1) / steps;
  float* out = run.out;
  for (int64_t width; t < n; t += width) {
    width = tile_at(t, n, tile);
    run.out = out + t * run.out_stride;
    run_tile_of(width, run, x.from(t, run.w.cols, x.rows), ahead);
    ahead.own = false;
    ahead.lines = lines;
  }
}

// As many of the inputs as AMX takes: with integer weights those that fill its tiles. Returns how many.
int64_t amx_inputs(const Matrix& w, int64_t begin, int64_t end, const Activations& x, int64_t n, float* out,
                   int64_t out_stride, float* memory) {
  if (w.dtype == DType::kBF16 && x.bf16 && x.bf16_amx) {
    amx_bf16_panels(w, begin, end, x, n, out, out_stride);
    return n;
  }
  const int64_t whole = n / kAmxInputs * kAmxInputs;
  if (!x.int8.amx || whole == 0) return 0;
  switch (w.dtype) {
    case DType::kQ8_0:
      amx_panels<PanelQ8_0<true>>(w, begin, end, x, whole, out, out_stride, memory);
      return whole;
    case DType::kQ4_0:
      amx_panels<PanelQ4_0<true>>(w, begin, end, x, whole, out, out_stride, memory);
      return whole;
    case DType::kQ4_K:
      amx_panels<PanelQ4_K<true>>(w, begin, end, x, whole, out, out_stride, memory);
      return whole;
    case DType::kQ5_K:
      amx_panels<PanelQ5_K<true>>(w, begin, end, x, whole, out, out_stride, memory);
      return whole;
    case DType::kQ6_K:
      amx_panels<PanelQ6_K<true>>(w, begin, end, x, whole, out, out_stride, memory);
      return whole;
    default:
      return 0;
  }
}

// Panels [first, last) of a matrix of which some still wait to be packed.
void dot_waiting(const Matrix& w, int64_t first, int64_t last, const Activations& x, int64_t n, float* out,
                 int64_t out_stride, float* decoded) {
  auto buffer = w.waiting->buffers().borrow();
  Matrix part = w;
  part.waiting = nullptr;
  while (first < last) {
    const auto found = w.waiting->find(first, last, n, buffer.get());
    // So that the panels keep their numbers, by which scales are found.
    part.data = found.data - (w.panel(first) - w.data);
    dot(part, first * kPanelRows, found.last * kPanelRows, x, n, out, out_stride, decoded);
    out += (found.last - first) * kPanelRows;
    first = found.last;
  }
  w.waiting->buffers().give_back(std::move(buffer));
}

}  // namespace
#if HWY_TARGET == HWY_AVX3_DL
QNEXT_END_VNNI
#endif

void dot(const Matrix& w, int64_t begin, int64_t end, const Activations& x, int64_t n, float* out,
         int64_t out_stride, float* decoded, const NextWeights& next) {
  const int64_t panels_end = std::min(end, w.panels() * kPanelRows);
  if (begin < panels_end) {
    const int64_t first = begin / kPanelRows, last = panels_end / kPanelRows;
    if (w.waiting && !w.waiting->done()) return dot_waiting(w, first, last, x, n, out, out_stride, decoded);
    const int64_t done = amx_inputs(w, first, last, x, n, out, out_stride, decoded);
    if (done < n) run_tiles({w, first, last, out, out_stride, decoded}, x, done, n, next);
    out += panels_end - begin;
    begin = panels_end;
  }
  if (begin < end) dot_rows(w, begin, end, x.rows, n, out, out_stride, decoded);
}

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
