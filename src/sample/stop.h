// Ends a text at the first of several strings, wherever token boundaries fall.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace qnext {

// Text goes in piece by piece; what comes out can never become part of a stop string. Of several stop
// strings the one that is complete first ends the text (of those complete at the same byte, the longest), so
// the result does not depend on how the text is cut into pieces.
class StopMatcher {
 public:
  // Empty strings are ignored.
  explicit StopMatcher(std::vector<std::string> stops);

  // Text that is safe to show after `piece` arrived. Once stopped() is true, returns nothing more.
  std::string push(std::string_view piece);
  // The end of the text: what was held back.
  std::string finish();
  bool stopped() const { return stopped_; }
  const std::string& matched() const { return matched_; }  // the stop string that ended the text

 private:
  std::vector<std::string> stops_;
  std::string held_;  // the longest end of the text that is the beginning of a stop string
  std::string matched_;
  bool stopped_ = false;
};

}  // namespace qnext
