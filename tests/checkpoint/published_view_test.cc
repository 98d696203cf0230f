#include "checkpoint/published_view.h"

#include <cmath>

#include "checkpoint/convert_support.h"

namespace qnext {
namespace {

using namespace reading;

// A converted file seen under the published names is the checkpoint that it was made from, but for the
// rounding of 1 + w and of logarithms.
void expect_given_back(const Checkpoint& published, GgufFileType type) {
  const Converted out(published, type);
  Checkpoint view = must(open_checkpoint(out.path()));
  view.tensors = must(published_view(view));
  EXPECT_EQ(view.tensors->naming(), Naming::kPublished);
  EXPECT_TRUE(view.has_mtp());
  for (const TensorEntry& entry : published.tensors->entries()) {
    const TensorEntry* other = view.tensors->find(entry.name);
    ASSERT_NE(other, nullptr) << entry.name;
    EXPECT_EQ(other->shape, entry.shape) << entry.name;
    const std::vector<float> expected = values_of(published, entry.name), got = values_of(view, entry.name);
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_NEAR(got[i], expected[i], 3e-7 * (1 + std::abs(expected[i]))) << entry.name;
    }
  }
}

TEST(PublishedView, GivesBackWhatWasConverted) {
  expect_given_back(must(open_checkpoint(kGolden + "tiny")), GgufFileType::kF32);
  // Its synthetic weights are BF16.
  expect_given_back(must(open_checkpoint("synth:" + kGolden + "variant-wide/config.json")),
                    GgufFileType::kBF16);
}

TEST(PublishedView, OfAPublishedCheckpointIsItself) {
  const Checkpoint published = must(open_checkpoint(kGolden + "tiny"));
  EXPECT_EQ(must(published_view(published)), published.tensors);
}

}  // namespace
}  // namespace qnext
