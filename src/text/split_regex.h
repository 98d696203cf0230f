// A compiled expression that finds the places where text is cut into words.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace qnext {

// A stretch of text between two byte offsets, and whether the expression matched it.
struct MatchSpan {
  size_t begin, end;
  bool matched;
};

// Immutable; threads may share one if each brings its own Workspace.
class SplitRegex {
 public:
  // What one thread needs for matching, kept between calls so as not to be allocated for each.
  class Workspace {
   public:
    Workspace();
    ~Workspace();
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;

   private:
    friend class SplitRegex;
    struct Parts;
    std::unique_ptr<Parts> parts_;
  };

  // `pattern` is in Oniguruma's syntax (split_pattern.h). Errors carry no label.
  static Result<SplitRegex> compile(const std::string& pattern);
  SplitRegex(SplitRegex&&) noexcept;
  SplitRegex& operator=(SplitRegex&&) noexcept;
  ~SplitRegex();

  // Calls sink(MatchSpan) for all matches and for what lies between them, in order; together the spans cover
  // the text, which must be valid UTF-8. Matches may be empty, stretches between them are not. Where a match
  // would take more steps or memory than the limits in the .cc file allow, the rest of the text counts as
  // unmatched: no expression of a published file comes near them.
  template <class Sink>
  void for_each_span(std::string_view text, Workspace& workspace, Sink&& sink) const {
    size_t done = 0, from = 0, last_end = kNone;
    for (size_t begin, end; from <= text.size() && find(text, from, workspace, &begin, &end);) {
      if (begin == end && begin == last_end) {  // an empty match may not follow a match immediately
        from = next_character(text, end);
        continue;
      }
      if (done < begin) sink(MatchSpan{done, begin, false});
      sink(MatchSpan{begin, end, true});
      done = from = last_end = end;
    }
    if (done < text.size()) sink(MatchSpan{done, text.size(), false});
  }

 private:
  struct Code;
  static constexpr size_t kNone = static_cast<size_t>(-1);
  explicit SplitRegex(std::unique_ptr<Code> code);
  bool find(std::string_view text, size_t from, Workspace& workspace, size_t* begin, size_t* end) const;
  static size_t next_character(std::string_view text, size_t at);

  std::unique_ptr<Code> code_;
};

}  // namespace qnext
