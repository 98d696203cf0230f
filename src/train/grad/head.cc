#include "train/grad/head.h"

#include <algorithm>
#include <cmath>

namespace qnext::train {
namespace {

// Rows whose logits are held at a time: 16 MB of float32.
int64_t rows_at_once(int64_t vocab) { return std::clamp<int64_t>((int64_t{1} << 22) / vocab, 64, 1024); }

}  // namespace

template <class Real>
double head_loss(Work<Real>& work, Weight<Real> head, int64_t vocab, int64_t hidden, const Real* x,
                 std::span<const int32_t> targets, Real scale, HeadCache<Real>& cache, Real* dx) {
  std::vector<int64_t>& with_target = cache.with_target;
  with_target.clear();
  for (size_t i = 0; i < targets.size(); ++i) {
    if (targets[i] >= 0) with_target.push_back(static_cast<int64_t>(i));
  }
  const auto total = static_cast<int64_t>(with_target.size());
  const int64_t block = std::min(total, rows_at_once(vocab));
  Real* rows = cache.rows.room(block * hidden);
  Real* d_rows = cache.d_rows.room(block * hidden);
  Real* logits = cache.logits.room(block * vocab);
  Real* loss = cache.loss.room(total);
  for (int64_t first = 0; first < total; first += block) {
    const int64_t n = std::min(block, total - first);
    const int64_t* index = with_target.data() + first;
    for_row_blocks(work, n, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) std::copy_n(x + index[i] * hidden, hidden, rows + i * hidden);
    });
    multiply(work, forward_product<Real>(rows, hidden, n, head.w, vocab, hidden, logits, vocab));
    work.pool.parallel_for(n, 16, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        Real* row = logits + i * vocab;
        const int32_t target = targets[static_cast<size_t>(index[i])];
        const Real chosen = row[target], top = work.math.maximum(row, vocab);
        const Real sum = work.math.exp_sum(row, top, vocab);
        loss[first + i] = std::log(sum) + (top - chosen);
        if (!dx) continue;
        work.math.scale(scale / sum, row, row, vocab);
        row[target] -= scale;
      }
    });
    if (!dx) continue;
    multiply(work, weight_product<Real>(logits, vocab, rows, hidden, n, vocab, hidden, head.g));
    multiply(work, input_product<Real>(logits, vocab, n, head.w, vocab, hidden, d_rows, hidden));
    for_row_blocks(work, n, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        work.math.add_scaled(Real(1), d_rows + i * hidden, dx + index[i] * hidden, hidden);
      }
    });
  }
  double sum = 0;
  for (int64_t i = 0; i < total; ++i) sum += loss[i];
  return sum;
}

template <class Real>
void head_logits(Work<Real>& work, const Real* head, int64_t vocab, int64_t hidden, const Real* x, int64_t n,
                 Real* logits) {
  multiply(work, forward_product(x, hidden, n, head, vocab, hidden, logits, vocab));
}

template <class Real>
void embed(Work<Real>& work, const Real* table, int64_t hidden, std::span<const int32_t> ids, Real* out) {
  for_row_blocks(work, static_cast<int64_t>(ids.size()), [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      std::copy_n(table + ids[static_cast<size_t>(i)] * hidden, hidden, out + i * hidden);
    }
  });
}

template <class Real>
void embed_backward(Work<Real>& work, Real* gradient, int64_t hidden, std::span<const int32_t> ids,
                    const Real* d) {
  if (!gradient) return;
  // Each task owns some columns of the table.
  work.pool.parallel_for(hidden, 64, [&](int64_t begin, int64_t end, int) {
    for (size_t i = 0; i < ids.size(); ++i) {
      work.math.add_scaled(Real(1), d + static_cast<int64_t>(i) * hidden + begin,
                           gradient + ids[i] * hidden + begin, end - begin);
    }
  });
}

template double head_loss(Work<float>&, Weight<float>, int64_t, int64_t, const float*,
                          std::span<const int32_t>, float, HeadCache<float>&, float*);
template double head_loss(Work<double>&, Weight<double>, int64_t, int64_t, const double*,
                          std::span<const int32_t>, double, HeadCache<double>&, double*);
template void head_logits(Work<float>&, const float*, int64_t, int64_t, const float*, int64_t, float*);
template void head_logits(Work<double>&, const double*, int64_t, int64_t, const double*, int64_t, double*);
template void embed(Work<float>&, const float*, int64_t, std::span<const int32_t>, float*);
template void embed(Work<double>&, const double*, int64_t, std::span<const int32_t>, double*);
template void embed_backward(Work<float>&, float*, int64_t, std::span<const int32_t>, const float*);
template void embed_backward(Work<double>&, double*, int64_t, std::span<const int32_t>, const double*);

}  // namespace qnext::train
