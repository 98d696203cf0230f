// What a row of logits says about tokens and about another row. Sums in double.
#pragma once

#include <cstdint>
#include <span>

namespace qnext {

// log(sum(exp(row))), without overflow.
double log_sum_exp(std::span<const float> row);

// -log softmax(row)[token], in nats.
double negative_log_likelihood(std::span<const float> row, int32_t token);

// KL(softmax(reference) || softmax(row)) in nats.
double kl_divergence(std::span<const float> reference, std::span<const float> row);

// Index of the largest element, of equal ones the first.
int32_t most_probable(std::span<const float> row);

}  // namespace qnext
