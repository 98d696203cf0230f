#include "model/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace qnext {
namespace {

// The (fractional) pair index whose wavelength makes `rotations` turns over the original context.
double pair_of_rotations(const ModelConfig& c, double rotations) {
  const double context = static_cast<double>(c.rope_scaling.original_context);
  return static_cast<double>(c.rope_dim) * std::log(context / (rotations * 2 * std::numbers::pi)) /
         (2 * std::log(c.rope_theta));
}

// Fast pairs keep their frequency, slow ones are divided by the factor, a ramp joins them.
void apply_yarn(const ModelConfig& c, std::vector<double>& freq) {
  const RopeScaling& s = c.rope_scaling;
  const double low = std::max(std::floor(pair_of_rotations(c, s.beta_fast)), 0.0);
  double high = std::min(std::ceil(pair_of_rotations(c, s.beta_slow)), static_cast<double>(c.rope_dim - 1));
  if (low == high) high += 0.001;
  for (size_t m = 0; m < freq.size(); ++m) {
    const double ramp = std::clamp((static_cast<double>(m) - low) / (high - low), 0.0, 1.0);
    freq[m] = freq[m] * (1 - ramp) + freq[m] / s.factor * ramp;
  }
}

}  // namespace

RopeTable make_rope_table(const ModelConfig& config) {
  const RopeScaling& s = config.rope_scaling;
  std::vector<double> freq(static_cast<size_t>(config.rope_dim / 2));
  for (size_t m = 0; m < freq.size(); ++m) {
    freq[m] =
        std::pow(config.rope_theta, -2.0 * static_cast<double>(m) / static_cast<double>(config.rope_dim));
  }
  RopeTable table;
  if (s.kind == RopeScaling::Kind::kLinear) {
    for (double& f : freq) f /= s.factor;
  } else if (s.kind == RopeScaling::Kind::kYarn) {
    apply_yarn(config, freq);
    const double derived = s.factor > 1 ? 0.1 * std::log(s.factor) + 1 : 1;
    table.factor = static_cast<float>(s.attention_factor > 0 ? s.attention_factor : derived);
  }
  table.inv_freq.assign(freq.begin(), freq.end());
  return table;
}

}  // namespace qnext
