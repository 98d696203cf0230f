// The model that is linked into the program, as a newcomer meets it.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/json.h"
#include "cli/support.h"

namespace qnext {
namespace {

// The file is quantised: where the reference was less sure than this, it may answer otherwise.
constexpr double kSure = 0.1;

TEST(Embedded, AnswersAsTheReferenceDoes) {
  const auto golden = read_json_file(std::string(QNEXT_TEST_DATA) + "/embedded/golden.json");
  ASSERT_TRUE(golden.ok()) << golden.error().message();
  int compared = 0;
  for (const auto& [name, item] : golden->at("greedy").items()) {
    const auto margins = item.at("top1_minus_top2").get<std::vector<double>>();
    if (*std::min_element(margins.begin(), margins.end()) < kSure) continue;
    const std::string user = item.at("user"), text = item.at("text");
    const Ran ran = qnext({"run", "-p", user, "--temp", "0", "-n", "80"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.out, text + "\n") << user;
    ++compared;
  }
  EXPECT_EQ(compared, 11);
}

TEST(Embedded, AnswersSomethingWhenAskedNothing) {
  const Ran ran = qnext({"run"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_GT(ran.out.size(), 40u);
}

}  // namespace
}  // namespace qnext
