#include "sample/params.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace qnext {
namespace {

Status in_range(const char* name, double value, double low, double high, const char* expected) {
  if (value >= low && value <= high) return {};  // false for NaN
  return Error(fmt::format("{}: expected {}, got {}", name, expected, value));
}

Result<std::vector<int64_t>> one_or_many(const JsonFields& fields, const std::string& name) {
  if (!fields.has(name)) return std::vector<int64_t>{};
  if (fields.json().at(name).is_array()) return fields.integers_or(name, {});
  QN_TRY(const int64_t id, fields.integer(name));
  return std::vector<int64_t>{id};
}

}  // namespace

Status SamplingParams::validate(int64_t vocab_size) const {
  constexpr double kMax = std::numeric_limits<float>::max();
  QN_RETURN_IF_ERROR(in_range("temperature", temperature, 0, kMax, "a number that is not negative"));
  if (top_k < 0) return Error(fmt::format("top_k: expected a number that is not negative, got {}", top_k));
  QN_RETURN_IF_ERROR(in_range("top_p", top_p, 0, 1, "a number from 0 to 1"));
  QN_RETURN_IF_ERROR(in_range("min_p", min_p, 0, 1, "a number from 0 to 1"));
  QN_RETURN_IF_ERROR(in_range("repeat_penalty", repeat_penalty, std::numeric_limits<double>::min(), kMax,
                              "a number above 0"));
  if (repeat_window < -1) {
    return Error(fmt::format("repeat_window: expected -1 (everything) or a length, got {}", repeat_window));
  }
  QN_RETURN_IF_ERROR(in_range("presence_penalty", presence_penalty, -kMax, kMax, "a finite number"));
  QN_RETURN_IF_ERROR(in_range("frequency_penalty", frequency_penalty, -kMax, kMax, "a finite number"));
  for (const auto& [id, bias] : logit_bias) {
    if (id < 0 || id >= vocab_size) {
      return Error(fmt::format("logit_bias: token id {} is outside the vocabulary of {}", id, vocab_size));
    }
    if (std::isnan(bias) || bias > kMax) {
      return Error(fmt::format("logit_bias: token id {}: expected a number, got {}", id, bias));
    }
  }
  return {};
}

Result<GenerationDefaults> read_generation_config(const Json& json, const std::string& label) {
  if (!json.is_object()) return Error(label + ": expected a JSON object");
  const JsonFields fields(json, label);
  GenerationDefaults defaults;
  SamplingParams& s = defaults.sampling;
  const bool shaped = fields.has("temperature") || fields.has("top_p") || fields.has("top_k");
  defaults.stated = shaped || fields.has("do_sample");
  QN_TRY(const bool do_sample, fields.boolean_or("do_sample", shaped));
  QN_TRY(s.temperature, fields.number_or("temperature", 1));
  if (!do_sample) s.temperature = 0;
  QN_TRY(s.top_k, fields.integer_or("top_k", 0));
  QN_TRY(s.top_p, fields.number_or("top_p", 1));
  QN_TRY(s.min_p, fields.number_or("min_p", 0));
  QN_TRY(s.repeat_penalty, fields.number_or("repetition_penalty", 1));
  if (!(s.repeat_penalty > 0))
    return fields.wrong("repetition_penalty", "a number above 0");  // its name here
  if (auto valid = s.validate(0); !valid.ok()) return valid.error().in(label);
  QN_TRY(defaults.stop_tokens, one_or_many(fields, "eos_token_id"));
  return defaults;
}

}  // namespace qnext
