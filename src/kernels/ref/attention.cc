#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/ref/ref_ops.h"
#include "tensor/block_formats.h"

namespace qnext::ref {
namespace {

// The cached key or value of one head at one position.
std::byte* cache_row(const AttentionArgs& args, const KvLayerView& kv, int64_t offset, int64_t head,
                     int64_t position) {
  const int64_t row = head * kv.block_tokens + position % kv.block_tokens;
  return kv.blocks[position / kv.block_tokens] + offset + row * row_bytes(kv.dtype, args.head_dim);
}

// Rotates pairs (m, m + rope_dim / 2). The angle is formed in float32, as the published model was trained
// with.
void rope(const AttentionArgs& args, int64_t position, float* head) {
  const int64_t half = args.rope_dim / 2;
  for (int64_t m = 0; m < half; ++m) {
    const float angle = static_cast<float>(position) * args.inv_freq[m];
    const float c = static_cast<float>(std::cos(static_cast<double>(angle))) * args.rope_factor;
    const float s = static_cast<float>(std::sin(static_cast<double>(angle))) * args.rope_factor;
    const float a = head[m], b = head[m + half];
    head[m] = a * c - b * s;
    head[m + half] = b * c + a * s;
  }
}

void norm_and_rotate(const AttentionArgs& args, const AttentionSegment& segment, int64_t i) {
  const int64_t row = segment.row + i, position = segment.position + i, d = args.head_dim;
  for (int64_t h = 0; h < args.heads; ++h) {
    float* q = args.q + (row * args.heads + h) * 2 * d;
    rms_norm(q, args.q_norm, args.eps, 1, d, q);
    rope(args, position, q);
  }
  for (int64_t h = 0; h < args.kv_heads; ++h) {
    float* k = args.k + (row * args.kv_heads + h) * d;
    rms_norm(k, args.k_norm, args.eps, 1, d, k);
    rope(args, position, k);
    const float* v = args.v + (row * args.kv_heads + h) * d;
    quantize_row(segment.kv.dtype, k, cache_row(args, segment.kv, segment.kv.k_offset, h, position), d);
    quantize_row(segment.kv.dtype, v, cache_row(args, segment.kv, segment.kv.v_offset, h, position), d);
  }
}

void attend(const AttentionArgs& args, const AttentionSegment& segment, int64_t i, int64_t head) {
  const int64_t d = args.head_dim, row = segment.row + i, last = segment.position + i;
  const int64_t kv_head = head / (args.heads / args.kv_heads);
  const float* q = args.q + (row * args.heads + head) * 2 * d;
  const float* gate = q + d;
  const KvLayerView& kv = segment.kv;
  std::vector<float> cached(static_cast<size_t>(d));
  std::vector<double> score(static_cast<size_t>(last + 1)), sum(static_cast<size_t>(d), 0.0);
  for (int64_t p = 0; p <= last; ++p) {
    dequantize_row(kv.dtype, cache_row(args, kv, kv.k_offset, kv_head, p), cached.data(), d);
    double dot = 0;
    for (int64_t j = 0; j < d; ++j) dot += static_cast<double>(q[j]) * cached[static_cast<size_t>(j)];
    score[static_cast<size_t>(p)] = dot / std::sqrt(static_cast<double>(d));
  }
  const double top = *std::max_element(score.begin(), score.end());
  double total = 0;
  for (double& s : score) total += s = std::exp(s - top);
  for (int64_t p = 0; p <= last; ++p) {
    dequantize_row(kv.dtype, cache_row(args, kv, kv.v_offset, kv_head, p), cached.data(), d);
    for (size_t j = 0; j < sum.size(); ++j) sum[j] += score[static_cast<size_t>(p)] * cached[j];
  }
  float* out = args.out + (row * args.heads + head) * d;
  for (size_t j = 0; j < sum.size(); ++j) out[j] = static_cast<float>(sum[j] / total * sigmoid(gate[j]));
}

}  // namespace

void attention(ThreadPool& pool, const AttentionArgs& args) {
  for (const AttentionSegment& segment : args.segments) {
    for (int64_t i = 0; i < segment.count; ++i) norm_and_rotate(args, segment, i);
    pool.parallel_for(segment.count * args.heads, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t t = begin; t < end; ++t) attend(args, segment, t / args.heads, t % args.heads);
    });
  }
}

}  // namespace qnext::ref
