#include "sample/probabilities.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace qnext {

double log_sum_exp(std::span<const float> row) {
  const double largest = *std::max_element(row.begin(), row.end());
  double sum = 0;
  for (const float l : row) sum += std::exp(l - largest);
  return largest + std::log(sum);
}

double negative_log_likelihood(std::span<const float> row, int32_t token) {
  return log_sum_exp(row) - row[static_cast<size_t>(token)];
}

double kl_divergence(std::span<const float> reference, std::span<const float> row) {
  QN_CHECK(reference.size() == row.size(), "rows of different vocabularies");
  const double reference_total = log_sum_exp(reference), total = log_sum_exp(row);
  double sum = 0;
  for (size_t i = 0; i < row.size(); ++i) {
    const double log_p = reference[i] - reference_total;
    sum += std::exp(log_p) * (log_p - (row[i] - total));
  }
  return sum;
}

int32_t most_probable(std::span<const float> row) {
  return static_cast<int32_t>(std::max_element(row.begin(), row.end()) - row.begin());
}

}  // namespace qnext
