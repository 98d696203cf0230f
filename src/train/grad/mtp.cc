#include "train/grad/mtp.h"

#include <algorithm>

namespace qnext::train {

MtpRows mtp_rows(const Batch& batch, int64_t d) {
  MtpRows out;
  int64_t before = 0;  // rows of step d - 1 in the sequences so far
  for (size_t s = 0; s < batch.sequences(); ++s) {
    const int64_t first = batch.starts[s], length = batch.starts[s + 1] - first;
    for (int64_t t = 0; t + d < length; ++t) {
      const auto at = static_cast<size_t>(first + t + d);
      out.hidden_row.push_back(before + t);
      out.ids.push_back(batch.ids[at]);
      out.targets.push_back(batch.targets[at]);
      out.with_target += batch.targets[at] >= 0 ? 1 : 0;
    }
    before += std::max<int64_t>(0, length - (d - 1));
    if (length > d) out.rows.starts.push_back(static_cast<int64_t>(out.ids.size()));
  }
  return out;
}

namespace {

// Row i of `to` is row `index`[i] of `from`, or row i; rows start `stride` elements after each other.
template <class Real>
void copy_rows(Work<Real>& work, int64_t n, int64_t width, const Real* from, int64_t from_stride, Real* to,
               int64_t to_stride, const int64_t* index = nullptr) {
  for_row_blocks(work, n, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      std::copy_n(from + (index ? index[i] : i) * from_stride, width, to + i * to_stride);
    }
  });
}

}  // namespace

template <class Real>
void mtp_forward(Work<Real>& work, const ModelConfig& config, const ModelWeights<Real>& weights,
                 const Rotation<Real>& rotation, const MtpRows& rows, const Real* hidden,
                 MtpCache<Real>& cache, RoutingRecord* record) {
  const MtpWeights<Real>& w = weights.mtp;
  const int64_t n = rows.rows.count(), width = config.hidden_size;
  const double eps = config.rms_norm_eps;
  Real* gathered = cache.gathered.room(n * width);
  Real* pair = cache.pair.room(n * 2 * width);
  Real* stream = cache.stream.room(n * width);
  embed(work, weights.embedding.w, width, std::span<const int32_t>(rows.ids), gathered);
  norm_forward(work, gathered, n, width, eps, w.norm_embedding.w, cache.norm_embedding);
  copy_rows(work, n, width, hidden, width, gathered, width, rows.hidden_row.data());
  norm_forward(work, gathered, n, width, eps, w.norm_hidden.w, cache.norm_hidden);
  copy_rows<Real>(work, n, width, cache.norm_embedding.y.data(), width, pair, 2 * width);
  copy_rows<Real>(work, n, width, cache.norm_hidden.y.data(), width, pair + width, 2 * width);
  multiply(work, forward_product<Real>(pair, 2 * width, n, w.fc.w, width, 2 * width, stream, width));
  layer_forward(work, config, w.layer, rotation, rows.rows, cache.layer, record, stream);
  norm_forward(work, stream, n, width, eps, w.norm.w, cache.norm);
}

template <class Real>
void mtp_backward(Work<Real>& work, const ModelConfig& config, const ModelWeights<Real>& weights,
                  const Rotation<Real>& rotation, const MtpRows& rows, MtpCache<Real>& cache,
                  const Real* d_output, Real* d_hidden) {
  const MtpWeights<Real>& w = weights.mtp;
  const int64_t n = rows.rows.count(), width = config.hidden_size;
  Real* d_stream = cache.stream.zeros(n * width);
  norm_backward(work, cache.norm, d_output, n, width, w.norm, d_stream);
  // The balance and z losses are of the main model's routers.
  layer_backward(work, config, w.layer, rotation, rows.rows, cache.layer, RouterLossGradient<Real>(),
                 d_stream);
  multiply(work,
           weight_product<Real>(d_stream, width, cache.pair.data(), 2 * width, n, width, 2 * width, w.fc.g));
  Real* d_pair = cache.pair.data();
  multiply(work, input_product<Real>(d_stream, width, n, w.fc.w, width, 2 * width, d_pair, 2 * width));
  Real* half = work.first.room(n * width);
  Real* d_rows = cache.gathered.data();
  copy_rows<Real>(work, n, width, d_pair, 2 * width, half, width);
  std::fill_n(d_rows, n * width, Real(0));
  norm_backward(work, cache.norm_embedding, half, n, width, w.norm_embedding, d_rows);
  embed_backward(work, weights.embedding.g, width, std::span<const int32_t>(rows.ids), d_rows);
  copy_rows<Real>(work, n, width, d_pair + width, 2 * width, half, width);
  std::fill_n(d_rows, n * width, Real(0));
  norm_backward(work, cache.norm_hidden, half, n, width, w.norm_hidden, d_rows);
  for_row_blocks(work, n, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      work.math.add_scaled(Real(1), d_rows + i * width,
                           d_hidden + rows.hidden_row[static_cast<size_t>(i)] * width, width);
    }
  });
}

template void mtp_forward(Work<float>&, const ModelConfig&, const ModelWeights<float>&,
                          const Rotation<float>&, const MtpRows&, const float*, MtpCache<float>&,
                          RoutingRecord*);
template void mtp_forward(Work<double>&, const ModelConfig&, const ModelWeights<double>&,
                          const Rotation<double>&, const MtpRows&, const double*, MtpCache<double>&,
                          RoutingRecord*);
template void mtp_backward(Work<float>&, const ModelConfig&, const ModelWeights<float>&,
                           const Rotation<float>&, const MtpRows&, MtpCache<float>&, const float*, float*);
template void mtp_backward(Work<double>&, const ModelConfig&, const ModelWeights<double>&,
                           const Rotation<double>&, const MtpRows&, MtpCache<double>&, const double*,
                           double*);

}  // namespace qnext::train
