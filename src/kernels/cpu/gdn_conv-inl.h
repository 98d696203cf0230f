// The causal convolution of Gated DeltaNet: y[t][ch] = silu(sum_j w[ch][j] c[t - K + 1 + j][ch]).
#if defined(QNEXT_KERNELS_CPU_GDN_CONV_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QNEXT_KERNELS_CPU_GDN_CONV_INL_H_
#undef QNEXT_KERNELS_CPU_GDN_CONV_INL_H_
#else
#define QNEXT_KERNELS_CPU_GDN_CONV_INL_H_
#endif

#include "kernels/cpu/gdn_math-inl.h"
#include "kernels/cpu/scratch.h"
#include "kernels/ops.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {

// For up to kGdnChunk tokens of up to `width` neighbouring channels, rounded up to kLanes.
struct ConvScratch {
  ConvScratch(Layout& layout, int64_t kernel, int64_t width) {
    const int64_t stride = round_up(width, kLanes);
    weights = layout.take(kernel * stride);
    columns = layout.take((kernel - 1 + kGdnChunk) * stride);
  }
  float* weights;  // [kernel, channels]: lanes run along channels
  float* columns;  // [kernel - 1 + tokens, channels], the inputs side by side: in the step's rows they lie pages
                   // apart, all in the same sets of the caches
};

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

// One vector of channels with the usual kernel: weights and the last three inputs stay in registers.
HWY_INLINE void convolve4(const float* HWY_RESTRICT weights, const float* HWY_RESTRICT in, int64_t stride,
                          int64_t count, float* HWY_RESTRICT out) {
  const VF w0 = load(weights), w1 = load(weights + stride), w2 = load(weights + 2 * stride),
           w3 = load(weights + 3 * stride);
  VF c0 = load(in), c1 = load(in + stride), c2 = load(in + 2 * stride);
  in += 3 * stride;
  for (int64_t t = 0; t < count; ++t) {
    const VF c3 = load(in + t * stride);
    VF acc = hn::Mul(w0, c0);
    acc = hn::MulAdd(w1, c1, acc);
    acc = hn::MulAdd(w2, c2, acc);
    acc = hn::MulAdd(w3, c3, acc);
    store(bounded_silu(acc), out + t * stride);
    c0 = c1;
    c1 = c2;
    c2 = c3;
  }
}

HWY_INLINE void convolve_any(const float* HWY_RESTRICT weights, const float* HWY_RESTRICT in, int64_t stride,
                             int64_t kernel, int64_t count, float* HWY_RESTRICT out) {
  for (int64_t t = 0; t < count; ++t) {
    VF acc = zero();
    for (int64_t j = 0; j < kernel; ++j) {
      acc = hn::MulAdd(load(weights + j * stride), load(in + (t + j) * stride), acc);
    }
    store(bounded_silu(acc), out + t * stride);
  }
}

// Tokens [first, first + count) of the segment, channels [channel, channel + width). out: [count, width
// rounded up to kLanes], the excess zeros.
HWY_NOINLINE void convolve(const GdnArgs& args, const GdnSegment& segment, int64_t first, int64_t count,
                         int64_t channel, int64_t width, const ConvScratch& s, float* out) {
  const int64_t past = args.conv_kernel - 1, stride = round_up(width, kLanes);
  transpose_weights(args, channel, width, s.weights);
  for (int64_t t = 0; t < past + count; ++t) {
    const float* from = conv_column(args, segment, first + t - past, channel);
    for (int64_t ch = 0; ch < width; ch += kLanes) {
      store(load(from + ch, width - ch), s.columns + t * stride + ch);
    }
  }
  for (int64_t ch = 0; ch < stride; ch += kLanes) {
    if (args.conv_kernel == 4) {
      convolve4(s.weights + ch, s.columns + ch, stride, count, out + ch);
    } else {
      convolve_any(s.weights + ch, s.columns + ch, stride, args.conv_kernel, count, out + ch);
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
