// From a row of logits to a token. The chain, in this order:
//
//   1. logit bias                       l += bias
//   2. repetition penalty (arXiv:1909.05858)   l > 0 ? l / r : l * r, for tokens of the window
//   3. frequency and presence penalty   l -= count * f + (count > 0) * p, counts of generated tokens only
//   4. temperature                      l /= T; with T = 0 the largest l is taken and the chain ends
//   5. top-k, top-p, min-p              each over the probabilities that the one before left
//
// The order of 4 and 5 is that of the reference implementation and of vLLM, which published settings are
// meant for. Equal logits are ordered by id, lowest first, so every cut keeps an exact, reproducible set.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "sample/params.h"

namespace qnext {

struct Candidate {
  int32_t id = 0;
  double probability = 0;
};

class Sampler {
 public:
  // `params` are valid. `forbidden` are ids below vocab_size that are never chosen: padding rows of the
  // embedding, for which the tokenizer has no text.
  Sampler(SamplingParams params, int64_t vocab_size, std::span<const int32_t> forbidden = {});

  // The tokens that precede the first one to be chosen.
  void accept_prompt(std::span<const int32_t> tokens);
  // A token that was generated.
  void accept(int32_t token);

  // What the chain leaves: ids with probabilities that sum to 1, most probable first where anything was cut
  // off and by id otherwise. logits: [vocab_size]. Errors when a logit is not finite or every token is
  // forbidden. Valid until the next call.
  Result<std::span<const Candidate>> distribution(std::span<const float> logits);

  // Draws from the distribution. The random number is a function of the seed and of how many tokens were
  // generated before, so the same request gives the same tokens whatever runs beside it. Does not accept the
  // token.
  Result<int32_t> sample(std::span<const float> logits);

  const SamplingParams& params() const { return params_; }

 private:
  void count(int32_t token);
  Status adjust(std::span<const float> logits);
  void keep_top(double total);
  double weight(int32_t id) const;

  SamplingParams params_;
  int64_t vocab_size_;
  std::vector<int32_t> forbidden_;
  std::deque<int32_t> window_;                      // the last tokens, when the window has a length
  std::unordered_map<int32_t, int64_t> in_window_;  // how often a token stands in the window
  std::unordered_map<int32_t, int64_t> generated_;  // how often a token was generated
  uint64_t draws_ = 0;                              // tokens generated so far
  std::vector<float> logits_;                       // [vocab_size], after biases and penalties
  float largest_ = 0;
  std::vector<Candidate> candidates_;
};

}  // namespace qnext
