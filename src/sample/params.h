// How the next token is chosen from the logits.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace qnext {

struct SamplingParams {
  double temperature = 1;  // 0: greedy, the most probable token (after biases and penalties)
  int64_t top_k = 0;       // keep the k most probable tokens; 0: all
  double top_p = 1;        // then the smallest set of most probable tokens that holds this much probability
  double min_p = 0;        // then those with at least this share of the most probable token's probability
  double repeat_penalty = 1;     // on every token of the last repeat_window ones, prompt included
  int64_t repeat_window = -1;    // -1: the whole sequence, 0: none
  double presence_penalty = 0;   // subtracted once from the logit of every token generated so far
  double frequency_penalty = 0;  // subtracted as often as the token was generated
  std::map<int64_t, double> logit_bias = {};  // added to the logit of a token id; -infinity forbids it
  uint64_t seed = 0;

  bool greedy() const { return temperature == 0; }
  // Ranges of all values, and that biased ids are below `vocab_size`. Errors name the parameter.
  Status validate(int64_t vocab_size) const;
};

// What a model's publisher states in generation_config.json.
struct GenerationDefaults {
  SamplingParams sampling;
  bool stated = false;  // whether the file says anything about sampling
  std::vector<int64_t> stop_tokens;
};

// Reads do_sample, temperature, top_k, top_p, min_p, repetition_penalty and eos_token_id (one id or a list).
// do_sample false is greedy; so is a file that says nothing about sampling, as in the reference
// implementation.
Result<GenerationDefaults> read_generation_config(const Json& json, const std::string& label);

}  // namespace qnext
