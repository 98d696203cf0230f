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

// A sum of products with matrices, each for a number of rows.
class Products {
 public:
  void add(const Matrix& matrix, double rows) {
    const double operations = 2 * static_cast<double>(matrix.rows * matrix.cols) * rows;
    const bool bf16 = matrix.dtype == DType::kBF16;
    (is_quantised(matrix.dtype) ? sum_.quantised : bf16 ? sum_.bf16 : sum_.f32) += operations;
  }
  void add(const Mlp& mlp, double rows) {
    for (const Matrix* matrix : {&mlp.gate, &mlp.up, &mlp.down}) add(*matrix, rows);
  }
  void add(const FeedForwardWeights& w, const ModelConfig& config, double rows) {
    if (!w.moe) return add(w.dense, rows);
    add(w.router, rows);
    if (!w.shared.gate.empty()) {
      add(w.shared, rows);
      add(w.shared_gate, rows);
    }
    // Experts may differ in type: each takes its even share.
    const double chosen =
        static_cast<double>(config.experts_per_token) / static_cast<double>(w.experts.size());
    for (const Mlp& expert : w.experts) add(expert, rows * chosen);
  }
  void add_mixer(const LayerWeights& layer, double rows) {
    const AttentionWeights& a = layer.attention;
    const LinearAttentionWeights& l = layer.linear;
    if (layer.kind == LayerKind::kFullAttention) {
      for (const Matrix* matrix : {&a.q, &a.k, &a.v, &a.o}) add(*matrix, rows);
    } else {
      for (const Matrix* matrix : {&l.qkv, &l.z, &l.ba, &l.out}) add(*matrix, rows);
    }
  }
  StepArithmetic sum() const { return sum_; }

 private:
  StepArithmetic sum_;
};

// Scores, and sums of values: two for each element of a head and each position that a row looks at.
double of_attention(const ModelConfig& config, const StepTraffic& step) {
  const auto rows = static_cast<double>(step.rows), sequences = static_cast<double>(step.sequences);
  const double count = rows / sequences;  // the last of them looks at `position` tokens, the others at fewer
  const double looked_at = rows * (static_cast<double>(step.position) - (count - 1) / 2);
  return 4 * static_cast<double>(config.num_heads * config.head_dim) * looked_at;
}

// The convolution, and for every element of the state its decay (1), its part of what the key reads (2), its
// update (2) and its part of what the query reads (2).
double of_delta_rule(const ModelConfig& config, const StepTraffic& step) {
  const int64_t convolution = 2 * config.conv_kernel * config.conv_channels();
  const int64_t state = config.linear_value_heads * config.linear_key_dim * config.linear_value_dim;
  return static_cast<double>(step.rows) * static_cast<double>(convolution + 7 * state);
}

}  // namespace

double bytes_of_step(const Model& model, const StepTraffic& step) {
  const ModelWeights& w = model.weights();
  auto bytes = static_cast<double>(step.rows * w.embedding.stride());
  if (step.logit_rows > 0) bytes += static_cast<double>(w.head.bytes());
  for (const LayerWeights& layer : w.layers) {
    bytes +=
        static_cast<double>(bytes_of_mixer(layer)) + bytes_of(layer.feed_forward, model.config(), step.rows);
  }
  const StateShape shape = model.state_shape();
  return bytes + static_cast<double>(step.sequences * (step.position * shape.kv_bytes_per_token() +
                                                       2 * shape.recurrent_bytes()));
}

StepArithmetic arithmetic_of_step(const Model& model, const StepTraffic& step) {
  const ModelConfig& config = model.config();
  const ModelWeights& w = model.weights();
  const auto rows = static_cast<double>(step.rows);
  Products products;
  products.add(w.head, static_cast<double>(step.logit_rows));
  StepArithmetic rest;
  double& attention = model.state_shape().kv_dtype == DType::kF32 ? rest.f32 : rest.attention;
  for (const LayerWeights& layer : w.layers) {
    products.add_mixer(layer, rows);
    products.add(layer.feed_forward, config, rows);
    if (layer.kind == LayerKind::kFullAttention) {
      attention += of_attention(config, step);
    } else {
      rest.f32 += of_delta_rule(config, step);
    }
  }
  return rest += products.sum();
}

}  // namespace qnext
