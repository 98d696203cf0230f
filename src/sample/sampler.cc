#include "sample/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/random.h"

namespace qnext {

Sampler::Sampler(SamplingParams params, int64_t vocab_size, std::span<const int32_t> forbidden)
    : params_(std::move(params)), vocab_size_(vocab_size), forbidden_(forbidden.begin(), forbidden.end()) {}

void Sampler::count(int32_t token) {
  if (params_.repeat_penalty == 1 || params_.repeat_window == 0) return;
  ++in_window_[token];
  if (params_.repeat_window < 0) return;
  window_.push_back(token);
  if (static_cast<int64_t>(window_.size()) <= params_.repeat_window) return;
  const int32_t leaving = window_.front();
  window_.pop_front();
  if (--in_window_[leaving] == 0) in_window_.erase(leaving);
}

void Sampler::accept_prompt(std::span<const int32_t> tokens) {
  for (const int32_t token : tokens) count(token);
}

void Sampler::accept(int32_t token) {
  count(token);
  if (params_.presence_penalty != 0 || params_.frequency_penalty != 0) ++generated_[token];
  ++draws_;
}

// Steps 1 to 3 of the chain, into logits_ and largest_.
Status Sampler::adjust(std::span<const float> logits) {
  QN_CHECK(static_cast<int64_t>(logits.size()) == vocab_size_, "a row of logits of another vocabulary");
  for (size_t i = 0; i < logits.size(); ++i) {
    if (!std::isfinite(logits[i])) {
      return Error(fmt::format("the model's logit of token id {} is {}, not a finite number", i, logits[i]));
    }
  }
  logits_.assign(logits.begin(), logits.end());
  for (const auto& [id, bias] : params_.logit_bias) {
    logits_[static_cast<size_t>(id)] += static_cast<float>(bias);
  }
  const auto r = static_cast<float>(params_.repeat_penalty);
  for (const auto& [id, times] : in_window_) {
    if (id < 0 || id >= vocab_size_) continue;
    float& l = logits_[static_cast<size_t>(id)];
    l = l > 0 ? l / r : l * r;
  }
  for (const auto& [id, times] : generated_) {
    if (id < 0 || id >= vocab_size_) continue;
    logits_[static_cast<size_t>(id)] -=
        static_cast<float>(static_cast<double>(times) * params_.frequency_penalty + params_.presence_penalty);
  }
  for (const int32_t id : forbidden_) {
    logits_[static_cast<size_t>(id)] = -std::numeric_limits<float>::infinity();
  }
  largest_ = logits_.empty() ? -std::numeric_limits<float>::infinity()
                             : *std::max_element(logits_.begin(), logits_.end());
  if (largest_ == -std::numeric_limits<float>::infinity()) {
    return Error("logit_bias: every token is forbidden, none is left to choose");
  }
  return {};
}

// Probability of a token in units of the most probable one's.
double Sampler::weight(int32_t id) const {
  const double l = logits_[static_cast<size_t>(id)];
  if (largest_ == std::numeric_limits<float>::infinity()) return l == largest_ ? 1 : 0;
  return std::exp((l - largest_) / params_.temperature);
}

// Top-k and top-p: the most probable tokens in falling order, as few as the two allow. `total` is the weight
// of all tokens.
void Sampler::keep_top(double total) {
  std::vector<int32_t> ids(static_cast<size_t>(vocab_size_));
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int32_t>(i);
  const auto before = [this](int32_t a, int32_t b) {
    const float la = logits_[static_cast<size_t>(a)], lb = logits_[static_cast<size_t>(b)];
    return la != lb ? la > lb : a < b;
  };
  const size_t limit =
      params_.top_k > 0 ? std::min<size_t>(static_cast<size_t>(params_.top_k), ids.size()) : ids.size();
  // The head of the order is sorted in growing parts: top-p seldom needs more than the first.
  constexpr size_t kFirstPart = 256;
  size_t sorted = 0;
  const auto sort_to = [&](size_t end) {
    if (end < ids.size()) {
      std::nth_element(ids.begin() + static_cast<int64_t>(sorted),
                       ids.begin() + static_cast<int64_t>(end - 1), ids.end(), before);
    }
    std::sort(ids.begin() + static_cast<int64_t>(sorted), ids.begin() + static_cast<int64_t>(end), before);
    sorted = end;
  };
  if (params_.top_k > 0) {
    sort_to(limit);
    total = 0;
    for (size_t i = 0; i < limit; ++i) total += weight(ids[i]);
  }
  double sum = 0;
  for (size_t i = 0; i < limit; ++i) {
    if (i == sorted) sort_to(std::min(limit, std::max(kFirstPart, 4 * sorted)));
    const double w = weight(ids[i]);
    if (i > 0 && (w == 0 || w < params_.min_p)) break;
    candidates_.push_back({ids[i], w});
    sum += w;
    if (params_.top_p < 1 && sum >= params_.top_p * total) break;
  }
}

Result<std::span<const Candidate>> Sampler::distribution(std::span<const float> logits) {
  QN_RETURN_IF_ERROR(adjust(logits));
  candidates_.clear();
  if (params_.greedy() || params_.top_k == 1) {
    const auto first = std::find(logits_.begin(), logits_.end(), largest_) - logits_.begin();
    candidates_.push_back({static_cast<int32_t>(first), 1.0});
    return std::span<const Candidate>(candidates_);
  }
  const bool cut_k = params_.top_k > 0 && params_.top_k < vocab_size_;
  double total = 0;
  if (cut_k || params_.top_p < 1) {
    if (!cut_k) {
      for (int32_t id = 0; id < vocab_size_; ++id) total += weight(id);
    }
    keep_top(total);
  } else {
    for (int32_t id = 0; id < vocab_size_; ++id) {
      const double w = weight(id);
      if (w > 0 && w >= params_.min_p) candidates_.push_back({id, w});
    }
  }
  double left = 0;
  for (const Candidate& c : candidates_) left += c.probability;
  for (Candidate& c : candidates_) c.probability /= left;
  return std::span<const Candidate>(candidates_);
}

Result<int32_t> Sampler::sample(std::span<const float> logits) {
  QN_TRY(const std::span<const Candidate> left, distribution(logits));
  const double u = random_unit(params_.seed, 0, draws_);
  double sum = 0;
  for (const Candidate& c : left) {
    sum += c.probability;
    if (u < sum) return c.id;
  }
  return left.back().id;  // the sum may end a rounding error below 1
}

}  // namespace qnext
