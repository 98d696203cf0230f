#include "text/pre_tokenizer.h"

#include <fmt/format.h>

#include "text/shown.h"

namespace qnext {
namespace {

constexpr size_t kMostSteps = 32;  // each is a level of calls

}  // namespace

Result<PreTokenizer> PreTokenizer::create(const std::vector<PreTokenizerStep>& steps) {
  if (steps.size() > kMostSteps) {
    return Error(fmt::format("pre_tokenizer: {} steps, at most {} are supported", steps.size(), kMostSteps));
  }
  PreTokenizer made;
  for (size_t i = 0; i < steps.size(); ++i) {
    made.steps_.push_back({steps[i].kind, steps[i].behavior, steps[i].invert, {}});
    if (steps[i].kind != PreTokenizerStep::Kind::split) continue;
    auto regex = SplitRegex::compile(steps[i].regex);
    if (!regex.ok()) {
      return regex.error().in(fmt::format("pre_tokenizer: step {}: {}", i, in_quotes(steps[i].regex, 200)));
    }
    made.steps_.back().regex.push_back(std::move(regex).value());
  }
  return made;
}

}  // namespace qnext
