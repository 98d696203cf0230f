// Gated DeltaNet: causal convolution, then per value head the gates, the delta rule and the gated norm.
#include "kernels/cpu/targets.h"
//
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/gdn.cc"
#include <hwy/foreach_target.h>
//
#include "kernels/cpu/delta_rule-inl.h"
#include "kernels/cpu/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {
namespace {

// ---- Convolution: y[t][ch] = silu(sum_j w[ch][j] c[t - K + 1 + j][ch])

constexpr int64_t kChannels = 256;  // in one piece of work

struct ConvScratch {
  ConvScratch(float* memory, int64_t kernel) : layout(memory) {
    weights = layout.take(kernel * kChannels);
    history = layout.take((kernel - 1) * kChannels);
  }
  Layout layout;
  float* weights;  // [kernel, kChannels]
  float* history;  // [kernel - 1, kChannels], the next one
};

// Channels [begin, begin + width) of the weights, so that lanes can run along channels.
void transpose_weights(const GdnArgs& args, int64_t begin, int64_t width, float* out) {
  const int64_t kernel = args.conv_kernel;
  const float* w = args.conv_weight + begin * kernel;
  int64_t ch = 0;
  if (kernel == 4) {
    for (; ch + kLanes <= width; ch += kLanes) {
      VF w0, w1, w2, w3;
      hn::LoadInterleaved4(DF(), w + ch * 4, w0, w1, w2, w3);
      store(w0, out + ch);
      store(w1, out + kChannels + ch);
      store(w2, out + 2 * kChannels + ch);
      store(w3, out + 3 * kChannels + ch);
    }
  }
  for (; ch < width; ++ch) {
    for (int64_t j = 0; j < kernel; ++j) out[j * kChannels + ch] = w[ch * kernel + j];
  }
}

// The column of inputs at token t >= -(K - 1) of the segment.
const float* column(const GdnArgs& args, const GdnSegment& segment, int64_t t) {
  const int64_t channels = args.channels();
  return t < 0 ? segment.conv + (t + args.conv_kernel - 1) * channels
               : args.qkv + (segment.row + t) * channels;
}

void convolve(const GdnArgs& args, const GdnSegment& segment, int64_t begin, int64_t width,
              const ConvScratch& s, float* y) {
  const int64_t kernel = args.conv_kernel, past = kernel - 1, channels = args.channels();
  transpose_weights(args, begin, width, s.weights);
  for (int64_t t = 0; t < segment.count; ++t) {
    float* out = y + (segment.row + t) * channels + begin;
    for (int64_t ch = 0; ch < width; ch += kLanes) {
      const int64_t left = width - ch;
      VF acc = zero();
      for (int64_t j = 0; j < kernel; ++j) {
        const VF w = load(s.weights + j * kChannels + ch, left);
        acc = hn::MulAdd(w, load(column(args, segment, t - past + j) + begin + ch, left), acc);
      }
      store(silu(acc), out + ch, left);
    }
  }
  if (segment.count == 0) return;
  for (int64_t j = 0; j < past; ++j) {
    const float* from = column(args, segment, segment.count - past + j) + begin;
    std::copy(from, from + width, s.history + j * kChannels);
  }
  for (int64_t j = 0; j < past; ++j) {
    const float* from = s.history + j * kChannels;
    std::copy(from, from + width, segment.conv + j * channels + begin);
  }
}

// ---- One value head

// out[0, n) = in / sqrt(sum(in^2) + 1e-6) * scale, then zeros up to a multiple of kLanes.
void l2_normalise(const float* in, int64_t n, float scale, float* out) {
  const VF factor = set(scale / std::sqrt(dot(in, in, n) + 1e-6f));
  for (int64_t j = 0; j < n; j += kLanes) store(hn::Mul(load(in + j, n - j), factor), out + j);
}

float softplus(float x) { return x > 20.0f ? x : std::log1p(std::exp(x)); }

// Fills q, k, u (with v), beta and g for tokens [first, first + count) of the segment.
void head_inputs(const GdnArgs& args, const GdnSegment& segment, int64_t head, int64_t first, int64_t count,
                 const float* conv, const HeadScratch& s) {
  const int64_t dk = args.key_dim, dv = args.value_dim, key_head = head / (args.value_heads / args.key_heads);
  const float scale = 1.0f / std::sqrt(static_cast<float>(dk));
  for (int64_t t = 0; t < count; ++t) {
    const int64_t row = segment.row + first + t;
    const float* c = conv + row * args.channels();
    l2_normalise(c + key_head * dk, dk, scale, s.q + t * s.dk);
    l2_normalise(c + (args.key_heads + key_head) * dk, dk, 1.0f, s.k + t * s.dk);
    const float* v = c + 2 * args.key_heads * dk + head * dv;
    for (int64_t j = 0; j < dv; j += kLanes) store(load(v + j, dv - j), s.u + t * s.dv + j);
    const float* ba = args.ba + row * 2 * args.value_heads;
    s.beta[t] = 1.0f / (1.0f + std::exp(-ba[head]));
    s.g[t] = args.neg_a[head] * softplus(ba[args.value_heads + head] + args.dt_bias[head]);
  }
}

// out = norm * o / rms(o) * silu(z)
void gated_norm(const GdnArgs& args, const float* o, const float* z, float* out) {
  const int64_t dv = args.value_dim;
  const VF inverse = set(1.0f / std::sqrt(dot(o, o, dv) / static_cast<float>(dv) + args.eps));
  for (int64_t j = 0; j < dv; j += kLanes) {
    const int64_t left = dv - j;
    const VF normed = hn::Mul(hn::Mul(load(o + j), inverse), load(args.norm + j, left));
    store(hn::Mul(normed, silu(load(z + j, left))), out + j, left);
  }
}

void copy_rows(const float* from, int64_t from_stride, int64_t rows, int64_t width, float* to,
               int64_t to_stride) {
  for (int64_t i = 0; i < rows; ++i)
    std::copy(from + i * from_stride, from + i * from_stride + width, to + i * to_stride);
}

void run_head(const GdnArgs& args, const GdnSegment& segment, int64_t head, const float* conv,
              const HeadScratch& s) {
  const int64_t dk = args.key_dim, dv = args.value_dim;
  float* stored = segment.state + head * dk * dv;
  const bool in_place = dv == s.dv;
  float* state = in_place ? stored : s.state;
  if (!in_place) {
    std::fill(state, state + dk * s.dv, 0.0f);
    copy_rows(stored, dv, dk, dv, state, s.dv);
  }
  for (int64_t first = 0; first < segment.count;) {
    const int64_t offset = (segment.position + first) % kGdnChunk;
    const int64_t count = std::min(segment.count - first, kGdnChunk - offset);
    head_inputs(args, segment, head, first, count, conv, s);
    if (count == kGdnChunk && args.form == GdnForm::kAutomatic) {
      chunk(s, state);
    } else {
      recurrent(s, count, state);
    }
    for (int64_t t = 0; t < count; ++t) {
      const int64_t at = ((segment.row + first + t) * args.value_heads + head) * dv;
      gated_norm(args, s.o + t * s.dv, args.z + at, args.out + at);
    }
    first += count;
  }
  if (!in_place) copy_rows(state, s.dv, dk, dv, stored, dv);
}

}  // namespace

void gdn(Workspace& workspace, const GdnArgs& args) {
  int64_t rows = 0;  // of the step that the segments reach
  for (const GdnSegment& s : args.segments) rows = std::max(rows, s.row + s.count);
  if (rows == 0) return;
  const int64_t channels = args.channels(), segments = static_cast<int64_t>(args.segments.size());
  const int64_t blocks = (channels + kChannels - 1) / kChannels;
  float* conv = workspace.shared(rows * channels);
  workspace.reserve_workers(std::max(ConvScratch(nullptr, args.conv_kernel).layout.used(),
                                     HeadScratch(nullptr, args.key_dim, args.value_dim).layout.used()));

  workspace.pool().parallel_for(segments * blocks, 1, [&](int64_t first, int64_t last, int worker) HWY_ATTR {
    for (int64_t i = first; i < last; ++i) {
      const int64_t begin = i % blocks * kChannels;
      convolve(args, args.segments[static_cast<size_t>(i / blocks)], begin,
               std::min(kChannels, channels - begin), ConvScratch(workspace.worker(worker), args.conv_kernel),
               conv);
    }
  });
  workspace.pool().parallel_for(
      segments * args.value_heads, 1, [&](int64_t first, int64_t last, int worker) HWY_ATTR {
        for (int64_t i = first; i < last; ++i) {
          run_head(args, args.segments[static_cast<size_t>(i / args.value_heads)], i % args.value_heads, conv,
                   HeadScratch(workspace.worker(worker), args.key_dim, args.value_dim));
        }
      });
}

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace qnext::cpu {

HWY_EXPORT(gdn);

void choose_gdn(const Target& target, Kernels& kernels) { kernels.gdn = HWY_DISPATCH_TABLE(gdn)[target.index]; }

}  // namespace qnext::cpu
#endif
