// Cuts a stretch of text into the words that the BPE model takes, step by step as the file says.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/split_regex.h"
#include "text/tokenizer_spec.h"

namespace qnext {

// Immutable; threads may share one if each brings its own Workspace.
class PreTokenizer {
 public:
  using Workspace = SplitRegex::Workspace;

  // The error, without a label, names the step.
  static Result<PreTokenizer> create(const std::vector<PreTokenizerStep>& steps);

  // Calls sink(std::string_view word) for the words in order. A word lives only during the call.
  template <class Sink>
  void for_each_word(std::string_view text, Workspace& workspace, Sink&& sink) const {
    apply(0, text, workspace, sink);
  }

 private:
  struct Step {
    PreTokenizerStep::Kind kind;
    PreTokenizerStep::Behavior behavior;
    bool invert;
    std::vector<SplitRegex> regex;  // one when kind is split
  };

  template <class Sink>
  void apply(size_t index, std::string_view text, Workspace& workspace, Sink& sink) const {
    if (text.empty()) return;
    if (index == steps_.size()) return sink(text);
    const Step& step = steps_[index];
    if (step.kind == PreTokenizerStep::Kind::prefix_space) {
      if (text.front() == ' ') return apply(index + 1, text, workspace, sink);
      const std::string prefixed = " " + std::string(text);
      return apply(index + 1, prefixed, workspace, sink);
    }
    split(step, text, workspace, [&](size_t begin, size_t end) {
      apply(index + 1, text.substr(begin, end - begin), workspace, sink);
    });
  }

  // Calls sink(begin, end) for the pieces that the step's behaviour makes of matches and what lies between.
  template <class Sink>
  static void split(const Step& step, std::string_view text, Workspace& workspace, Sink&& sink) {
    using Behavior = PreTokenizerStep::Behavior;
    const SplitRegex& regex = step.regex.front();
    if (step.behavior == Behavior::isolated) {
      return regex.for_each_span(text, workspace, [&](MatchSpan span) { sink(span.begin, span.end); });
    }
    MatchSpan held{0, 0, false};  // a piece that may still grow
    bool holding = false, previous_matched = false;
    const auto joins = [&](bool matched) {
      switch (step.behavior) {
        case Behavior::contiguous:
          return matched == previous_matched;
        case Behavior::merged_with_previous:
          return matched && !previous_matched;
        case Behavior::merged_with_next:
          return !matched && previous_matched;
        default:
          return false;
      }
    };
    regex.for_each_span(text, workspace, [&](MatchSpan span) {
      const bool matched = span.matched != step.invert;
      if (step.behavior == Behavior::removed) {
        if (!matched) sink(span.begin, span.end);
        return;
      }
      if (holding && joins(matched)) {
        held.end = span.end;
      } else {
        if (holding) sink(held.begin, held.end);
        held = span;
        holding = true;
      }
      previous_matched = matched;
    });
    if (holding) sink(held.begin, held.end);
  }

  std::vector<Step> steps_;
};

}  // namespace qnext
