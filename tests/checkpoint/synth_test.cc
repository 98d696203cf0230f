#include "checkpoint/synth_source.h"

#include <cmath>

#include "checkpoint/checkpoint.h"
#include "checkpoint/hf_folder.h"
#include "checkpoint/manifest.h"
#include "checkpoint/reading_support.h"
#include "tensor/float_formats.h"

namespace qnext {
namespace {

using namespace reading;

std::vector<uint16_t> values(std::string_view name, int64_t last_dim, int64_t begin, int64_t count,
                             std::optional<uint64_t> seed = {}) {
  std::vector<uint16_t> out(static_cast<size_t>(count));
  synthesize(name, last_dim, seed, begin, count, out.data());
  return out;
}

TEST(Synth, CheckValues) {
  // The unit values of lm_head.weight begin 0.5400, -0.6261, 0.0646; its matrices are 2 sqrt(3 / last) times
  // that.
  const auto v = values("lm_head.weight", 12, 0, 3);
  EXPECT_NEAR(bf16_to_float(v[0]), 0.5400, 0.002);
  EXPECT_NEAR(bf16_to_float(v[1]), -0.6261, 0.003);
  EXPECT_NEAR(bf16_to_float(v[2]), 0.0646, 0.0003);
}

TEST(Synth, EqualsEveryWeightOfTheGoldenModel) {
  const auto stored = must(open_hf_folder(kGolden + "tiny"));
  const Checkpoint made = must(open_checkpoint("synth:" + kGolden + "tiny/config.json"));
  EXPECT_EQ(made.tensors->entries().size(), stored->entries().size());
  EXPECT_TRUE(made.has_mtp());
  int64_t compared = 0;
  for (const TensorEntry& entry : stored->entries()) {
    const TensorEntry* same = made.tensors->find(entry.name);
    ASSERT_NE(same, nullptr) << entry.name;
    EXPECT_EQ(same->shape, entry.shape) << entry.name;
    const Tensor a = must(stored->load(entry.name)), b = must(made.tensors->load(entry.name));
    ASSERT_EQ(a.bytes(), b.bytes()) << entry.name;
    EXPECT_EQ(std::memcmp(a.data, b.data, static_cast<size_t>(a.bytes())), 0) << entry.name;
    compared += a.shape.elements();
  }
  EXPECT_GT(compared, 600000);
}

TEST(Synth, PiecesEqualTheWhole) {
  for (const char* name :
       {"model.layers.0.mlp.gate.weight", "model.layers.1.linear_attn.A_log", "x.dt_bias"}) {
    const auto whole = values(name, 64, 0, 1000);
    for (int64_t begin : {0, 1, 7, 500, 999}) {
      const auto piece = values(name, 64, begin, 1000 - begin);
      EXPECT_TRUE(std::equal(piece.begin(), piece.end(), whole.begin() + begin)) << name << " from " << begin;
    }
  }
  // Indices wrap at 2^32 like the rule's arithmetic.
  EXPECT_EQ(values("a.weight", 8, int64_t{1} << 32, 20), values("a.weight", 8, 0, 20));
}

TEST(Synth, RolesFollowTheNames) {
  auto range = [](const char* name, int64_t last) {
    float low = 1e9f, high = -1e9f;
    for (uint16_t v : values(name, last, 0, 20000)) {
      low = std::min(low, bf16_to_float(v));
      high = std::max(high, bf16_to_float(v));
    }
    return std::pair(low, high);
  };
  auto expect = [&](const char* name, int64_t last, double low, double high) {
    const auto [l, h] = range(name, last);
    const double slack = 0.01 * (high - low);
    EXPECT_NEAR(l, low, slack) << name;
    EXPECT_NEAR(h, high, slack) << name;
  };
  expect("model.layers.0.linear_attn.A_log", 4, 0, std::log(16.0));
  expect("model.layers.0.linear_attn.dt_bias", 4, -4, 0);
  expect("model.layers.0.linear_attn.norm.weight", 4, 0.8, 1.2);
  expect("model.norm.weight", 4, -0.2, 0.2);
  expect("mtp.pre_fc_norm_hidden.weight", 4, -0.2, 0.2);
  expect("model.layers.0.linear_attn.conv1d.weight", 4, -0.5, 0.5);
  expect("model.embed_tokens.weight", 64, -1, 1);
  expect("model.layers.0.mlp.shared_expert_gate.weight", 48, -0.5, 0.5);
  expect("model.layers.0.mlp.gate.weight", 48, -0.5, 0.5);
  expect("model.layers.0.mlp.gate_proj.weight", 48, -0.25, 0.25);
  expect("mtp.fc.weight", 48, -0.25, 0.25);
}

TEST(Synth, SeedIsPartOfTheName) {
  const auto plain = values("a.weight", 8, 0, 100), five = values("a.weight", 8, 0, 100, 5);
  EXPECT_NE(plain, five);
  // "5/conv" in the role of conv: the same hash input as the name "5/..." without a seed.
  EXPECT_EQ(values("b.weight", 8, 0, 100, 5), values("5/b.weight", 8, 0, 100));
  const std::string config = kGolden + "tiny/config.json";
  const Checkpoint seeded = must(open_checkpoint("synth:" + config + "?seed=5"));
  const Checkpoint unseeded = must(open_checkpoint("synth:" + config));
  const Tensor a = must(seeded.tensors->load("lm_head.weight"));
  const Tensor b = must(unseeded.tensors->load("lm_head.weight"));
  EXPECT_NE(std::memcmp(a.data, b.data, 64), 0);
  // The seed changes the draw only: the tensor keeps its role and so its scale.
  EXPECT_EQ(std::memcmp(a.data, values("lm_head.weight", 64, 0, 32, 5).data(), 64), 0);
}

TEST(Synth, LeavesOutTheBlockAndTheHeadAsTheConfigurationSays) {
  const TempFolder folder;
  Json json = must(read_json_file(kGolden + "tiny/config.json"));
  json["num_nextn_predict_layers"] = 0;
  json["tie_word_embeddings"] = true;
  const auto checkpoint = must(open_checkpoint("synth:" + folder.write("c.json", dump_json(json))));
  EXPECT_FALSE(checkpoint.has_mtp());
  EXPECT_EQ(checkpoint.tensors->find("mtp.fc.weight"), nullptr);
  EXPECT_EQ(checkpoint.tensors->find("lm_head.weight"), nullptr);
}

TEST(Synth, Errors) {
  EXPECT_ERROR_HAS(open_checkpoint("synth:"), "the path of a config.json is missing");
  EXPECT_ERROR_HAS(open_checkpoint("synth:nowhere.json"), "nowhere.json: cannot open");
  EXPECT_ERROR_HAS(open_checkpoint("synth:c.json?seed="), "seed \"\" is not");
  EXPECT_ERROR_HAS(open_checkpoint("synth:c.json?seed=-1"), "seed \"-1\" is not");
  EXPECT_ERROR_HAS(open_checkpoint("synth:c.json?seed=1x"), "seed \"1x\" is not");
  EXPECT_ERROR_HAS(open_checkpoint("synth:c.json?seed=99999999999999999999"), "is not");
  const auto source = must(open_checkpoint("synth:" + kGolden + "tiny/config.json")).tensors;
  EXPECT_ERROR_HAS(source->load("nothing"), "tensor nothing is missing");
}

}  // namespace
}  // namespace qnext
