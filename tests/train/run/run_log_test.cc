#include "train/run/run_log.h"

#include <sys/resource.h>

#include <cmath>
#include <csignal>

#include "base/files.h"
#include "train/data/support.h"
#include "train/run/curve.h"

namespace qnext::train {
namespace {

StepRecord record(int64_t step) {
  const double x = static_cast<double>(step);
  return {.step = step,
          .tokens = 100 * step,
          .loss = 5 / x + 0.1,
          .cross_entropy = 5 / x,
          .aux_loss = 0.1,
          .z_loss = 0,
          .mtp_loss = 0.3,
          .grad_norm = 1 / 3.0,
          .lr = 1e-3 * x,
          .least_expert = 0.5,
          .most_expert = 2};
}

class RunLogTest : public test::FolderTest {
 protected:
  std::string log() const { return path("log.jsonl"); }
  // Steps [from, to], with an evaluation after every fourth.
  void run(int64_t from, int64_t to) {
    auto opened = RunLog::open(log(), from - 1);
    ASSERT_TRUE(opened.ok()) << opened.error().message();
    for (int64_t step = from; step <= to; ++step) {
      ASSERT_TRUE((*opened)->add(record(step)).ok());
      if (step % 4 == 0) {
        ASSERT_TRUE((*opened)->add(Evaluation{step, 2.5, {{"a", 2}, {"b", 3}}}).ok());
      }
    }
    ASSERT_TRUE((*opened)->sync().ok());
  }
};

TEST_F(RunLogTest, OfAKilledRunIsThatOfAnUndisturbedOne) {
  run(1, 12);
  const std::string whole = *read_file(log());
  for (const int64_t checkpoint : {0, 3, 4, 8}) {
    std::filesystem::remove(log());
    run(1, 9);
    std::ofstream(log(), std::ios::app) << "{\"step\": 10, \"tok";  // cut short by the kill
    run(checkpoint + 1, 12);
    EXPECT_EQ(*read_file(log()), whole) << checkpoint;
  }
}

TEST_F(RunLogTest, IsReadBack) {
  run(1, 8);
  std::ofstream(log(), std::ios::app) << "garbage\n";
  const auto contents = read_log(log());
  ASSERT_TRUE(contents.ok());
  ASSERT_EQ(contents->steps.size(), 8u);
  ASSERT_EQ(contents->evaluations.size(), 2u);
  EXPECT_EQ(contents->steps[6].step, 7);
  EXPECT_EQ(contents->steps[6].tokens, 700);
  EXPECT_DOUBLE_EQ(contents->steps[6].grad_norm, 1 / 3.0);
  EXPECT_DOUBLE_EQ(contents->steps[6].most_expert, 2);
  EXPECT_EQ(contents->evaluations[1].step, 8);
  EXPECT_EQ(contents->evaluations[1].by_source[1].first, "b");
}

TEST_F(RunLogTest, RefusesWhatIsNoNumber) {
  auto opened = RunLog::open(log(), 0);
  StepRecord bad = record(7);
  bad.loss = NAN;
  EXPECT_EQ((*opened)->add(bad).error().message(), "step 7: loss is nan");
  EXPECT_FALSE((*opened)->add(Evaluation{7, INFINITY, {}}).ok());
  EXPECT_EQ(*read_file(log()), "");
}

TEST_F(RunLogTest, AFullDiskIsAnError) {
  auto opened = RunLog::open(log(), 0);
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit tight{1000, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &tight);
  Status status;
  int64_t step = 1;
  for (; status.ok() && step < 100; ++step) status = (*opened)->add(record(step));
  setrlimit(RLIMIT_FSIZE, &before);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message(), log() + ": cannot write: File too large");
  // The line that was cut short is no part of the log.
  EXPECT_EQ(static_cast<int64_t>(read_log(log())->steps.size()), step - 2);
  EXPECT_EQ(RunLog::open("/dev/full", 0).error().message(), "/dev/full: is not a regular file");
}

TEST_F(RunLogTest, ErrorsNameThePath) {
  EXPECT_NE(RunLog::open(path("no/folder/log"), 0).error().message().find(path("no/folder/log")),
            std::string::npos);
  EXPECT_FALSE(read_log(log()).ok());
}

TEST_F(RunLogTest, ThePictureShowsWhatIsThere) {
  run(1, 40);
  ASSERT_TRUE(write_curve(log(), path("loss.svg"), "a < b & c").ok());
  const std::string svg = *read_file(path("loss.svg"));
  EXPECT_TRUE(svg.starts_with("<svg "));
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  for (const char* part :
       {"a &lt; b &amp; c", "training", "held out", "learning rate", ">step<", ">40<", "circle"}) {
    EXPECT_NE(svg.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
}

TEST_F(RunLogTest, ThePictureOfALongRunIsThinnedAndOfNoneIsEmpty) {
  LogContents contents;
  for (int64_t step = 1; step <= 100000; ++step) contents.steps.push_back(record(step));
  EXPECT_LT(curve_svg(contents, "long").size(), 40000u);
  const std::string empty = curve_svg({}, "none");
  EXPECT_TRUE(empty.ends_with("</svg>\n"));
  EXPECT_EQ(empty.find("nan"), std::string::npos);
  LogContents one;
  one.steps.push_back(record(1));
  EXPECT_NE(curve_svg(one, "one").find("circle"), std::string::npos);
}

}  // namespace
}  // namespace qnext::train
