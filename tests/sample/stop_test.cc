#include "sample/stop.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace qnext {
namespace {

// The text that comes out when it goes in cut at the given lengths.
std::string through(StopMatcher& matcher, const std::string& text, const std::vector<size_t>& cuts) {
  std::string out;
  size_t at = 0;
  for (size_t i = 0; at < text.size(); ++i) {
    const size_t n = cuts.empty() ? text.size() : cuts[i % cuts.size()];
    out += matcher.push(std::string_view(text).substr(at, n));
    at += n;
  }
  return out + matcher.finish();
}

TEST(StopMatcher, EndsBeforeTheStopString) {
  StopMatcher matcher({"END"});
  EXPECT_EQ(matcher.push("one E"), "one ");
  EXPECT_FALSE(matcher.stopped());
  EXPECT_EQ(matcher.push("N"), "");
  EXPECT_EQ(matcher.push("D two"), "");
  EXPECT_TRUE(matcher.stopped());
  EXPECT_EQ(matcher.matched(), "END");
  EXPECT_EQ(matcher.push("three"), "");
  EXPECT_EQ(matcher.finish(), "");
}

TEST(StopMatcher, ReleasesWhatTurnsOutNotToMatch) {
  StopMatcher matcher({"END"});
  EXPECT_EQ(matcher.push("EN"), "");
  EXPECT_EQ(matcher.push("EN"), "EN");
  EXPECT_EQ(matcher.push("x"), "ENx");
  EXPECT_EQ(matcher.push("E"), "");
  EXPECT_EQ(matcher.finish(), "E");
}

TEST(StopMatcher, HoldsNoMoreThanNeeded) {
  StopMatcher matcher({"aab"});
  EXPECT_EQ(matcher.push("aaaa"), "aa");
  EXPECT_EQ(matcher.push("b"), "");
  EXPECT_TRUE(matcher.stopped());
}

TEST(StopMatcher, TheStringThatIsCompleteFirstWins) {
  StopMatcher matcher({"long stop string", "st"});
  EXPECT_EQ(through(matcher, "a long stop string", {}), "a long ");
  StopMatcher same_end({"b", "ab"});
  EXPECT_EQ(through(same_end, "xab", {}), "x");
}

TEST(StopMatcher, WithoutStopStringsPassesEverything) {
  StopMatcher none({});
  EXPECT_EQ(none.push("anything"), "anything");
  StopMatcher empty({""});
  EXPECT_EQ(empty.push("anything"), "anything");
  EXPECT_FALSE(empty.stopped());
}

TEST(StopMatcher, CutsDoNotMatter) {
  uint64_t n = 0;
  const auto draw = [&n](uint64_t below) { return random_bits(3, 0, n++) % below; };
  const auto word = [&](size_t length) {
    std::string s;
    for (size_t i = 0; i < length; ++i) s += "ab\xc3"[draw(3)];
    return s;
  };
  int stopped = 0;
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::string> stops;
    for (size_t i = 0; i < 1 + draw(3); ++i) stops.push_back(word(1 + draw(6)));
    const std::string text = word(draw(40));
    StopMatcher whole(stops);
    const std::string want = through(whole, text, {});
    stopped += whole.stopped();
    for (const std::vector<size_t>& cuts : {std::vector<size_t>{1}, {2}, {3, 1, 7}, {5, 2}}) {
      StopMatcher cut(stops);
      EXPECT_EQ(through(cut, text, cuts), want);
      EXPECT_EQ(cut.stopped(), whole.stopped());
    }
  }
  EXPECT_GT(stopped, 500);
  EXPECT_LT(stopped, 1990);
}

}  // namespace
}  // namespace qnext
