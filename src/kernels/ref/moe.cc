#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "kernels/ref/ref_ops.h"

namespace qnext::ref {

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }
double silu(double x) { return x * sigmoid(x); }

void mlp(ThreadPool& pool, const Mlp& weights, const float* x, int64_t n, float* y) {
  const int64_t width = weights.gate.rows;
  std::vector<float> gate(static_cast<size_t>(n * width)), up(gate.size());
  linear(pool, weights.gate, x, n, gate.data());
  linear(pool, weights.up, x, n, up.data());
  for (size_t i = 0; i < gate.size(); ++i) gate[i] = static_cast<float>(silu(gate[i]) * up[i]);
  linear(pool, weights.down, gate.data(), n, y);
}

void moe_route(const float* logits, int64_t n, int64_t experts, int64_t top_k, bool normalise, int32_t* ids,
               float* weights) {
  std::vector<int32_t> order(static_cast<size_t>(experts));
  for (int64_t i = 0; i < n; ++i) {
    const float* row = logits + i * experts;
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return row[a] > row[b]; });
    const double top = row[order[0]];
    double all = 0, chosen = 0;
    for (int64_t e = 0; e < experts; ++e) all += std::exp(row[e] - top);
    for (int64_t k = 0; k < top_k; ++k) chosen += std::exp(row[order[static_cast<size_t>(k)]] - top);
    for (int64_t k = 0; k < top_k; ++k) {
      const int32_t e = order[static_cast<size_t>(k)];
      ids[i * top_k + k] = e;
      weights[i * top_k + k] = static_cast<float>(std::exp(row[e] - top) / (normalise ? chosen : all));
    }
  }
}

void moe(ThreadPool& pool, const MoeArgs& args) {
  const int64_t d = args.hidden;
  std::vector<double> sum(static_cast<size_t>(d));
  std::vector<float> part(static_cast<size_t>(d));
  for (int64_t i = 0; i < args.n; ++i) {
    const float* x = args.x + i * d;
    std::fill(sum.begin(), sum.end(), 0.0);
    auto add_expert = [&](const Mlp& expert, double weight) {
      mlp(pool, expert, x, 1, part.data());
      for (size_t j = 0; j < part.size(); ++j) sum[j] += weight * part[j];
    };
    for (int64_t k = 0; k < args.top_k; ++k) {
      const int32_t expert = args.ids[i * args.top_k + k];
      add_expert((*args.experts)[static_cast<size_t>(expert)], args.weights[i * args.top_k + k]);
    }
    if (args.shared && !args.shared->gate.empty()) {
      float logit = 0;
      linear(pool, *args.shared_gate, x, 1, &logit);
      add_expert(*args.shared, sigmoid(logit));
    }
    for (size_t j = 0; j < sum.size(); ++j)
      args.y[i * d + static_cast<int64_t>(j)] = static_cast<float>(sum[j]);
  }
}

}  // namespace qnext::ref
