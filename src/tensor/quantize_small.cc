// Encoding the types with blocks of 32: one scale, or a scale and an offset, for each block.
#include <array>

#include "tensor/block_encoders.h"
#include "tensor/scale_search.h"

namespace qnext {
namespace {

using Block32 = ScaledBlock<32>;

void set_weights(Block32& block) {
  for (float& w : block.w) w = 1;
}

// Of the two binary16 neighbours of a scale the one with the smaller error.
template <class Error>
float better_stored_scale(float wanted, float peak, StoredHalf& out, Error error) {
  StoredHalf out_above;
  const float nearest = stored_scale(wanted, peak, out), above = stored_scale_above(wanted, peak, out_above);
  if (above == nearest || error(nearest) <= error(above)) return nearest;
  out = out_above;
  return above;
}

template <int kLow, int kHigh>
void round_to_scale(const Block32& block, float d, int q[32]) {
  const float inverse = d != 0 ? 1.0f / d : 0;
  for (int i = 0; i < 32; ++i)
    q[i] = static_cast<int>(clamp_to(round_near(block.x[i] * inverse), kLow, kHigh));
}

template <int kLow, int kHigh>
void quantise_symmetric(const float* x, StoredHalf& d, int q[32]) {
  Block32 block = scale_block<32>(x);
  if (block.peak == 0) {
    d.set(0);
    std::memset(q, 0, 32 * sizeof(int));
    return;
  }
  set_weights(block);
  const float wanted = search_scale<32, kLow, kHigh>(block.x, block.w, 1.0f);
  const auto error = [&](float scale) { return scale_error<32, kLow, kHigh>(block.x, block.w, scale); };
  round_to_scale<kLow, kHigh>(block, better_stored_scale(wanted, block.peak, d, error), q);
}

template <int kHigh>
void quantise_affine(const float* x, StoredHalf& d, StoredHalf& m, int q[32]) {
  Block32 block = scale_block<32>(x);
  std::memset(q, 0, 32 * sizeof(int));
  d.set(0);
  m.set(0);
  if (block.peak == 0) return;
  set_weights(block);
  const AffineFit fit = search_affine<32, kHigh>(block.x, block.w, false);
  const float offset = stored_scale(fit.offset, block.peak, m);
  const auto error = [&](float scale) { return affine_error<32, kHigh>(block.x, block.w, scale, offset); };
  const float scale = better_stored_scale(fit.scale, block.peak, d, error);
  const float inverse = scale != 0 ? 1.0f / scale : 0;
  for (int i = 0; i < 32; ++i)
    q[i] = static_cast<int>(clamp_to(round_near((block.x[i] - offset) * inverse), 0, kHigh));
}

void pack_nibbles(const int q[32], uint8_t qs[16]) {
  for (int j = 0; j < 16; ++j) qs[j] = static_cast<uint8_t>((q[j] & 15) | ((q[j + 16] & 15) << 4));
}

void pack_fifth_bits(const int q[32], uint8_t qh[4]) {
  std::memset(qh, 0, 4);
  for (int e = 0; e < 32; ++e) qh[e / 8] = static_cast<uint8_t>(qh[e / 8] | (((q[e] >> 4) & 1) << (e % 8)));
}

// Nearest entry of kIq4Values for values in units of half: the midpoints between entries are multiples of
// 1/2.
struct NearestIq4 {
  static constexpr int kLow = -127, kHigh = 113;
  std::array<uint8_t, 2 * (kHigh - kLow) + 1> index{};
  constexpr NearestIq4() {
    for (int twice = 2 * kLow; twice <= 2 * kHigh; ++twice) {
      int best = 0;
      for (int k = 1; k < 16; ++k) {
        const int a = twice - 2 * kIq4Values[best], b = twice - 2 * kIq4Values[k];
        if (b * b < a * a) best = k;
      }
      index[twice - 2 * kLow] = static_cast<uint8_t>(best);
    }
  }
  int operator()(float value) const {
    const float twice = round_near(2 * clamp_to(value, kLow, kHigh));
    return index[static_cast<int>(twice) - 2 * kLow];
  }
};
constexpr NearestIq4 kNearestIq4;

ScaleSums iq4_sums(const Block32& block, float inverse) {
  ScaleSums sums;
  for (int i = 0; i < 32; ++i) {
    const float q = kIq4Values[kNearestIq4(block.x[i] * inverse)];
    sums.xq += block.w[i] * q * block.x[i];
    sums.qq += block.w[i] * q * q;
  }
  return sums;
}

float search_iq4_scale(const Block32& block) {
  float best_gain = 0, best_scale = 0;
  auto consider = [&](float inverse) {
    const ScaleSums sums = iq4_sums(block, inverse);
    if (sums.gain() <= best_gain) return false;
    best_gain = sums.gain();
    best_scale = sums.scale();
    return true;
  };
  for (float level = 84; level <= 150; level += 3) {  // where the peak falls; the table ends at -127 and 113
    consider(level);
    consider(-level);
  }
  for (int round = 0; round < 4 && best_scale != 0; ++round) {
    if (!consider(1.0f / best_scale)) break;
  }
  return best_scale;
}

}  // namespace

void encode(const float* x, BlockQ8_0& block) {
  int q[32];
  quantise_symmetric<-127, 127>(x, block.d, q);
  for (int i = 0; i < 32; ++i) block.q[i] = static_cast<int8_t>(q[i]);
}

void encode(const float* x, BlockQ4_0& block) {
  int q[32];
  quantise_symmetric<-8, 7>(x, block.d, q);
  for (int& v : q) v += 8;
  pack_nibbles(q, block.qs);
}

void encode(const float* x, BlockQ5_0& block) {
  int q[32];
  quantise_symmetric<-16, 15>(x, block.d, q);
  for (int& v : q) v += 16;
  pack_nibbles(q, block.qs);
  pack_fifth_bits(q, block.qh);
}

void encode(const float* x, BlockQ4_1& block) {
  int q[32];
  quantise_affine<15>(x, block.d, block.m, q);
  pack_nibbles(q, block.qs);
}

void encode(const float* x, BlockQ5_1& block) {
  int q[32];
  quantise_affine<31>(x, block.d, block.m, q);
  pack_nibbles(q, block.qs);
  pack_fifth_bits(q, block.qh);
}

void encode(const float* x, BlockIQ4_NL& block) {
  Block32 scaled = scale_block<32>(x);
  float d = 0;
  block.d.set(0);
  if (scaled.peak > 0) {
    set_weights(scaled);
    d = stored_scale(search_iq4_scale(scaled), scaled.peak, block.d);
  }
  const float inverse = d != 0 ? 1.0f / d : 0;
  int q[32];
  for (int i = 0; i < 32; ++i) q[i] = kNearestIq4(scaled.x[i] * inverse);
  pack_nibbles(q, block.qs);
}

}  // namespace qnext
