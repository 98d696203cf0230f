#include "engine/traffic.h"

#include <cmath>

namespace qnext {
namespace {

int64_t bytes_of(const Mlp& mlp) { return mlp.gate.bytes() + mlp.up.bytes() + mlp.down.bytes(); }

double bytes_of(const FeedForwardWeights& w, const ModelConfig& config, int64_t rows) {
  if (!w.moe) return static_cast<double>(bytes_of(w.dense));
  int64_t experts = 0;
  for (const Mlp& expert : w.experts) experts += bytes_of(expert);
  const auto count = static_cast<double>(w.experts.size());
  const double left_out = 1 - static_cast<double>(config.experts_per_token) / count;
  const double share = 1 - std::pow(left_out, static_cast<double>(rows));
  return static_cast<double>(w.router.bytes() + bytes_of(w.shared) + w.shared_gate.bytes()) +
         share * static_cast<double>(experts);
}

int64_t bytes_of_mixer(const LayerWeights& layer) {
  const AttentionWeights& a = layer.attention;
  const LinearAttentionWeights& l = layer.linear;
  if (layer.kind == LayerKind::kFullAttention) {
    return a.q.bytes() + a.k.bytes() + a.v.bytes() + a.o.bytes();
  }
  return l.qkv.bytes() + l.z.bytes() + l.ba.bytes() + l.out.bytes();
}

}  // namespace

double bytes_of_step(const Model& model, const StepTraffic& step) {
  const ModelWeights& w = model.weights();
  auto bytes = static_cast<double>(w.head.bytes() + step.rows * w.embedding.stride());
  for (const LayerWeights& layer : w.layers) {
    bytes +=
        static_cast<double>(bytes_of_mixer(layer)) + bytes_of(layer.feed_forward, model.config(), step.rows);
  }
  const StateShape shape = model.state_shape();
  return bytes + static_cast<double>(step.sequences * (step.position * shape.kv_bytes_per_token() +
                                                       2 * shape.recurrent_bytes()));
}

}  // namespace qnext
