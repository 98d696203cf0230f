#include "train/grad/experts.h"

#include <algorithm>
#include <cmath>

namespace qnext::train {
namespace {

// Pairs [first, first + count) of one expert.
struct Piece {
  int64_t expert, first, count;
};

// The pairs of all experts: an expert that most tokens chose would keep one thread busy while others wait.
// The largest come first, so that threads end together.
template <class Real>
std::vector<Piece> pieces_of(const RouterCache<Real>& router) {
  constexpr int64_t kPairs = 256;
  std::vector<Piece> pieces;
  for (size_t e = 0; e + 1 < router.expert_end.size(); ++e) {
    const int64_t end = router.expert_end[e + 1];
    for (int64_t first = router.expert_end[e]; first < end; first += kPairs) {
      pieces.push_back({static_cast<int64_t>(e), first, std::min(kPairs, end - first)});
    }
  }
  std::stable_sort(pieces.begin(), pieces.end(),
                   [](const Piece& a, const Piece& b) { return a.count > b.count; });
  return pieces;
}

// Runs body(piece, worker) for all of them.
template <class Real, class Body>
void for_pieces(Work<Real>& work, const RouterCache<Real>& router, Body body) {
  const std::vector<Piece> pieces = pieces_of(router);
  work.pool.parallel_tasks(static_cast<int64_t>(pieces.size()),
                           [&](int64_t i, int worker) { body(pieces[static_cast<size_t>(i)], worker); });
}

// The rows of x that belong to the pairs of a piece.
template <class Real>
void gather(const RouterCache<Real>& router, const Piece& piece, const Real* x, int64_t hidden, Real* rows) {
  for (int64_t i = 0; i < piece.count; ++i) {
    const int64_t token = router.token_of[static_cast<size_t>(piece.first + i)];
    std::copy_n(x + token * hidden, hidden, rows + i * hidden);
  }
}

// What the backward pass holds of every pair, in the order of the pairs.
template <class Real>
struct PairRows {
  PairRows(Work<Real>& work, int64_t pairs, int64_t hidden, int64_t width)
      : x(work.pairs.room(pairs * (2 * hidden + 3 * width))),
        dy(x + pairs * hidden),
        act(dy + pairs * hidden),
        d_unit(act + pairs * width) {}
  Real *x, *dy, *act, *d_unit;
};

// The product in parts of some rows of its result.
template <class Real>
void add_parts(const Product<Real>& whole, std::vector<Product<Real>>& parts) {
  constexpr int64_t kRows = 256;
  for (int64_t row = 0; row < whole.m; row += kRows) {
    Product<Real> part = whole;
    part.m = std::min(kRows, whole.m - row);
    part.a.data += row * whole.a.row;
    if (part.c) part.c += row * whole.stride;
    parts.push_back(part);
  }
}

template <class Real>
void weight_gradients(Work<Real>& work, const ExpertsWeights<Real>& weights, const RouterCache<Real>& router,
                      const PairRows<Real>& rows, int64_t hidden, int64_t width) {
  std::vector<Product<Real>> products;
  for (size_t e = 0; e + 1 < router.expert_end.size(); ++e) {
    const int64_t first = router.expert_end[e], count = router.expert_end[e + 1] - first;
    if (count == 0) continue;
    const MlpWeights<Real>& mlp = weights.experts[e];
    add_parts(weight_product<Real>(rows.dy + first * hidden, hidden, rows.act + first * width, width, count,
                                   hidden, width, mlp.down.g),
              products);
    add_parts(weight_product<Real>(rows.d_unit + first * 2 * width, 2 * width, rows.x + first * hidden,
                                   hidden, count, 2 * width, hidden, mlp.gate_up.g),
              products);
  }
  std::stable_sort(products.begin(), products.end(), [](const Product<Real>& a, const Product<Real>& b) {
    return a.m * a.n * a.k > b.m * b.n * b.k;
  });
  work.pool.parallel_tasks(static_cast<int64_t>(products.size()), [&](int64_t i, int worker) {
    multiply(products[static_cast<size_t>(i)], work.pack[static_cast<size_t>(worker)]);
  });
}

// The routing weight of each pair, and back.
template <class Real>
void weights_of_pairs(Work<Real>& work, const RouterCache<Real>& router, const Real* weights, Real* pairs) {
  const auto n = static_cast<int64_t>(router.pair_of.size());
  for_row_blocks(work, n, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) pairs[router.pair_of[static_cast<size_t>(i)]] = weights[i];
  });
}
template <class Real>
void weights_of_choices(Work<Real>& work, const RouterCache<Real>& router, const Real* pairs, Real* weights) {
  const auto n = static_cast<int64_t>(router.pair_of.size());
  for_row_blocks(work, n, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) weights[i] = pairs[router.pair_of[static_cast<size_t>(i)]];
  });
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
  weights_of_pairs(work, router, router.weights.data(), pair_weights);
  for_pieces(work, router, [&](const Piece& piece, int worker) {
    const MlpWeights<Real>& mlp = weights.experts[static_cast<size_t>(piece.expert)];
    const int64_t first = piece.first, count = piece.count;
    PackSpace<Real>& space = work.pack[static_cast<size_t>(worker)];
    Scratch<Real>& scratch = work.fresh_scratch(worker);
    Real *rows = scratch.take(count * hidden), *act = scratch.take(count * width);
    gather(router, piece, x, hidden, rows);
    Real* unit = gate_up + first * 2 * width;
    multiply(forward_product<Real>(rows, hidden, count, mlp.gate_up.w, 2 * width, hidden, unit, 2 * width),
             space);
    for (int64_t i = 0; i < count; ++i) {
      const Real* row = unit + i * 2 * width;
      work.math.gated_unit(row, row + width, pair_weights[first + i], act + i * width, width);
    }
    multiply(
        forward_product<Real>(act, width, count, mlp.down.w, hidden, width, out + first * hidden, hidden),
        space);
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
  weights_of_pairs(work, router, router.weights.data(), pair_weights);
  const PairRows<Real> all(work, pairs, hidden, width);
  for_pieces(work, router, [&](const Piece& piece, int worker) {
    const MlpWeights<Real>& mlp = weights.experts[static_cast<size_t>(piece.expert)];
    const int64_t first = piece.first, count = piece.count;
    PackSpace<Real>& space = work.pack[static_cast<size_t>(worker)];
    Real *dy = all.dy + first * hidden, *d_unit = all.d_unit + first * 2 * width;
    gather(router, piece, x, hidden, all.x + first * hidden);
    gather(router, piece, d_out, hidden, dy);
    Real* d_act = work.fresh_scratch(worker).take(count * width);
    multiply(input_product<Real>(dy, hidden, count, mlp.down.w, hidden, width, d_act, width), space);
    const Real* unit = cache.gate_up.data() + first * 2 * width;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t at = i * 2 * width;
      d_pair_weights[first + i] = work.math.gated_unit_backward(
          unit + at, unit + at + width, pair_weights[first + i], d_act + i * width, d_unit + at,
          d_unit + at + width, all.act + (first + i) * width, width);
    }
    multiply(input_product<Real>(d_unit, 2 * width, count, mlp.gate_up.w, 2 * width, hidden,
                                 d_rows + first * hidden, hidden),
             space);
  });
  weight_gradients(work, weights, router, all, hidden, width);
  combine(work, router, d_rows, n, hidden, top_k, false, dx);

  Real* d_weights = work.first.room(pairs + n * experts);
  Real* d_logits = d_weights + pairs;
  weights_of_choices(work, router, d_pair_weights, d_weights);
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
