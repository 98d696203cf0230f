// Choosing the scale (and offset) of a block so that the weighted squared error of rounding to integers is
// small. The error is not convex in the scale, so a handful of candidate scales is tried; for the integers
// that each gives, the best scale is a least-squares solution, and the winner is polished by alternating the
// two. All sums have one fixed order, so results do not depend on the machine.
#pragma once

#include <cmath>
#include <cstring>

#include "tensor/block_layouts.h"

namespace qnext {

// A block divided by its largest magnitude, so that sums of powers neither overflow nor vanish, with the
// weight of each element's squared error.
template <int N>
struct ScaledBlock {
  alignas(16) float x[N];
  alignas(16) float w[N];
  float peak = 0;  // largest magnitude before division; 0 for a block of zeros
};

// Rounds |v| < 2^22 to the nearest integer, ties to even, by pushing it to where floats are integers: unlike
// std::nearbyint this becomes vector code on any x86-64.
inline float round_near(float v) {
  constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23
  return (v + kMagic) - kMagic;
}

inline float clamp_to(float v, float low, float high) {
  v = v < low ? low : v;
  return v > high ? high : v;
}

// Four running sums that the compiler keeps in one vector register, added in a fixed order at the end.
struct LaneSum {
  float lane[4] = {0, 0, 0, 0};
  float total() const { return (lane[0] + lane[2]) + (lane[1] + lane[3]); }
};

// Copies a block; elements that are not finite become zero.
template <int N>
ScaledBlock<N> scale_block(const float* source) {
  constexpr float kLargest = 3e38f, kSmallest = 1e-30f;
  ScaledBlock<N> block;
  for (int i = 0; i < N; ++i) {
    const float magnitude = std::fabs(source[i]);
    const bool finite = magnitude <= kLargest;  // false for NaN
    block.x[i] = finite ? source[i] : 0.0f;
    block.peak = finite && magnitude > block.peak ? magnitude : block.peak;
  }
  if (block.peak < kSmallest) {  // its reciprocal would overflow; no type's scale reaches so low
    block.peak = 0;
    std::memset(block.x, 0, sizeof(block.x));
    return block;
  }
  const float inverse = 1.0f / block.peak;
  for (int i = 0; i < N; ++i) block.x[i] *= inverse;
  return block;
}

// A scale as it will be read back, in the units of a block that was divided by `peak`.
inline float stored_scale(float scale, float peak, StoredHalf& out) {
  constexpr float kLargestHalf = 65504;
  out.set(clamp_to(scale * peak, -kLargestHalf, kLargestHalf));
  return out.value() / peak;
}

// The same, but of the two neighbours in binary16 the one away from zero. Below 2^-14 these are far apart,
// and a scale that was rounded down cannot reach the largest elements.
inline float stored_scale_above(float scale, float peak, StoredHalf& out) {
  const float nearest = stored_scale(scale, peak, out);
  constexpr int kLargestFinite = 0x7bff;
  const int bits = (out.low | (out.high << 8)) & 0x7fff;
  if (std::fabs(nearest) >= std::fabs(scale) || bits >= kLargestFinite) return nearest;
  const int above = bits + 1;
  out.low = static_cast<uint8_t>(above);
  out.high = static_cast<uint8_t>((above >> 8) | (scale < 0 ? 0x80 : 0));
  return out.value() / peak;
}

// ---- x = d * q with integers q in [kLow, kHigh] ----

// For the integers that an inverse scale gives: what decides the best scale for them.
struct ScaleSums {
  float xq = 0;                                             // sum of w x q
  float qq = 0;                                             // sum of w q^2
  float gain() const { return qq > 0 ? xq * xq / qq : 0; }  // how far the error falls below sum w x^2
  float scale() const { return qq > 0 ? xq / qq : 0; }
};

template <int N, int kLow, int kHigh>
ScaleSums scale_sums(const float* x, const float* w, float inverse) {
  LaneSum xq, qq;
  for (int i = 0; i < N; i += 4) {
    for (int j = 0; j < 4; ++j) {
      const float q = clamp_to(round_near(x[i + j] * inverse), kLow, kHigh);
      const float wq = w[i + j] * q;
      xq.lane[j] += wq * x[i + j];
      qq.lane[j] += wq * q;
    }
  }
  return {xq.total(), qq.total()};
}

// Weighted squared error of x against d*q with q = round(x / d).
template <int N, int kLow, int kHigh>
float scale_error(const float* x, const float* w, float d) {
  const float inverse = d != 0 ? 1.0f / d : 0;
  LaneSum error;
  for (int i = 0; i < N; i += 4) {
    for (int j = 0; j < 4; ++j) {
      const float off = x[i + j] - d * clamp_to(round_near(x[i + j] * inverse), kLow, kHigh);
      error.lane[j] += w[i + j] * off * off;
    }
  }
  return error.total();
}

// The scale with the smallest error found for a block of peak `peak` (in the units of x). Candidates let the
// peak fall on the lowest or highest integer, or up to kClip levels beyond it or one below.
template <int N, int kLow, int kHigh>
float search_scale(const float* x, const float* w, float peak) {
  constexpr float kClip = 1.6f, kStep = 0.1f;
  float best_gain = 0, best_scale = 0;
  auto consider = [&](float inverse) {
    const ScaleSums sums = scale_sums<N, kLow, kHigh>(x, w, inverse);
    if (sums.gain() <= best_gain) return false;
    best_gain = sums.gain();
    best_scale = sums.scale();
    return true;
  };
  const float unit = 1.0f / peak;
  for (float level = -1; level <= kClip; level += kStep) {
    consider((-kLow + level) * unit);
    consider(-(-kLow + level) * unit);
  }
  for (int round = 0; round < 4 && best_scale != 0; ++round) {
    if (!consider(1.0f / best_scale)) break;
  }
  return best_scale;
}

// ---- x = d * q + m with integers q in [0, kHigh] ----

struct AffineFit {
  float scale = 0;
  float offset = 0;
  float error = 0;
};

struct AffineSums {
  float w = 0, x = 0, xx = 0;   // sums of w, w x, w x^2
  float q = 0, qq = 0, xq = 0;  // sums of w q, w q^2, w x q

  // Least squares; with `offset_at_most_zero` an offset above zero is held at zero.
  AffineFit solve(bool offset_at_most_zero) const {
    AffineFit fit;
    const float determinant = w * qq - q * q;
    if (determinant > 0) {
      fit.scale = (w * xq - x * q) / determinant;
      fit.offset = (qq * x - q * xq) / determinant;
    } else {
      fit.offset = w > 0 ? x / w : 0;
    }
    if (offset_at_most_zero && fit.offset > 0) {
      fit.offset = 0;
      fit.scale = qq > 0 ? xq / qq : 0;
    }
    fit.error = xx + fit.scale * (fit.scale * qq - 2 * xq + 2 * fit.offset * q) +
                fit.offset * (fit.offset * w - 2 * x);
    return fit;
  }
};

template <int N>
AffineSums block_sums(const float* x, const float* w) {
  LaneSum sw, sx, sxx;
  for (int i = 0; i < N; i += 4) {
    for (int j = 0; j < 4; ++j) {
      const float wx = w[i + j] * x[i + j];
      sw.lane[j] += w[i + j];
      sx.lane[j] += wx;
      sxx.lane[j] += wx * x[i + j];
    }
  }
  AffineSums sums;
  sums.w = sw.total();
  sums.x = sx.total();
  sums.xx = sxx.total();
  return sums;
}

// Fills q, qq and xq of `sums` for q = round((x - offset) * inverse).
template <int N, int kHigh>
void integer_sums(const float* x, const float* w, float inverse, float offset, AffineSums& sums) {
  LaneSum sq, sqq, sxq;
  for (int i = 0; i < N; i += 4) {
    for (int j = 0; j < 4; ++j) {
      const float q = clamp_to(round_near((x[i + j] - offset) * inverse), 0, kHigh);
      const float wq = w[i + j] * q;
      sq.lane[j] += wq;
      sqq.lane[j] += wq * q;
      sxq.lane[j] += wq * x[i + j];
    }
  }
  sums.q = sq.total();
  sums.qq = sqq.total();
  sums.xq = sxq.total();
}

// Weighted squared error of x against d*q + m with q = round((x - m) / d).
template <int N, int kHigh>
float affine_error(const float* x, const float* w, float d, float m) {
  const float inverse = d != 0 ? 1.0f / d : 0;
  LaneSum error;
  for (int i = 0; i < N; i += 4) {
    for (int j = 0; j < 4; ++j) {
      const float q = clamp_to(round_near((x[i + j] - m) * inverse), 0, kHigh);
      const float off = x[i + j] - (d * q + m);
      error.lane[j] += w[i + j] * off * off;
    }
  }
  return error.total();
}

// The scale and offset with the smallest error found. Candidates spread the range of the block over
// kHigh - 1.5 to kHigh + 1.5 levels.
template <int N, int kHigh>
AffineFit search_affine(const float* x, const float* w, bool offset_at_most_zero) {
  constexpr float kSpread = 1.5f, kStep = 0.1f;
  float low = x[0], high = x[0];
  for (int i = 1; i < N; ++i) {
    low = x[i] < low ? x[i] : low;
    high = x[i] > high ? x[i] : high;
  }
  if (offset_at_most_zero && low > 0) low = 0;
  AffineSums sums = block_sums<N>(x, w);
  AffineFit best;
  best.offset = low;
  best.error = affine_error<N, kHigh>(x, w, 0, low);
  if (high <= low) return best;
  auto consider = [&](float inverse, float offset) {
    integer_sums<N, kHigh>(x, w, inverse, offset, sums);
    const AffineFit fit = sums.solve(offset_at_most_zero);
    if (!(fit.error < best.error && fit.scale > 0)) return false;
    best = fit;
    return true;
  };
  for (float level = -kSpread; level <= kSpread; level += kStep) {
    consider((static_cast<float>(kHigh) + level) / (high - low), low);
  }
  for (int round = 0; round < 4 && best.scale > 0; ++round) {
    if (!consider(1.0f / best.scale, best.offset)) break;
  }
  return best;
}

}  // namespace qnext
