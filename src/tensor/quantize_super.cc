// Encoding the types with blocks of 256, whose sub-blocks have integer scales.
//
// First each sub-block gets the real scale (and minimum) that suits it best; these are rounded to integers in
// units of the block's own d (and dmin). Then, because rounding moved every sub-block off its optimum, the
// integers are improved against the error they really give, and d and dmin are fitted again to all of them.
#include <cmath>
#include <cstring>

#include "tensor/block_encoders.h"
#include "tensor/scale_search.h"

namespace qnext {
namespace {

using Block256 = ScaledBlock<256>;

void set_weights(Block256& block) {
  for (float& w : block.w) w = 1;
}

int nearest_integer(float value, int low, int high) {
  return static_cast<int>(round_near(clamp_to(value, static_cast<float>(low), static_cast<float>(high))));
}

constexpr int kRounds = 2;  // of improving integers and fitting d

// ---- Q4_K and Q5_K: eight sub-blocks of 32, w = d s q - dmin m ----

struct AffineBlock {
  float d = 0, dmin = 0;  // as stored, in the units of the scaled block
  int scale[8] = {}, min[8] = {};
  float error[8] = {};
  float total() const {
    float sum = 0;
    for (float e : error) sum += e;
    return sum;
  }
};

template <int kHigh>
float error_of(const Block256& block, const AffineBlock& fit, int b, int scale, int min) {
  return affine_error<32, kHigh>(block.x + 32 * b, block.w + 32 * b, fit.d * static_cast<float>(scale),
                                 -fit.dmin * static_cast<float>(min));
}

// The integers of sub-block b: neighbours of the present scale, each with the minimum that least squares asks
// for and that one's neighbours.
template <int kHigh>
void improve_integers(const Block256& block, AffineBlock& fit, int b) {
  const float* x = block.x + 32 * b;
  const float* w = block.w + 32 * b;
  AffineSums sums = block_sums<32>(x, w);
  int best_scale = fit.scale[b], best_min = fit.min[b];
  float best = error_of<kHigh>(block, fit, b, best_scale, best_min);
  for (int scale = fit.scale[b] - 1; scale <= fit.scale[b] + 1; ++scale) {
    if (scale < 1 || scale > 63) continue;
    const float d = fit.d * static_cast<float>(scale);
    int min = fit.min[b];
    if (fit.dmin > 0) {
      integer_sums<32, kHigh>(x, w, d > 0 ? 1.0f / d : 0, -fit.dmin * static_cast<float>(min), sums);
      const float wanted = (d * sums.q - sums.x) / sums.w / fit.dmin;
      min = nearest_integer(wanted, 0, 63);
    }
    for (int near : {min, fit.min[b]}) {
      const float error = error_of<kHigh>(block, fit, b, scale, near);
      if (error < best) {
        best = error;
        best_scale = scale;
        best_min = near;
      }
    }
  }
  fit.scale[b] = best_scale;
  fit.min[b] = best_min;
  fit.error[b] = best;
}

// Least squares for d and dmin with all integers held, or the present ones when there is no solution.
template <int kHigh>
void solve_scales(const Block256& block, const AffineBlock& fit, float& d, float& dmin) {
  float aa = 0, ab = 0, bb = 0, ax = 0, bx = 0;  // a = s q, b = -m
  for (int b = 0; b < 8; ++b) {
    const float s = static_cast<float>(fit.scale[b]), m = -static_cast<float>(fit.min[b]);
    const float scale = fit.d * s;
    AffineSums sums = block_sums<32>(block.x + 32 * b, block.w + 32 * b);
    integer_sums<32, kHigh>(block.x + 32 * b, block.w + 32 * b, scale != 0 ? 1.0f / scale : 0, fit.dmin * m,
                            sums);
    aa += s * s * sums.qq;
    ab += s * m * sums.q;
    bb += m * m * sums.w;
    ax += s * sums.xq;
    bx += m * sums.x;
  }
  const float determinant = aa * bb - ab * ab;
  d = fit.d;
  dmin = fit.dmin;
  if (determinant > 1e-6f * aa * bb) {
    d = (bb * ax - ab * bx) / determinant;
    dmin = (aa * bx - ab * ax) / determinant;
  } else if (aa > 0 && bb == 0) {
    d = ax / aa;
  }
}

template <int kHigh>
AffineBlock fit_affine_block(const Block256& block, StoredHalf& d, StoredHalf& dmin) {
  AffineFit real[8];
  float most_scale = 0, most_min = 0;
  for (int b = 0; b < 8; ++b) {
    real[b] = search_affine<32, kHigh>(block.x + 32 * b, block.w + 32 * b, true);
    most_scale = std::fmax(most_scale, real[b].scale);
    most_min = std::fmax(most_min, -real[b].offset);
  }
  AffineBlock fit;
  for (const auto store : {stored_scale, stored_scale_above}) {
    AffineBlock start;
    StoredHalf start_d, start_dmin;
    start.d = store(most_scale / 63, block.peak, start_d);
    start.dmin = store(most_min / 63, block.peak, start_dmin);
    for (int b = 0; b < 8; ++b) {
      if (start.d > 0) start.scale[b] = nearest_integer(real[b].scale / start.d, 0, 63);
      if (start.dmin > 0) start.min[b] = nearest_integer(-real[b].offset / start.dmin, 0, 63);
      improve_integers<kHigh>(block, start, b);
    }
    if (store != stored_scale && start.total() >= fit.total()) continue;
    fit = start;
    d = start_d;
    dmin = start_dmin;
  }
  for (int round = 0; round < kRounds; ++round) {
    AffineBlock next = fit;
    StoredHalf next_d, next_dmin;
    float wanted_d, wanted_dmin;
    solve_scales<kHigh>(block, fit, wanted_d, wanted_dmin);
    next.d = stored_scale(wanted_d, block.peak, next_d);
    next.dmin = stored_scale(wanted_dmin, block.peak, next_dmin);
    if (!(next.d > 0 && next.dmin >= 0)) break;
    for (int b = 0; b < 8; ++b) improve_integers<kHigh>(block, next, b);
    if (!(next.total() < fit.total())) break;
    fit = next;
    d = next_d;
    dmin = next_dmin;
  }
  return fit;
}

// The inverse of unpack_scale_min().
void pack_scale_min(const AffineBlock& fit, uint8_t packed[12]) {
  std::memset(packed, 0, 12);
  for (int i = 0; i < 4; ++i) {
    packed[i] = static_cast<uint8_t>(fit.scale[i] | ((fit.scale[i + 4] >> 4) << 6));
    packed[i + 4] = static_cast<uint8_t>(fit.min[i] | ((fit.min[i + 4] >> 4) << 6));
    packed[i + 8] = static_cast<uint8_t>((fit.scale[i + 4] & 15) | ((fit.min[i + 4] & 15) << 4));
  }
}

// Quantises to integers 0..kHigh in q and writes everything but them.
template <int kHigh, class Block>
void quantise_affine(const float* x, Block& out, int q[256]) {
  std::memset(&out, 0, sizeof(out));
  std::memset(q, 0, 256 * sizeof(int));
  Block256 block = scale_block<256>(x);
  if (block.peak == 0) return;
  set_weights(block);
  const AffineBlock fit = fit_affine_block<kHigh>(block, out.d, out.dmin);
  pack_scale_min(fit, out.scales);
  for (int i = 0; i < 256; ++i) {
    const float d = fit.d * static_cast<float>(fit.scale[i / 32]);
    const float m = fit.dmin * static_cast<float>(fit.min[i / 32]);
    q[i] = d != 0 ? nearest_integer((block.x[i] + m) / d, 0, kHigh) : 0;
  }
}

// ---- Q6_K: sixteen sub-blocks of 16, w = d s (q - 32) ----

struct SymmetricBlock {
  float d = 0;
  int scale[16] = {};
  float error[16] = {};
  float total() const {
    float sum = 0;
    for (float e : error) sum += e;
    return sum;
  }
};

void improve_integers(const Block256& block, SymmetricBlock& fit, int b) {
  const auto error_of = [&](int scale) {
    return scale_error<16, -32, 31>(block.x + 16 * b, block.w + 16 * b, fit.d * static_cast<float>(scale));
  };
  const int start = fit.scale[b];
  fit.error[b] = error_of(start);
  for (int scale : {start - 1, start + 1}) {
    if (scale < -128 || scale > 127) continue;
    const float error = error_of(scale);
    if (error < fit.error[b]) {
      fit.error[b] = error;
      fit.scale[b] = scale;
    }
  }
}

float solve_scale(const Block256& block, const SymmetricBlock& fit) {
  float aa = 0, ax = 0;  // a = s q
  for (int b = 0; b < 16; ++b) {
    const float s = static_cast<float>(fit.scale[b]), scale = fit.d * s;
    if (scale == 0) continue;
    const ScaleSums sums = scale_sums<16, -32, 31>(block.x + 16 * b, block.w + 16 * b, 1.0f / scale);
    aa += s * s * sums.qq;
    ax += s * sums.xq;
  }
  return aa > 0 ? ax / aa : fit.d;
}

SymmetricBlock fit_symmetric_block(const Block256& block, StoredHalf& d) {
  float real[16], most = 0;
  for (int b = 0; b < 16; ++b) {
    float peak = 0;
    for (int i = 0; i < 16; ++i) peak = std::fmax(peak, std::fabs(block.x[16 * b + i]));
    real[b] = peak > 0 ? search_scale<16, -32, 31>(block.x + 16 * b, block.w + 16 * b, peak) : 0;
    if (std::fabs(real[b]) > std::fabs(most)) most = real[b];
  }
  SymmetricBlock fit;
  for (const auto store : {stored_scale, stored_scale_above}) {
    SymmetricBlock start;
    StoredHalf start_d;
    start.d = store(most / -128, block.peak, start_d);  // the largest scale becomes -128
    for (int b = 0; b < 16; ++b) {
      if (start.d != 0) start.scale[b] = nearest_integer(real[b] / start.d, -128, 127);
      improve_integers(block, start, b);
    }
    if (store != stored_scale && start.total() >= fit.total()) continue;
    fit = start;
    d = start_d;
  }
  for (int round = 0; round < kRounds; ++round) {
    SymmetricBlock next = fit;
    StoredHalf next_d;
    next.d = stored_scale(solve_scale(block, fit), block.peak, next_d);
    if (next.d == 0) break;
    for (int b = 0; b < 16; ++b) improve_integers(block, next, b);
    if (!(next.total() < fit.total())) break;
    fit = next;
    d = next_d;
  }
  return fit;
}

}  // namespace

void encode(const float* x, BlockQ4_K& block) {
  int q[256];
  quantise_affine<15>(x, block, q);
  for (int run = 0; run < 4; ++run) {
    for (int l = 0; l < 32; ++l)
      block.qs[32 * run + l] = static_cast<uint8_t>(q[64 * run + l] | (q[64 * run + 32 + l] << 4));
  }
}

void encode(const float* x, BlockQ5_K& block) {
  int q[256];
  quantise_affine<31>(x, block, q);
  for (int run = 0; run < 4; ++run) {
    for (int l = 0; l < 32; ++l) {
      const int low = q[64 * run + l], high = q[64 * run + 32 + l];
      block.qs[32 * run + l] = static_cast<uint8_t>((low & 15) | ((high & 15) << 4));
      block.qh[l] =
          static_cast<uint8_t>(block.qh[l] | ((low >> 4) << (2 * run)) | ((high >> 4) << (2 * run + 1)));
    }
  }
}

void encode(const float* x, BlockQ6_K& block) {
  std::memset(&block, 0, sizeof(block));
  Block256 scaled = scale_block<256>(x);
  SymmetricBlock fit;
  if (scaled.peak > 0) {
    set_weights(scaled);
    fit = fit_symmetric_block(scaled, block.d);
  }
  for (int b = 0; b < 16; ++b) block.scales[b] = static_cast<int8_t>(fit.scale[b]);
  for (int i = 0; i < 256; ++i) {
    const float d = fit.d * static_cast<float>(fit.scale[i / 16]);
    const int q = 32 + (d != 0 ? nearest_integer(scaled.x[i] / d, -32, 31) : 0);
    const int half = i / 128, k = i % 128 / 32, lane = i % 32;
    uint8_t& low = block.ql[64 * half + 32 * (k % 2) + lane];
    uint8_t& high = block.qh[32 * half + lane];
    low = static_cast<uint8_t>(low | ((q & 15) << (4 * (k / 2))));
    high = static_cast<uint8_t>(high | ((q >> 4) << (2 * k)));
  }
}

}  // namespace qnext
