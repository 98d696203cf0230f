#include <cmath>
#include <vector>

#include "kernels/ref/ref_ops.h"

namespace qnext::ref {

void embed(const Matrix& table, std::span<const int32_t> ids, float* y) {
  for (size_t i = 0; i < ids.size(); ++i) read_row(table, ids[i], y + static_cast<int64_t>(i) * table.cols);
}

void rms_norm(const float* x, const float* scale, float eps, int64_t n, int64_t width, float* y) {
  for (int64_t i = 0; i < n; ++i) {
    const float* in = x + i * width;
    double squares = 0;
    for (int64_t j = 0; j < width; ++j) squares += static_cast<double>(in[j]) * in[j];
    const double inverse = 1.0 / std::sqrt(squares / static_cast<double>(width) + eps);
    for (int64_t j = 0; j < width; ++j) y[i * width + j] = static_cast<float>(in[j] * inverse * scale[j]);
  }
}

void linear(ThreadPool& pool, const Matrix& w, const float* x, int64_t n, float* y) {
  pool.parallel_for(w.rows, 8, [&](int64_t begin, int64_t end, int) {
    std::vector<float> row(static_cast<size_t>(w.cols));
    for (int64_t r = begin; r < end; ++r) {
      read_row(w, r, row.data());
      for (int64_t i = 0; i < n; ++i) {
        const float* in = x + i * w.cols;
        double sum = 0;
        for (int64_t j = 0; j < w.cols; ++j) sum += static_cast<double>(row[static_cast<size_t>(j)]) * in[j];
        y[i * w.rows + r] = static_cast<float>(sum);
      }
    }
  });
}

}  // namespace qnext::ref
