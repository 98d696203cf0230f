// docs/cli.md is what the program says of itself.
#include <gtest/gtest.h>

#include "base/files.h"
#include "cli/support.h"

namespace qnext {
namespace {

TEST(Documentation, TheManualInDocsIsCurrent) {
  const auto written = read_file(std::string(QNEXT_TEST_DATA) + "/../../docs/cli.md");
  ASSERT_TRUE(written.ok()) << written.error().message();
  EXPECT_EQ(*written, qnext({"generate-docs", "markdown"}).out)
      << "run: build/release/qnext generate-docs markdown >docs/cli.md";
}

}  // namespace
}  // namespace qnext
