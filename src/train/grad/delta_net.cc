#include "train/grad/delta_net.h"

#include "train/grad/delta_net_head.h"

namespace qnext::train {
namespace {

// The first chunk of each sequence among all, and their number at the end.
std::vector<int64_t> first_chunks(const Rows& rows) {
  std::vector<int64_t> first{0};
  for (int64_t s = 0; s < rows.sequences(); ++s) {
    first.push_back(first.back() + (rows.length(s) + kChunk - 1) / kChunk);
  }
  return first;
}

// Adds what the tasks of all sequences and heads found, sequence by sequence.
template <class Real>
void add_weight_gradients(const HeadLayout& at, const DeltaNetWeights<Real>& weights, int64_t sequences,
                          const Real* partial) {
  for (int64_t task = 0; task < sequences * at.key_heads; ++task, partial += at.partial()) {
    const int64_t h = task % at.key_heads;
    for (int64_t j = 0; j < at.kernel; ++j) {
      for (int64_t i = 0; i < at.width; ++i) {
        weights.conv.g[at.channel(h, i) * at.kernel + j] += partial[j * at.width + i];
      }
    }
    const Real* rest = partial + at.kernel * at.width;
    for (int64_t j = 0; j < at.r; ++j) {
      weights.a_log.g[h * at.r + j] += rest[j];
      weights.dt_bias.g[h * at.r + j] += rest[at.r + j];
    }
    for (int64_t j = 0; j < at.dv; ++j) weights.norm.g[j] += rest[2 * at.r + j];
  }
}

}  // namespace

template <class Real>
void delta_net_forward(Work<Real>& work, const ModelConfig& config, const DeltaNetWeights<Real>& weights,
                       const Rows& rows, const Real* x, DeltaNetCache<Real>& cache, Real* stream) {
  const HeadLayout at(config);
  const int64_t n = rows.count(), hidden = config.hidden_size, values = at.value_heads * at.dv;
  const std::vector<int64_t> chunks = first_chunks(rows);
  Real* projected = cache.projected.room(n * at.row);
  cache.states.room(chunks.back() * at.value_heads * at.dk * at.dv);
  cache.o.room(n * values);
  cache.y.room(n * values);
  multiply(work, forward_product(x, hidden, n, weights.in.w, at.row, hidden, projected, at.row));
  for_heads(work, rows, at.key_heads, [&](int64_t s, int64_t head, int worker) {
    DeltaNetHead<Real>(work, worker, config, weights, cache, head, rows.first(s), rows.length(s),
                       chunks[static_cast<size_t>(s)])
        .forward();
  });
  multiply(work, forward_product<Real>(cache.y.data(), values, n, weights.out.w, hidden, values, stream,
                                       hidden, true));
}

template <class Real>
void delta_net_backward(Work<Real>& work, const ModelConfig& config, const DeltaNetWeights<Real>& weights,
                        const Rows& rows, const Real* x, DeltaNetCache<Real>& cache, const Real* d_out,
                        Real* dx) {
  const HeadLayout at(config);
  const int64_t n = rows.count(), hidden = config.hidden_size, values = at.value_heads * at.dv;
  const std::vector<int64_t> chunks = first_chunks(rows);
  Real* dy = work.first.room(n * values);
  Real* d_projected = work.second.room(n * at.row);
  multiply(work,
           weight_product<Real>(d_out, hidden, cache.y.data(), values, n, hidden, values, weights.out.g));
  multiply(work, input_product(d_out, hidden, n, weights.out.w, hidden, values, dy, values));
  Real* partial = work.partial.zeros(rows.sequences() * at.key_heads * at.partial());
  for_heads(work, rows, at.key_heads, [&](int64_t s, int64_t head, int worker) {
    DeltaNetHead<Real>(work, worker, config, weights, cache, head, rows.first(s), rows.length(s),
                       chunks[static_cast<size_t>(s)])
        .backward(dy, d_projected, partial + (s * at.key_heads + head) * at.partial());
  });
  add_weight_gradients(at, weights, rows.sequences(), partial);
  multiply(work, weight_product(d_projected, at.row, x, hidden, n, at.row, hidden, weights.in.g));
  multiply(work, input_product(d_projected, at.row, n, weights.in.w, at.row, hidden, dx, hidden));
}

template void delta_net_forward(Work<float>&, const ModelConfig&, const DeltaNetWeights<float>&, const Rows&,
                                const float*, DeltaNetCache<float>&, float*);
template void delta_net_forward(Work<double>&, const ModelConfig&, const DeltaNetWeights<double>&,
                                const Rows&, const double*, DeltaNetCache<double>&, double*);
template void delta_net_backward(Work<float>&, const ModelConfig&, const DeltaNetWeights<float>&, const Rows&,
                                 const float*, DeltaNetCache<float>&, const float*, float*);
template void delta_net_backward(Work<double>&, const ModelConfig&, const DeltaNetWeights<double>&,
                                 const Rows&, const double*, DeltaNetCache<double>&, const double*, double*);

}  // namespace qnext::train
