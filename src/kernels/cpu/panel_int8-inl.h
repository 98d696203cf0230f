// Panels of integer weights times inputs rounded to int8.
#if defined(QNEXT_KERNELS_CPU_PANEL_INT8_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_PANEL_INT8_INL_H_
#undef QNEXT_KERNELS_CPU_PANEL_INT8_INL_H_
#else
#define QNEXT_KERNELS_CPU_PANEL_INT8_INL_H_
#endif

#include "kernels/cpu/activations-inl.h"
#include "kernels/cpu/read_ahead-inl.h"

HWY_BEFORE_NAMESPACE();
#if HWY_TARGET == HWY_AVX3_DL
QNEXT_BEGIN_VNNI
#endif
namespace qnext::cpu::HWY_NAMESPACE {

HWY_INLINE VB broadcast_bytes(const int8_t* p) {
  int32_t four;
  std::memcpy(&four, p, sizeof four);
  return hn::BitCast(DB(), hn::Set(DI(), four));
}

template <class Format>
HWY_INLINE VI dot_word(VI acc, VB w, VB x) {
  if constexpr (Format::kSigned) return dot_signed(acc, w, x);
  return dot_bytes<Format::kVnni>(acc, w, x);
}

// Minus the offset times the sum of the inputs of a block.
template <int kOffset>
HWY_INLINE VI start_of_sum(int32_t sum) {  // -128 times it
  if constexpr (kOffset == 0) return hn::Zero(DI());
  if constexpr (kOffset == 128) return hn::Set(DI(), sum);
  if constexpr (kOffset == 8) return hn::ShiftRight<4>(hn::Set(DI(), sum));
}

// What the products of one input with a group of 32 columns add up to, per row: of each half where the
// halves have scales of their own.
template <class Format>
struct GroupSums {
  VI sums[Format::kHalves ? 2 : 1];
};

// Minus the offset's part, which the products are added to.
template <class Format>
HWY_INLINE GroupSums<Format> start_of_sums(const Int8Rows& x, int64_t at) {
  if constexpr (Format::kHalves) {
    return {{hn::Set(DI(), x.halves[2 * at]), hn::Set(DI(), x.halves[2 * at + 1])}};
  } else {
    return {{start_of_sum<Format::kOffset>(x.sum[at])}};
  }
}

template <class Format>
HWY_INLINE VF add_sums(VF acc, const GroupSums<Format>& s, const typename Format::Open& open, int g,
                       const Int8Rows& x, int64_t at) {
  VF sum = hn::Mul(hn::ConvertTo(DF(), s.sums[0]), Format::scale(open, g));
  if constexpr (Format::kHalves) {
    sum = hn::MulAdd(hn::ConvertTo(DF(), s.sums[1]), Format::scale(open, g, 1), sum);
  }
  acc = hn::MulAdd(sum, set(x.d[at]), acc);
  if constexpr (Format::kMinima) acc = hn::NegMulAdd(Format::minimum(open, g), set(x.d_sum[at]), acc);
  return acc;
}

// Word j of a group times four bytes of each input: one(s, t, weights, input) for every strip and input.
template <class Format, int S, int T, class One>
HWY_INLINE void for_word(const std::byte* const (&main)[S], int g, int j, const int8_t* q, One one) {
  VB words[S];
  HWY_UNROLL(8)
  for (int s = 0; s < S; ++s) words[s] = Format::word(main[s], g, j);
  HWY_UNROLL(8)
  for (int t = 0; t < T; ++t) {
    const VB input = broadcast_bytes(q + 32 * t + 4 * j);
    HWY_UNROLL(8)
    for (int s = 0; s < S; ++s) one(s, t, words[s], input);
  }
}

// Where products are added up in 16 bits first, so many words of them are.
template <class Format>
inline constexpr int kRun = kPairSums && !Format::kVnni ? words_in_a_half<Format::kLargest>() : 1;

// Words [first, first + kRun) of a group: their pairs of products, added up.
template <class Format, int S, int T>
HWY_INLINE void add_pairs(VI (&pairs)[S][T], const std::byte* const (&main)[S], int g, int first,
                          const int8_t* q) {
  HWY_UNROLL(8)
  for (int j = first; j < first + kRun<Format>; ++j) {
    for_word<Format, S, T>(main, g, j, q, [&](int s, int t, VB word, VB input) HWY_ATTR {
      const VI products = pair_products(word, input);
      pairs[s][t] = j == first ? products : add_halves(pairs[s][t], products);
    });
  }
}

// The part of a group of 32 columns.
template <class Format, int S, int T>
HWY_INLINE void add_group(VF (&acc)[S][T], const std::byte* const (&main)[S],
                          const typename Format::Open (&open)[S], int g, const Int8Rows& x, int64_t at) {
  static_assert(!Format::kHalves || kRun<Format> <= 4, "a run is of one half");
  const int8_t* q = x.q + 32 * at;
  GroupSums<Format> sums[S][T];
  VI pairs[S][T];
  if constexpr (kRun<Format> == 8) {
    add_pairs<Format, S, T>(pairs, main, g, 0, q);
  } else {
    HWY_UNROLL(8)
    for (int t = 0; t < T; ++t) {
      HWY_UNROLL(8)
      for (int s = 0; s < S; ++s) sums[s][t] = start_of_sums<Format>(x, at + t);
    }
  }
  HWY_UNROLL(8)
  for (int first = 0; first < 8 && kRun<Format> < 8; first += kRun<Format>) {
    const int half = Format::kHalves ? first / 4 : 0;
    if constexpr (kRun<Format> == 1) {
      for_word<Format, S, T>(main, g, first, q, [&](int s, int t, VB word, VB input) HWY_ATTR {
        VI& sum = sums[s][t].sums[half];
        sum = dot_word<Format>(sum, word, input);
      });
    } else {
      add_pairs<Format, S, T>(pairs, main, g, first, q);
      HWY_UNROLL(8)
      for (int t = 0; t < T; ++t) {
        HWY_UNROLL(8)
        for (int s = 0; s < S; ++s) {
          VI& sum = sums[s][t].sums[half];
          sum = in_order(hn::Add(sum, sum_of_halves(pairs[s][t])));
        }
      }
    }
  }
  HWY_UNROLL(8)
  for (int t = 0; t < T; ++t) {
    HWY_UNROLL(8)
    for (int s = 0; s < S; ++s) {
      if constexpr (kRun<Format> == 8) {
        sums[s][t] = start_of_sums<Format>(x, at + t);
        sums[s][t].sums[0] = hn::Add(sums[s][t].sums[0], sum_of_halves(pairs[s][t]));
      }
      acc[s][t] = add_sums<Format>(acc[s][t], sums[s][t], open[s], g, x, at + t);
    }
  }
}

// The same for a single input, which memory is the limit of: with as little arithmetic as possible.
template <class Format, int S>
HWY_INLINE void add_group_of_one(VF (&acc)[S][1], const std::byte* const (&main)[S],
                                 const typename Format::Open (&open)[S], int g, const Int8Rows& x,
                                 int64_t at) {
  VB inputs[8];
  HWY_UNROLL(8)
  for (int j = 0; j < 8; ++j) inputs[j] = broadcast_bytes(x.q + 32 * at + 4 * j);
  HWY_UNROLL(8)
  for (int s = 0; s < S; ++s) {
    GroupSums<Format> sums = start_of_sums<Format>(x, at);
    const VI first = Format::template products<0>(main[s], g, inputs);
    const VI second = Format::template products<4>(main[s], g, inputs);
    if constexpr (Format::kHalves) {
      sums = {{hn::Add(sums.sums[0], first), hn::Add(sums.sums[1], second)}};
    } else {
      sums = {{hn::Add(hn::Add(sums.sums[0], first), second)}};
    }
    acc[s][0] = add_sums<Format>(acc[s][0], sums, open[s], g, x, at);
  }
}

// Where panels of integer weights lie, one after the other from panel 0 on.
struct Int8Panels {
  const std::byte* data;
  int64_t columns;                  // of blocks
  int64_t front_bytes, main_bytes;  // of a block column, as in PanelFormat

  explicit Int8Panels(const Matrix& w) : data(w.data) {
    const PanelFormat& format = *panel_format(w.dtype);
    columns = w.cols / format.elements;
    front_bytes = format.front_bytes;
    main_bytes = format.main_bytes;
  }
  Int8Panels(const std::byte* at, int64_t count, int64_t bytes)
      : data(at), columns(count), front_bytes(0), main_bytes(bytes) {}
  int64_t bytes() const { return columns * (front_bytes + main_bytes); }
  const std::byte* panel(int64_t i) const { return data + i * bytes(); }
};

// S strips one after the other times a tile of T inputs. Sums of products are integers and exact in any
// order.
template <class Format, int S, int T>
HWY_INLINE void int8_tile(const Int8Panels& w, int64_t first_strip, const Int8Rows& x, float* out,
                          int64_t out_stride, ReadAhead& ahead) {
  const std::byte* panels[S];
  VF acc[S][T];
  HWY_UNROLL(8)
  for (int s = 0; s < S; ++s) {
    panels[s] = w.panel((first_strip + s) / kStrips);
    HWY_UNROLL(8)
    for (int t = 0; t < T; ++t) acc[s][t] = zero();
  }
  const StripsAhead<S> strips_ahead(ahead, panels[0], w.bytes());
  int64_t at = 0;
  for (int64_t c = 0; c < w.columns; ++c) {
    const std::byte* main[S];
    typename Format::Open open[S];
    HWY_UNROLL(8)
    for (int s = 0; s < S; ++s) {
      const int64_t strip = (first_strip + s) % kStrips;
      const std::byte* blocks = panels[s] + w.columns * w.front_bytes + c * w.main_bytes;
      open[s] = Format::open(blocks, panels[s] + c * w.front_bytes, strip);
      main[s] = blocks + 4 * kLanes * strip;
    }
    auto group = [&](int g) HWY_ATTR {
      // By equal steps through the panel, fields in front included.
      constexpr int64_t kStep = Format::kBytes / Format::kGroups;
      strips_ahead.template reading<kStep, (Format::kGroups > 1)>(panels, (c * Format::kGroups + g) * kStep);
      ahead.others(S);
      if constexpr (T == 1 && Format::kVnni) {
        add_group_of_one<Format, S>(acc, main, open, g, x, at + g);
      } else {
        add_group<Format, S, T>(acc, main, open, g, x, at + g * T);
      }
    };
    if constexpr (T == 1 && Format::kVnni) {  // its masks and shifts are to be constants
      HWY_UNROLL(8)
      for (int g = 0; g < Format::kGroups; ++g) group(g);
    } else {
      for (int g = 0; g < Format::kGroups; ++g) group(g);
    }
    at += Format::kGroups * T;
  }
  HWY_UNROLL(8)
  for (int s = 0; s < S; ++s) {
    HWY_UNROLL(8)
    for (int t = 0; t < T; ++t) store(acc[s][t], out + t * out_stride + s * kLanes);
  }
}

}  // namespace qnext::cpu::HWY_NAMESPACE
#if HWY_TARGET == HWY_AVX3_DL
QNEXT_END_VNNI
#endif
HWY_AFTER_NAMESPACE();

#endif
