// One step through the decoder: embedding, layers, final norm, head.
#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "model/model.h"
#include "model/scratch.h"

namespace qnext {

Status Model::check(std::span<const StepItem> items) const {
  for (const StepItem& item : items) {
    QN_CHECK(item.sequence && !item.tokens.empty(), "a step item needs a sequence and tokens");
    for (int32_t token : item.tokens) {
      if (token < 0 || token >= config_.vocab_size) {
        return Error(fmt::format("token {} is outside the vocabulary of {}", token, config_.vocab_size));
      }
    }
  }
  return {};
}

Status Model::step(std::span<const StepItem> items, StepOutput& output) {
  QN_RETURN_IF_ERROR(check(items));
  Scratch& s = *scratch_;
  s.ids.clear();
  std::vector<Segment> segments;
  for (const StepItem& item : items) {
    const auto count = static_cast<int64_t>(item.tokens.size());
    QN_RETURN_IF_ERROR(item.sequence->reserve(count));
    segments.push_back(
        {item.sequence, static_cast<int64_t>(s.ids.size()), count, item.sequence->position(), item.logits});
    s.ids.insert(s.ids.end(), item.tokens.begin(), item.tokens.end());
  }
  const auto n = static_cast<int64_t>(s.ids.size());
  const int64_t hidden = config_.hidden_size;
  float* x = room(s.x, n * hidden);
  ops_.embed(weights_.embedding, s.ids, x);
  int64_t attention_layer = 0, linear_layer = 0;
  for (int64_t i = 0; i < config_.num_layers; ++i) {
    if (observer_) observer_(i, x + (n - 1) * hidden);
    const LayerWeights& w = weights_.layers[static_cast<size_t>(i)];
    layer(w, w.kind == LayerKind::kFullAttention ? attention_layer++ : linear_layer++, segments, n);
  }
  output.hidden.resize(static_cast<size_t>(n * hidden));
  ops_.rms_norm(x, weights_.norm.data(), static_cast<float>(config_.rms_norm_eps), n, hidden,
                output.hidden.data());
  if (observer_) observer_(config_.num_layers, output.hidden.data() + (n - 1) * hidden);
  head(segments, output);
  for (const Segment& segment : segments) segment.sequence->advance(segment.count);
  return {};
}

void Model::layer(const LayerWeights& w, int64_t index_of_kind, std::span<const Segment> segments,
                  int64_t n) {
  Scratch& s = *scratch_;
  const int64_t hidden = config_.hidden_size;
  const auto eps = static_cast<float>(config_.rms_norm_eps);
  float* normed = room(s.normed, n * hidden);
  float* delta = room(s.delta, n * hidden);
  ops_.rms_norm(s.x.data(), w.input_norm.data(), eps, n, hidden, normed);
  if (w.kind == LayerKind::kFullAttention) {
    attention(w.attention, index_of_kind, segments, n);
  } else {
    linear_attention(w.linear, index_of_kind, segments, n);
  }
  ops_.add(s.x.data(), delta, n * hidden);
  ops_.rms_norm(s.x.data(), w.post_attention_norm.data(), eps, n, hidden, normed);
  feed_forward(w.feed_forward, n);
  ops_.add(s.x.data(), delta, n * hidden);
}

// delta = o_proj(attention(q, k, v) * sigmoid(gate))
void Model::attention(const AttentionWeights& w, int64_t attention_layer, std::span<const Segment> segments,
                      int64_t n) {
  Scratch& s = *scratch_;
  std::vector<AttentionSegment> parts;
  for (const Segment& segment : segments) {
    parts.push_back({segment.begin, segment.count, segment.position, segment.sequence->kv(attention_layer)});
  }
  AttentionArgs args;
  args.heads = config_.num_heads;
  args.kv_heads = config_.num_kv_heads;
  args.head_dim = config_.head_dim;
  args.rope_dim = config_.rope_dim;
  args.eps = static_cast<float>(config_.rms_norm_eps);
  args.q_norm = w.q_norm.data();
  args.k_norm = w.k_norm.data();
  args.inv_freq = rope_.inv_freq.data();
  args.rope_factor = rope_.factor;
  args.segments = parts;
  args.q = room(s.q, n * w.q.rows);
  args.k = room(s.k, n * w.k.rows);
  float* v = room(s.v, n * w.v.rows);
  args.v = v;
  args.out = room(s.mixed, n * w.o.cols);
  const Projection projections[] = {{&w.q, args.q}, {&w.k, args.k}, {&w.v, v}};
  ops_.linear(projections, s.normed.data(), n);
  ops_.attention(args);
  ops_.linear(w.o, args.out, n, s.delta.data());
}

// delta = out_proj(gated_norm(delta_rule(conv(qkv), b, a), z))
void Model::linear_attention(const LinearAttentionWeights& w, int64_t linear_layer,
                             std::span<const Segment> segments, int64_t n) {
  Scratch& s = *scratch_;
  std::vector<GdnSegment> parts;
  for (const Segment& segment : segments) {
    parts.push_back({segment.begin, segment.count, segment.position,
                     segment.sequence->recurrent_state(linear_layer),
                     segment.sequence->conv_history(linear_layer)});
  }
  float* qkv = room(s.qkv, n * w.qkv.rows);
  float* z = room(s.z, n * w.z.rows);
  float* ba = room(s.ba, n * w.ba.rows);
  GdnArgs args;
  args.key_heads = config_.linear_key_heads;
  args.value_heads = config_.linear_value_heads;
  args.key_dim = config_.linear_key_dim;
  args.value_dim = config_.linear_value_dim;
  args.conv_kernel = config_.conv_kernel;
  args.eps = static_cast<float>(config_.rms_norm_eps);
  args.conv_weight = w.conv.data();
  args.neg_a = w.neg_a.data();
  args.dt_bias = w.dt_bias.data();
  args.norm = w.norm.data();
  args.segments = parts;
  args.qkv = qkv;
  args.z = z;
  args.ba = ba;
  args.out = room(s.mixed, n * w.out.cols);
  args.form = options_.gdn_form;
  args.state_dtype = options_.state_dtype;
  const Projection projections[] = {{&w.qkv, qkv}, {&w.z, z}, {&w.ba, ba}};
  ops_.linear(projections, s.normed.data(), n);
  ops_.gdn(args);
  ops_.linear(w.out, args.out, n, s.delta.data());
}

void Model::feed_forward(const FeedForwardWeights& w, int64_t n) {
  Scratch& s = *scratch_;
  if (!w.moe) {
    ops_.mlp(w.dense, s.normed.data(), n, s.delta.data());
    return;
  }
  const int64_t experts = w.router.rows, top_k = config_.experts_per_token;
  float* logits = room(s.router, n * experts);
  MoeArgs args;
  args.experts = &w.experts;
  args.top_k = top_k;
  args.ids = room(s.route_ids, n * top_k);
  args.weights = room(s.route_weights, n * top_k);
  args.shared = &w.shared;
  args.shared_gate = &w.shared_gate;
  args.n = n;
  args.hidden = config_.hidden_size;
  args.x = s.normed.data();
  args.y = s.delta.data();
  ops_.linear(w.router, args.x, n, logits);
  ops_.moe_route(logits, n, experts, top_k, config_.norm_topk_prob, s.route_ids.data(),
                 s.route_weights.data());
  ops_.moe(args);
}

// Logits of the rows asked for. Rows of different sequences are gathered first, so the head's weights are
// read once.
void Model::head(std::span<const Segment> segments, StepOutput& output) {
  const int64_t hidden = config_.hidden_size;
  std::vector<float> gathered;
  for (const Segment& segment : segments) {
    if (segment.logits == LogitsWanted::kNone) continue;
    const int64_t count = segment.logits == LogitsWanted::kAll ? segment.count : 1;
    const float* from = output.hidden.data() + (segment.begin + segment.count - count) * hidden;
    gathered.insert(gathered.end(), from, from + count * hidden);
  }
  const auto rows = static_cast<int64_t>(gathered.size()) / hidden;
  output.logits.resize(static_cast<size_t>(rows * config_.vocab_size));
  if (rows > 0) ops_.linear(weights_.head, gathered.data(), rows, output.logits.data());
}

}  // namespace qnext
