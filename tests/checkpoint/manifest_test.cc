#include "checkpoint/manifest.h"

#include <map>

#include "checkpoint/hf_folder.h"
#include "checkpoint/reading_support.h"

namespace qnext {
namespace {

using namespace reading;

int64_t elements(const std::vector<NamedShape>& tensors) {
  int64_t n = 0;
  for (const NamedShape& t : tensors) n += t.shape.elements();
  return n;
}

ModelConfig config_at(const std::string& path) {
  return must(ModelConfig::from_json(must(read_json_file(path)), path));
}

TEST(Manifest, ThePublishedModelHasItsPublishedSize) {
  const ModelConfig config = config_at(QNEXT_TEST_DATA "/config-80b-a3b.json");
  const auto main = published_tensors(config, false), all = published_tensors(config, true);
  EXPECT_EQ(elements(main), 79674391296);
  EXPECT_EQ(elements(all) - elements(main), 1650471424);
  EXPECT_EQ(all.size() - main.size(), 1553u);
}

TEST(Manifest, IsExactlyWhatTheGoldenModelHas) {
  const auto source = must(open_hf_folder(kGolden + "tiny"));
  std::map<std::string, Shape> stored;
  for (const TensorEntry& entry : source->entries()) stored[entry.name] = entry.shape;
  const auto tensors = published_tensors(config_at(kGolden + "tiny/config.json"), true);
  EXPECT_EQ(tensors.size(), stored.size());
  for (const NamedShape& t : tensors) {
    ASSERT_TRUE(stored.count(t.name)) << t.name;
    EXPECT_EQ(stored[t.name], t.shape) << t.name;
  }
  EXPECT_EQ(tensors.front().name, "model.embed_tokens.weight");
}

TEST(Manifest, DenseLayersAndTiedHeads) {
  Json json = must(read_json_file(kGolden + "tiny/config.json"));
  json["mlp_only_layers"] = {1};
  json["tie_word_embeddings"] = true;
  json["linear_value_head_dim"] = 8;
  const auto tensors = published_tensors(must(ModelConfig::from_json(json, "c")), false);
  std::map<std::string, Shape> shapes;
  for (const NamedShape& t : tensors) shapes[t.name] = t.shape;
  EXPECT_EQ(shapes.at("model.layers.1.mlp.gate_proj.weight"), (Shape{96, 64}));
  EXPECT_EQ(shapes.at("model.layers.1.mlp.down_proj.weight"), (Shape{64, 96}));
  EXPECT_FALSE(shapes.count("model.layers.1.mlp.gate.weight"));
  EXPECT_FALSE(shapes.count("lm_head.weight"));
  EXPECT_EQ(shapes.at("model.layers.0.linear_attn.in_proj_qkvz.weight"), (Shape{2 * 32 + 2 * 32, 64}));
  EXPECT_EQ(shapes.at("model.layers.0.linear_attn.conv1d.weight"), (Shape{96, 1, 4}));
}

}  // namespace
}  // namespace qnext
