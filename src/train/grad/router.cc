#include "train/grad/router.h"

#include <algorithm>
#include <cmath>

namespace qnext::train {
namespace {

// The `count` largest of p[experts], the lower index first among equals.
template <class Real>
void choose(const Real* p, int64_t experts, int64_t count, int32_t* ids) {
  int64_t held = 0;
  for (int64_t e = 0; e < experts; ++e) {
    if (held == count && !(p[e] > p[ids[count - 1]])) continue;
    int64_t at = held < count ? held++ : count - 1;
    for (; at > 0 && p[e] > p[ids[at - 1]]; --at) ids[at] = ids[at - 1];
    ids[at] = static_cast<int32_t>(e);
  }
}

// Pairs of (token, choice) sorted by expert, tokens rising within each.
template <class Real>
void sort_pairs(int64_t n, int64_t experts, int64_t top_k, RouterCache<Real>& cache) {
  cache.expert_end.assign(static_cast<size_t>(experts + 1), 0);
  for (int32_t id : cache.ids) ++cache.expert_end[static_cast<size_t>(id) + 1];
  for (size_t e = 1; e < cache.expert_end.size(); ++e) cache.expert_end[e] += cache.expert_end[e - 1];
  cache.pair_of.resize(static_cast<size_t>(n * top_k));
  cache.token_of.resize(cache.pair_of.size());
  std::vector<int64_t> next(cache.expert_end.begin(), cache.expert_end.end() - 1);
  for (size_t i = 0; i < cache.ids.size(); ++i) {
    const int64_t pair = next[static_cast<size_t>(cache.ids[i])]++;
    cache.pair_of[i] = pair;
    cache.token_of[static_cast<size_t>(pair)] = static_cast<int64_t>(i) / top_k;
  }
}

}  // namespace

template <class Real>
void route(Work<Real>& work, const ModelConfig& config, const Real* router, const Real* x, int64_t n,
           RouterCache<Real>& cache, RoutingRecord* record) {
  const int64_t experts = config.num_experts, top_k = config.experts_per_token, hidden = config.hidden_size;
  Real* p = cache.p.room(n * experts);
  Real* log_sum = cache.log_sum.room(n);
  Real* weights = cache.weights.room(n * top_k);
  cache.ids.resize(static_cast<size_t>(n * top_k));
  multiply(work, forward_product(x, hidden, n, router, experts, hidden, p, experts));
  const int64_t blocks = (n + kRowBlock - 1) / kRowBlock;
  // Of each block: sum of p, of the entropy, of log_sum^2.
  std::vector<double> sums(static_cast<size_t>(blocks * (experts + 2)), 0.0);
  for_row_blocks(work, n, [&](int64_t begin, int64_t end, int) {
    double* sum = sums.data() + begin / kRowBlock * (experts + 2);
    std::vector<Real> logits(static_cast<size_t>(experts));
    for (int64_t i = begin; i < end; ++i) {
      Real* row = p + i * experts;
      int32_t* ids = cache.ids.data() + i * top_k;
      choose(row, experts, top_k, ids);
      std::copy_n(row, experts, logits.data());
      const Real top = row[ids[0]], all = work.math.exp_sum(row, top, experts);
      log_sum[i] = top + std::log(all);
      work.math.scale(Real(1) / all, row, row, experts);
      Real chosen = 0;
      for (int64_t k = 0; k < top_k; ++k) chosen += row[ids[k]];
      for (int64_t k = 0; k < top_k; ++k) {
        weights[i * top_k + k] = config.norm_topk_prob ? row[ids[k]] / chosen : row[ids[k]];
      }
      for (int64_t e = 0; e < experts; ++e) sum[e] += row[e];
      // -sum p ln p, where ln p = logit - log_sum
      sum[experts] += log_sum[i] - work.math.dot(row, logits.data(), experts);
      sum[experts + 1] += static_cast<double>(log_sum[i]) * log_sum[i];
    }
  });
  sort_pairs(n, experts, top_k, cache);
  cache.p_sum.assign(static_cast<size_t>(experts), 0.0);
  cache.z_sum = 0;
  double entropy = 0;
  for (int64_t b = 0; b < blocks; ++b) {
    const double* sum = sums.data() + b * (experts + 2);
    for (int64_t e = 0; e < experts; ++e) cache.p_sum[static_cast<size_t>(e)] += sum[e];
    entropy += sum[experts];
    cache.z_sum += sum[experts + 1];
  }
  if (!record) return;
  record->tokens.resize(static_cast<size_t>(experts), 0);
  for (size_t e = 0; e < record->tokens.size(); ++e) {
    record->tokens[e] += cache.expert_end[e + 1] - cache.expert_end[e];
  }
  record->entropy += entropy;
  record->rows += n;
}

// Through the chosen weights: normalised, w_e (dw_e - sum w dw) for the chosen; else p_e ([chosen] dw_e - sum
// p dw) for all. Through the losses: p_e (a_e - sum p a) and z log_sum p_e for all.
template <class Real>
void route_backward(Work<Real>& work, const ModelConfig& config, const RouterCache<Real>& cache,
                    const Real* d_weights, const RouterLossGradient<Real>& losses, int64_t n,
                    Real* d_logits) {
  const int64_t experts = config.num_experts, top_k = config.experts_per_token;
  for_row_blocks(work, n, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const Real *p = cache.p.data() + i * experts, *weights = cache.weights.data() + i * top_k,
                 *dw = d_weights + i * top_k;
      const int32_t* ids = cache.ids.data() + i * top_k;
      Real* out = d_logits + i * experts;
      Real mean = 0;
      for (int64_t k = 0; k < top_k; ++k) mean += weights[k] * dw[k];
      Real common = losses.z * cache.log_sum.data()[i];
      if (!config.norm_topk_prob) common -= mean;
      if (losses.balance) common -= work.math.dot(p, losses.balance, experts);
      work.math.scale(common, p, out, experts);
      if (losses.balance) work.math.add_product(p, losses.balance, out, experts);
      for (int64_t k = 0; k < top_k; ++k) {
        out[ids[k]] += weights[k] * (config.norm_topk_prob ? dw[k] - mean : dw[k]);
      }
    }
  });
}

template void route(Work<float>&, const ModelConfig&, const float*, const float*, int64_t,
                    RouterCache<float>&, RoutingRecord*);
template void route(Work<double>&, const ModelConfig&, const double*, const double*, int64_t,
                    RouterCache<double>&, RoutingRecord*);
template void route_backward(Work<float>&, const ModelConfig&, const RouterCache<float>&, const float*,
                             const RouterLossGradient<float>&, int64_t, float*);
template void route_backward(Work<double>&, const ModelConfig&, const RouterCache<double>&, const double*,
                             const RouterLossGradient<double>&, int64_t, double*);

}  // namespace qnext::train
