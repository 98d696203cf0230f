// Inputs of a matrix product in the forms that panels of weights (tensor/panels.h) are multiplied with.
//
// Inputs are cut into tiles of a few; a tile of T inputs holds T times the same piece of a row one after the
// other, so that a kernel that keeps T sums in registers reads it from front to back. Where a tile
// starts and how wide it is depends on the number of inputs only through tile_at(), and no input's form
// depends on the tile it is in.
#if defined(QNEXT_KERNELS_CPU_ACTIVATIONS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_ACTIVATIONS_INL_H_
#undef QNEXT_KERNELS_CPU_ACTIVATIONS_INL_H_
#else
#define QNEXT_KERNELS_CPU_ACTIVATIONS_INL_H_
#endif

#include "kernels/cpu/dot_rows-inl.h"
#include "kernels/cpu/simd-inl.h"
#include "kernels/cpu/waiting_panels.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {

// So many inputs times two vectors of rows or more: of the shapes tried, the fastest. Sums of float32 stay in
// registers for all of a row, those of integers for 32 columns.
inline constexpr int64_t kTile = 6, kFloatTile = kManyRegisters ? 6 : 4;
// Whole tiles of any kind end at its multiples.
inline constexpr int64_t kTileRun = 48;
inline constexpr int64_t kAmxInputs = 16;

// The width of the tile that starts at input t of n; t is the end of an earlier tile or 0. Tiles are `widest`
// inputs wide as long as there are so many, and those after them `tile`.
HWY_INLINE int64_t tile_at(int64_t t, int64_t n, int64_t tile, int64_t widest) {
  return n - t >= widest ? widest : std::min(n - t, tile);
}
HWY_INLINE int64_t tile_at(int64_t t, int64_t n, int64_t tile) { return tile_at(t, n, tile, tile); }

// Rows rounded to integers in blocks of 32: x = d q with q = round(x / d) in -127 ... 127 and d = max |x| /
// 127. A block with a NaN or an infinity has a NaN as its d. Tile t lies at q + t * cols, d + t * blocks, ...
struct Int8Rows {
  int8_t* q = nullptr;        // [blocks, T, 32]
  float* d = nullptr;         // [blocks, T]
  float* d_sum = nullptr;     // [blocks, T], d times the sum of q
  int32_t* sum = nullptr;     // [blocks, T], -128 times the sum of q
  int32_t* halves = nullptr;  // [blocks, T, 2], -32 times the sum of either half of q
  bool amx = false;           // whether to multiply with AMX, in tiles of kAmxInputs
  bool vnni = false;          // whether the machine has AVX-VNNI

  int64_t widest() const { return amx ? kAmxInputs : kTile; }
};

// The columns of a row in BF16 for AMX: tiles of up to kAmxInputs, [columns / 32, T, 32], zeros after the
// last of `cols`.
HWY_INLINE int64_t amx_columns(int64_t cols) { return round_up(cols, 32); }

// What the matrices of an operation want beside plain rows.
struct Forms {
  explicit Forms(const Workspace& workspace)
      : round_to_bf16(workspace.round_to_bf16),
        amx(workspace.amx),
        vnni(workspace.vnni),
        in_order(workspace.in_order) {}
  void add(const Matrix& w);

  bool round_to_bf16, amx, vnni, in_order;
  bool int8 = false, pairs = false, bf16 = false;
};

struct Activations {
  Inputs rows{};
  Int8Rows int8{};
  float* pairs = nullptr;    // float32, tile t at pairs + t * cols: [cols / 2, T, 2]
  uint16_t* bf16 = nullptr;  // the same rounded to BF16, or with AMX as amx_columns() says
  bool bf16_amx = false;
  bool in_order = false;  // whether a single input reads weights in order

  // The same from input `begin` of `cols` columns on, where a run of tiles begins.
  Activations from(int64_t begin, int64_t cols, const Inputs& inputs) const;
};

// Takes the memory for n inputs.
Activations lay_out_activations(Layout& layout, const Forms& forms, int64_t n, int64_t cols);
// Fills the tiles of inputs [begin, end) of x.rows; begin is a multiple of kTileRun, end is one or the last.
void pack_activations(const Activations& x, const Forms& forms, int64_t begin, int64_t end, int64_t cols);

// Weights that will be wanted next: brought to the caches meanwhile.
struct NextWeights {
  const std::byte* data = nullptr;
  int64_t bytes = 0;

  NextWeights() = default;
  // Rows [begin, end) of w, from a panel's first on. None while they wait to be packed.
  NextWeights(const Matrix& w, int64_t begin, int64_t end) {
    if (w.waiting && !w.waiting->done()) return;
    data = w.data + begin * w.stride();
    bytes = (end - begin) * w.stride();
  }
};

// dot_rows() for any layout of w. [begin, end) starts at a multiple of kPanelRows and ends at one or at the
// last row.
void dot(const Matrix& w, int64_t begin, int64_t end, const Activations& x, int64_t n, float* out,
         int64_t out_stride, float* decoded, const NextWeights& next = {});

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
