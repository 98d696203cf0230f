#include "train/grad/experts.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace qnext::train {
namespace {

// Experts by falling number of tokens, so that threads end together.
template <class Real>
std::vector<int64_t> largest_first(const RouterCache<Real>& router) {
  std::vector<int64_t> order(router.expert_end.size() - 1);
  std::iota(order.begin(), order.end(), 0);
  auto tokens = [&](int64_t e) {
    return router.expert_end[static_cast<size_t>(e) + 1] - router.expert_end[static_cast<size_t>(e)];
  };
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return tokens(a) > tokens(b); });
  return order;
}

// The pairs [first, first + count) of one expert, in the scratch of a worker.
template <class Real>
struct ExpertTask {
  Work<Real>& work;
  PackSpace<Real>& space;
  Scratch<Real>& scratch;
  const RouterCache<Real>& router;
  const int64_t hidden, first, count;

  ExpertTask(Work<Real>& w, int worker, const RouterCache<Real>& r, int64_t width, int64_t expert)
      : work(w),
        space(w.pack[static_cast<size_t>(worker)]),
        scratch(w.fresh_scratch(worker)),
        router(r),
        hidden(width),
        first(r.expert_end[static_cast<size_t>(expert)]),
        count(r.expert_end[static_cast<size_t>(expert) + 1] - first) {}

  const Real* gather(const Real* x) {
    Real* rows = scratch.take(count * hidden);
    for (int64_t i = 0; i < count; ++i) {
      std::copy_n(x + router.token_of[static_cast<size_t>(first + i)] * hidden, hidden, rows + i * hidden);
    }
    return rows;
  }
};

// Runs body(expert, worker) for every expert that has tokens.
template <class Real, class Body>
void for_experts(Work<Real>& work, const RouterCache<Real>& router, Body body) {
  const std::vector<int64_t> order = largest_first(router);
  work.pool.parallel_for(static_cast<int64_t>(order.size()), 1, [&](int64_t begin, int64_t end, int worker) {
    for (int64_t i = begin; i < end; ++i) body(order[static_cast<size_t>(i)], worker);
  });
}

// The routing weight of each pair, and back.
template <class Real>
void weights_of_pairs(const RouterCache<Real>& router, const Real* weights, Real* pairs) {
  for (size_t i = 0; i < router.pair_of.size(); ++i) pairs[router.pair_of[i]] = weights[i];
}

// y[t] (+)= the sum of the token's pairs, in the order of its choices.
template <class Real>
void combine(Work<Real>& work, const RouterCache<Real>& router, const Real* pairs, int64_t n, int64_t hidden,
             int64_t top_k, bool add, Real* y) {
  for_row_blocks(work, n, [&](int64_t begin, int64_t end, int) {
    for (int64_t t = begin; t < end; ++t) {
      Real* row = y + t * hidden;
      if (!add) std::fill_n(row, hidden, Real(0));
      for (int64_t k = 0; k < top_k; ++k) {
        const int64_t pair = router.pair_of[static_cast<size_t>(t * top_k + k)];
        work.math.add_scaled(Real(1), pairs + pair * hidden, row, hidden);
      }
    }
  });
}

template <class Real>
void shared_gate_backward(Work<Real>& work, const ExpertsWeights<Real>& weights, const Real* x, int64_t n,
                          int64_t hidden, const Real* gate, const Real* d_gate, Real* dx) {
  const int64_t blocks = (n + kRowBlock - 1) / kRowBlock;
  Real* partial = work.partial.zeros(blocks * hidden);
  for_row_blocks(work, n, [&](int64_t begin, int64_t end, int) {
    for (int64_t t = begin; t < end; ++t) {
      const Real d_logit = d_gate[t] * gate[t] * (1 - gate[t]);
      work.math.add_scaled(d_logit, weights.shared_gate.w, dx + t * hidden, hidden);
      work.math.add_scaled(d_logit, x + t * hidden, partial + begin / kRowBlock * hidden, hidden);
    }
  });
  add_partials(work, partial, blocks, hidden, weights.shared_gate.g);
}

}  // namespace

template <class Real>
void experts_forward(Work<Real>& work, const ModelConfig& config, const ExpertsWeights<Real>& weights,
                     const Real* x, int64_t n, ExpertsCache<Real>& cache, RoutingRecord* record,
                     Real* stream) {
  const int64_t hidden = config.hidden_size, width = config.moe_intermediate_size,
                top_k = config.experts_per_token, pairs = n * top_k;
  RouterCache<Real>& router = cache.router;
  route(work, config, weights.router.w, x, n, router, record);
  Real* gate_up = cache.gate_up.room(pairs * 2 * width);
  Real* out = work.slots.room(pairs * hidden);
  Real* pair_weights = work.second.room(pairs);
  weights_of_pairs(router, router.weights.data(), pair_weights);
  for_experts(work, router, [&](int64_t expert, int worker) {
    ExpertTask<Real> task(work, worker, router, hidden, expert);
    const MlpWeights<Real>& mlp = weights.experts[static_cast<size_t>(expert)];
    const int64_t first = task.first, count = task.count;
    const Real* rows = task.gather(x);
    Real* act = task.scratch.take(count * width);
    Real* unit = gate_up + first * 2 * width;
    multiply(forward_product(rows, hidden, count, mlp.gate_up.w, 2 * width, hidden, unit, 2 * width),
             task.space);
    for (int64_t i = 0; i < count; ++i) {
      const Real* row = unit + i * 2 * width;
      work.math.gated_unit(row, row + width, pair_weights[first + i], act + i * width, width);
    }
    multiply(
        forward_product<Real>(act, width, count, mlp.down.w, hidden, width, out + first * hidden, hidden),
        task.space);
  });
  combine(work, router, out, n, hidden, top_k, true, stream);

  if (weights.shared.width == 0) return;
  Real* gate = cache.gate.room(n);
  for_row_blocks(work, n, [&](int64_t begin, int64_t end, int) {
    for (int64_t t = begin; t < end; ++t) {
      const Real logit = work.math.dot(x + t * hidden, weights.shared_gate.w, hidden);
      gate[t] = Real(1) / (Real(1) + std::exp(-logit));
    }
  });
  mlp_forward(work, weights.shared, x, n, hidden, gate, cache.shared, stream);
}

template <class Real>
void experts_backward(Work<Real>& work, const ModelConfig& config, const ExpertsWeights<Real>& weights,
                      const Real* x, int64_t n, ExpertsCache<Real>& cache,
                      const RouterLossGradient<Real>& losses, const Real* d_out, Real* dx) {
  const int64_t hidden = config.hidden_size, width = config.moe_intermediate_size,
                top_k = config.experts_per_token, pairs = n * top_k, experts = config.num_experts;
  RouterCache<Real>& router = cache.router;
  Real* d_rows = work.slots.room(pairs * hidden);
  Real* pair_weights = work.second.room(2 * pairs);
  Real* d_pair_weights = pair_weights + pairs;
  weights_of_pairs(router, router.weights.data(), pair_weights);
  for_experts(work, router, [&](int64_t expert, int worker) {
    ExpertTask<Real> task(work, worker, router, hidden, expert);
    const MlpWeights<Real>& mlp = weights.experts[static_cast<size_t>(expert)];
    const int64_t first = task.first, count = task.count;
    const Real *rows = task.gather(x), *dy = task.gather(d_out);
    const Real* unit = cache.gate_up.data() + first * 2 * width;
    Real* d_act = task.scratch.take(count * width);
    Real* act = task.scratch.take(count * width);
    Real* d_unit = task.scratch.take(count * 2 * width);
    multiply(input_product(dy, hidden, count, mlp.down.w, hidden, width, d_act, width), task.space);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t at = i * 2 * width;
      d_pair_weights[first + i] = work.math.gated_unit_backward(
          unit + at, unit + at + width, pair_weights[first + i], d_act + i * width, d_unit + at,
          d_unit + at + width, act + i * width, width);
    }
    multiply(weight_product<Real>(dy, hidden, act, width, count, hidden, width, mlp.down.g), task.space);
    multiply(weight_product<Real>(d_unit, 2 * width, rows, hidden, count, 2 * width, hidden, mlp.gate_up.g),
             task.space);
    multiply(input_product<Real>(d_unit, 2 * width, count, mlp.gate_up.w, 2 * width, hidden,
                                 d_rows + first * hidden, hidden),
             task.space);
  });
  combine(work, router, d_rows, n, hidden, top_k, false, dx);

  Real* d_weights = work.first.room(pairs + n * experts);
  Real* d_logits = d_weights + pairs;
  for (size_t i = 0; i < router.pair_of.size(); ++i) d_weights[i] = d_pair_weights[router.pair_of[i]];
  route_backward(work, config, router, d_weights, losses, n, d_logits);
  multiply(work, weight_product<Real>(d_logits, experts, x, hidden, n, experts, hidden, weights.router.g));
  multiply(work,
           input_product<Real>(d_logits, experts, n, weights.router.w, experts, hidden, dx, hidden, true));

  if (weights.shared.width == 0) return;
  Real* d_gate = work.slots.room(n);
  mlp_backward(work, weights.shared, x, n, hidden, cache.gate.data(), cache.shared, d_out, dx, true, d_gate);
  shared_gate_backward(work, weights, x, n, hidden, cache.gate.data(), d_gate, dx);
}

template void experts_forward(Work<float>&, const ModelConfig&, const ExpertsWeights<float>&, const float*,
                              int64_t, ExpertsCache<float>&, RoutingRecord*, float*);
template void experts_forward(Work<double>&, const ModelConfig&, const ExpertsWeights<double>&, const double*,
                              int64_t, ExpertsCache<double>&, RoutingRecord*, double*);
template void experts_backward(Work<float>&, const ModelConfig&, const ExpertsWeights<float>&, const float*,
                               int64_t, ExpertsCache<float>&, const RouterLossGradient<float>&, const float*,
                               float*);
template void experts_backward(Work<double>&, const ModelConfig&, const ExpertsWeights<double>&,
                               const double*, int64_t, ExpertsCache<double>&,
                               const RouterLossGradient<double>&, const double*, double*);

}  // namespace qnext::train
