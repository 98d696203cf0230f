#include "checkpoint/summary.h"

#include "checkpoint/reading_support.h"

namespace qnext {
namespace {

using namespace reading;

TEST(Summary, OfThePublishedModel) {
  const Summary s = summarize(must(open_checkpoint("synth:" QNEXT_TEST_DATA "/config-80b-a3b.json")));
  EXPECT_EQ(s.parameters, 79674391296);
  EXPECT_EQ(s.mtp_parameters, 1650471424);
  EXPECT_EQ(s.active_parameters, 3874929408);  // 3.87 B with embedding and head
  EXPECT_EQ(s.weight_bytes, 2 * (s.parameters + s.mtp_parameters));
  EXPECT_EQ(2 * s.cache_elements_per_token, 24 * 1024);  // 24 KiB in bf16
  EXPECT_EQ(2 * s.mtp_cache_elements_per_token, 2 * 1024);
  EXPECT_EQ(4 * s.recurrent_elements, int64_t{36} * 2 * 1024 * 1024);
  EXPECT_EQ(2 * s.conv_elements, 36 * 48 * 1024);
  EXPECT_EQ(s.linear_layers, 36);
  EXPECT_EQ(s.attention_layers, 12);
  EXPECT_EQ(s.moe_layers, 48);
  EXPECT_EQ(s.context_length, 262144);

  const std::string text = to_text(s);
  for (const char* part : {"79,674,391,296 (79.67 B)", "1,650,471,424 (1.65 B) for multi-token prediction",
                           "3,874,929,408 (3.87 B)", "24.0 KiB in bf16, 48.0 KiB in f32", "73.7 MiB",
                           "262,144 tokens", "512 of width 512, 10 per token", "synthetic"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(Summary, CountsTypesAndLeavesOutScales) {
  const Checkpoint fp8 = must(open_checkpoint(kGolden + "tiny-fp8"));
  const Summary s = summarize(fp8);
  // The same architecture in BF16 has the same parameters.
  const Summary bf16 = summarize(must(open_checkpoint("synth:" + kGolden + "tiny-fp8/config.json")));
  EXPECT_EQ(s.parameters, bf16.parameters);
  EXPECT_EQ(s.mtp_parameters, bf16.mtp_parameters);
  EXPECT_EQ(s.active_parameters, bf16.active_parameters);
  ASSERT_EQ(s.types.size(), 3u);
  EXPECT_EQ(s.types[0].dtype, DType::kF8E4M3);
  EXPECT_EQ(s.types[0].tensors, s.types[2].dtype == DType::kF32 ? s.types[2].tensors : s.types[1].tensors);
  int64_t bytes = 0, tensors = 0;
  for (const TypeTotal& t : s.types) bytes += t.bytes, tensors += t.tensors;
  EXPECT_EQ(bytes, s.weight_bytes);
  EXPECT_EQ(tensors, s.tensors);
}

TEST(Summary, AsJson) {
  const Checkpoint c = must(open_checkpoint(kGolden + "tiny"));
  const Json json = to_json(summarize(c));
  EXPECT_EQ(json["architecture"], "qwen3_next");
  EXPECT_EQ(json["format"], "safetensors");
  EXPECT_EQ(json["has_mtp"], true);
  EXPECT_EQ(json["layers"]["linear_attention"], 3);
  EXPECT_EQ(json["cache"]["per_token_bytes"]["bf16"], 1 * 2 * 2 * 32 * 2);
  EXPECT_EQ(json["cache"]["per_sequence_bytes"]["recurrent_f32"], 3 * 4 * 16 * 16 * 4);
  EXPECT_EQ(json["cache"]["per_sequence_bytes"]["conv_bf16"], 3 * 128 * 3 * 2);
  EXPECT_EQ(json["types"][0]["type"], "bf16");
  EXPECT_EQ(must(ModelConfig::from_json(json["config"], "x")), c.config);
  const Json tensors = tensors_to_json(*c.tensors);
  EXPECT_EQ(tensors.size(), c.tensors->entries().size());
  EXPECT_EQ(tensors[0]["name"], c.tensors->entries()[0].name);
  EXPECT_NE(tensors_to_text(*c.tensors).find("model.layers.0.linear_attn.A_log"), std::string::npos);
}

TEST(Summary, YarnExtendsTheContext) {
  const TempFolder folder;
  Json json = must(read_json_file(kGolden + "tiny/config.json"));
  json["rope_scaling"] = {{"type", "yarn"}, {"factor", 4}, {"original_max_position_embeddings", 4096}};
  const Summary s = summarize(must(open_checkpoint("synth:" + folder.write("c.json", dump_json(json)))));
  EXPECT_EQ(s.context_length, 16384);
}

}  // namespace
}  // namespace qnext
