// Attention to a BF16 cache with AMX, whose tiles the panels of the cache are as they lie
// (attention_panels.h): 16 pairs of dimensions of 16 keys, 16 pairs of positions of 16 dimensions.
//
// A score adds 32 dimensions at a time, a sum of values 32 positions at a time, both in rising order.
#if defined(QNEXT_KERNELS_CPU_ATTENTION_AMX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_ATTENTION_AMX_INL_H_
#undef QNEXT_KERNELS_CPU_ATTENTION_AMX_INL_H_
#else
#define QNEXT_KERNELS_CPU_ATTENTION_AMX_INL_H_
#endif

#include "kernels/cpu/attention_bf16-inl.h"

#if HWY_TARGET == HWY_AVX3_DL

HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512bf16,avx512vnni,amx-tile,amx-bf16")
namespace qnext::cpu::HWY_NAMESPACE {

inline constexpr int64_t kAmxQueries = 16;  // of a tile
inline constexpr int64_t kAmxRow = 128;     // bytes from one pair's row of a panel or strip to the next

// Tile registers: 0 and 1 hold sums [queries, 16], 2 queries or weights [queries, 32], 4 and 5 what is in the
// cache [16 pairs, 16, 2].
inline void configure_amx_attention(int64_t queries) {
  struct {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {};
  } layout;
  std::fill_n(layout.rows, 4, static_cast<uint8_t>(queries));
  std::fill_n(layout.rows + 4, 4, uint8_t{16});
  // GCC 12 takes the instruction to read 8 bytes, and leaves out the stores to the others.
  asm volatile("" : : "r"(&layout) : "memory");
  _tile_loadconfig(&layout);
}

class AmxArithmetic : public Bf16Arithmetic {
 public:
  using Bf16Arithmetic::Bf16Arithmetic;
  AmxArithmetic(const AmxArithmetic&) = delete;
  AmxArithmetic& operator=(const AmxArithmetic&) = delete;
  ~AmxArithmetic() {
    if (configured_ > 0) _tile_release();
  }

  void load_queries(const Piece& piece) {
    Bf16Arithmetic::load_queries(piece);
    several_ = true;  // rows of the cache are always packed
  }

  HWY_NOINLINE void score(const BlockRows& keys, DType, int64_t begin, int64_t end, float* out,
                          int64_t stride) {
    for (int64_t j = 0; j < keys.count; j += kKeyPanel) {
      const uint32_t* panel = key_panel(keys, j);
      for (int64_t q = begin; q < end; q += kAmxQueries) {
        configure(std::min(kAmxQueries, end - q));
        score_tile(q_ + q * pairs_, panel,
                   panels_ && q == begin ? ahead_of(keys, j * 4 * pairs_) : BlockAhead(),
                   out + q * stride + j, stride);
      }
    }
  }

  HWY_NOINLINE void sum(const BlockRows& values, int64_t begin, int64_t end, int64_t seen,
                        const void* weights, int64_t stride, float* sums) {
    HWY_ALIGN std::byte seen_only[16 * kAmxRow];
    for (int64_t q = begin; q < end; q += kAmxQueries) {
      configure(std::min(kAmxQueries, end - q));
      for (int64_t i = 0; i < args_.head_dim; i += 32) {
        const auto* strip = reinterpret_cast<const std::byte*>(strips_ + i * (kBlock / 2));
        const std::byte* last = seen % 32 == 0 ? nullptr : copy_seen(strip, seen, seen_only);
        sum_tile(static_cast<const uint32_t*>(weights) + (q - begin) * stride, stride, strip, last, seen,
                 q == begin ? ahead_of(values, i * 2 * kBlock) : BlockAhead(), sums + q * args_.head_dim + i);
      }
    }
  }

 private:
  // It takes as long as a dozen products.
  void configure(int64_t queries) {
    if (queries == configured_) return;
    configure_amx_attention(queries);
    configured_ = queries;
  }

  // A tile of queries times the 32 keys of a panel.
  void score_tile(const uint32_t* q, const uint32_t* panel, BlockAhead ahead, float* out,
                  int64_t stride) const {
    const auto* keys = reinterpret_cast<const std::byte*>(panel);
    _tile_zero(0);
    _tile_zero(1);
    for (int64_t pair = 0; pair < pairs_; pair += 16, keys += 16 * kAmxRow) {
      ahead.ask<16>();
      _tile_loadd(2, q + pair, pairs_ * 4);
      _tile_loadd(4, keys, kAmxRow);
      _tile_dpbf16ps(0, 2, 4);
      ahead.ask<16>();
      _tile_loadd(5, keys + 64, kAmxRow);
      _tile_dpbf16ps(1, 2, 5);
    }
    _tile_stored(0, out, stride * 4);
    _tile_stored(1, out + 16, stride * 4);
  }

  // The 32 positions of a strip that hold the `seen`th, zeros from there on: what a query may not see need
  // not be a number.
  static const std::byte* copy_seen(const std::byte* strip, int64_t seen, std::byte* out) {
    const int64_t first = seen / 32 * 32, pairs = (seen - first) / 2;
    std::memset(out, 0, 16 * kAmxRow);
    std::memcpy(out, strip + first / 2 * kAmxRow, static_cast<size_t>(pairs * kAmxRow));
    if (seen % 2 == 0) return out;
    const std::byte* from = strip + (first / 2 + pairs) * kAmxRow;
    std::byte* to = out + pairs * kAmxRow;
    for (int64_t i = 0; i < kAmxRow; i += 4) std::memcpy(to + i, from + i, 2);
    return out;
  }

  // sums[., 32 dimensions] += weights times the positions of a strip; `last`: instead of its last 32.
  void sum_tile(const uint32_t* weights, int64_t stride, const std::byte* strip, const std::byte* last,
                int64_t seen, BlockAhead ahead, float* sums) const {
    const int64_t width = args_.head_dim * 4;
    _tile_loadd(0, sums, width);
    _tile_loadd(1, sums + 16, width);
    for (int64_t at = 0; at < seen; at += 32) {
      const std::byte* values = last && at + 32 > seen ? last : strip + at / 2 * kAmxRow;
      ahead.ask<16>();
      _tile_loadd(2, weights + at / 2, stride * 4);
      _tile_loadd(4, values, kAmxRow);
      _tile_dpbf16ps(0, 2, 4);
      ahead.ask<16>();
      _tile_loadd(5, values + 64, kAmxRow);
      _tile_dpbf16ps(1, 2, 5);
    }
    _tile_stored(0, sums, width);
    _tile_stored(1, sums + 16, width);
  }

  int64_t configured_ = 0;  // queries of a tile
};

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_POP_ATTRIBUTES

#endif
#endif
