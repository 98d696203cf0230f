// The causal convolution of Gated DeltaNet: y[t][ch] = silu(sum_j w[ch][j] c[t - K + 1 + j][ch]).
#if defined(QNEXT_KERNELS_CPU_GDN_CONV_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_GDN_CONV_INL_H_
#undef QNEXT_KERNELS_CPU_GDN_CONV_INL_H_
#else
#define QNEXT_KERNELS_CPU_GDN_CONV_INL_H_
#endif

#include <algorithm>

#include "kernels/cpu/gdn_math-inl.h"
#include "kernels/cpu/scratch.h"
#include "kernels/ops.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {

// The inputs at token t >= -(K - 1) of the segment, from `channel` on.
inline const float* conv_column(const GdnArgs& args, const GdnSegment& segment, int64_t t, int64_t channel) {
  const int64_t channels = args.channels();
  return channel + (t < 0 ? segment.conv + (t + args.conv_kernel - 1) * channels
                          : args.qkv + (segment.row + t) * channels);
}

// Weights of the channels [channel, channel + width), zeros up to a multiple of kLanes.
HWY_INLINE void transpose_weights(const GdnArgs& args, int64_t channel, int64_t width, float* out) {
  const int64_t kernel = args.conv_kernel;
  const int64_t stride = round_up(width, kLanes);
  const float* w = args.conv_weight + channel * kernel;
  int64_t ch = 0;
  if (kernel == 4) {
    for (; ch + kLanes <= width; ch += kLanes) {
      VF w0, w1, w2, w3;
      hn::LoadInterleaved4(DF(), w + ch * 4, w0, w1, w2, w3);
      store(w0, out + ch);
      store(w1, out + stride + ch);
      store(w2, out + 2 * stride + ch);
      store(w3, out + 3 * stride + ch);
    }
  }
  for (; ch < stride; ++ch) {
    for (int64_t j = 0; j < kernel; ++j) out[j * stride + ch] = ch < width ? w[ch * kernel + j] : 0.0f;
  }
}

// Tokens taken together: with the three before them their rows, which may all fall into the same sets of the
// first cache, fit its ways.
inline constexpr int64_t kConvTokens = 8;

// `count` <= kConvTokens tokens with the usual kernel: one vector of channels after the other, whose weights
// and last three inputs stay in registers. rows: of the three columns before, then of the tokens'.
HWY_INLINE void convolve4(const float* const* rows, int64_t count, int64_t width, const float* weights,
                          float* out) {
  const int64_t stride = round_up(width, kLanes);
  for (int64_t ch = 0; ch < width; ch += kLanes) {
    const int64_t left = width - ch;
    const float* w = weights + ch;
    const VF w0 = load(w), w1 = load(w + stride), w2 = load(w + 2 * stride), w3 = load(w + 3 * stride);
    VF c0 = load(rows[0] + ch, left), c1 = load(rows[1] + ch, left), c2 = load(rows[2] + ch, left);
    for (int64_t t = 0; t < count; ++t) {
      const VF c3 = load(rows[t + 3] + ch, left);
      VF acc = hn::Mul(w0, c0);
      acc = hn::MulAdd(w1, c1, acc);
      acc = hn::MulAdd(w2, c2, acc);
      acc = hn::MulAdd(w3, c3, acc);
      store(bounded_silu(acc), out + t * stride + ch);
      c0 = c1;
      c1 = c2;
      c2 = c3;
    }
  }
}

// Tokens [first, first + count) of the segment, channels [channel, channel + width). out: [count, width
// rounded up to kLanes], the excess zeros. weights: room for the channels' weights.
HWY_NOINLINE void convolve(const GdnArgs& args, const GdnSegment& segment, int64_t first, int64_t count,
                           int64_t channel, int64_t width, float* weights, float* out) {
  const int64_t kernel = args.conv_kernel, past = kernel - 1, stride = round_up(width, kLanes);
  transpose_weights(args, channel, width, weights);
  if (kernel == 4) {
    for (int64_t t = 0; t < count; t += kConvTokens) {
      const int64_t tokens = std::min(kConvTokens, count - t);
      const float* rows[kConvTokens + 3];
      for (int64_t j = 0; j < tokens + 3; ++j)
        rows[j] = conv_column(args, segment, first + t + j - 3, channel);
      convolve4(rows, tokens, width, weights, out + t * stride);
    }
    return;
  }
  for (int64_t t = 0; t < count; ++t) {
    for (int64_t ch = 0; ch < width; ch += kLanes) {
      VF acc = zero();
      for (int64_t j = 0; j < kernel; ++j) {
        const float* column = conv_column(args, segment, first + t + j - past, channel);
        acc = hn::MulAdd(load(weights + j * stride + ch), load(column + ch, width - ch), acc);
      }
      store(bounded_silu(acc), out + t * stride + ch);
    }
  }
}

// The last K - 1 columns of the channels become the segment's history. Rows move towards the front only.
inline void keep_history(const GdnArgs& args, const GdnSegment& segment, int64_t channel, int64_t width) {
  const int64_t past = args.conv_kernel - 1;
  for (int64_t j = 0; j < past; ++j) {
    const float* from = conv_column(args, segment, segment.count - past + j, channel);
    std::copy(from, from + width, segment.conv + j * args.channels() + channel);
  }
}

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
