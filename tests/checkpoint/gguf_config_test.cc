#include "checkpoint/gguf_config.h"

#include <cmath>

#include "checkpoint/checkpoint.h"
#include "checkpoint/reading_support.h"

namespace qnext {
namespace {

using namespace reading;

const std::string kP = "qwen3next.";

struct Options {
  int blocks = 4;
  bool mtp = false;
  bool interval = true;
  bool widths = true;  // the keys of feed-forward widths and expert counts
  int dense_layer = -1;
  bool head = true;
  std::string architecture = "qwen3next";
  std::string leave_out;
};

// Metadata and the tensors that the configuration is read from, with tiny's sizes.
GgufImage model(const Options& o) {
  GgufImage g;
  auto u32 = [&](const std::string& key, uint32_t v) {
    if (key != o.leave_out) g.u32(kP + key, v);
  };
  g.string("general.architecture", o.architecture);
  u32("block_count", static_cast<uint32_t>(o.blocks + o.mtp));
  if (o.mtp) u32("nextn_predict_layers", 1);
  u32("context_length", 4096);
  u32("embedding_length", 64);
  u32("attention.head_count", 4);
  u32("attention.head_count_kv", 2);
  u32("attention.key_length", 32);
  u32("attention.value_length", 32);
  g.f32(kP + "attention.layer_norm_rms_epsilon", 1e-6f).f32(kP + "rope.freq_base", 1e7f);
  u32("rope.dimension_count", 8);
  if (o.widths) {
    u32("feed_forward_length", 96);
    u32("expert_count", 16);
    u32("expert_feed_forward_length", 32);
    u32("expert_shared_feed_forward_length", 48);
  }
  u32("expert_used_count", 4);
  u32("ssm.conv_kernel", 4);
  u32("ssm.state_size", 16);
  u32("ssm.group_count", 2);
  u32("ssm.time_step_rank", 4);
  u32("ssm.inner_size", 64);
  if (o.interval) u32("full_attention_interval", 4);
  g.u32("tokenizer.ggml.eos_token_id", 5).u32("tokenizer.ggml.bos_token_id", 6);
  g.zeros("token_embd.weight", {64, 320});
  if (o.head) g.zeros("output.weight", {64, 320});
  for (int i = 0; i < o.blocks + o.mtp; ++i) {
    const std::string b = "blk." + std::to_string(i) + ".";
    if (i == o.dense_layer) {
      g.zeros(b + "ffn_gate.weight", {64, 96})
          .zeros(b + "ffn_up.weight", {64, 96})
          .zeros(b + "ffn_down.weight", {96, 64});
      continue;
    }
    g.zeros(b + "ffn_gate_inp.weight", {64, 16}).zeros(b + "ffn_down_exps.weight", {32, 64, 16});
    g.zeros(b + "ffn_down_shexp.weight", {48, 64});
  }
  if (o.mtp) g.zeros("blk." + std::to_string(o.blocks) + ".nextn.eh_proj.weight", {128, 64});
  return g;
}

Result<Checkpoint> open(const GgufImage& image) {
  auto text = std::make_shared<std::string>(image.build());
  return open_gguf_image(bytes_of(*text), text, "m.gguf");
}

TEST(GgufConfig, EqualsTheSameModelsConfigJson) {
  Json json = must(read_json_file(kGolden + "tiny/config.json"));
  json["num_nextn_predict_layers"] = 0;
  json["bos_token_id"] = 6;
  json["eos_token_id"] = 5;
  const ModelConfig expected = must(ModelConfig::from_json(json, "c"));
  ModelConfig read = must(open(model({}))).config;
  EXPECT_NEAR(read.rms_norm_eps, 1e-6, 1e-13);  // float32 in the file
  read.rms_norm_eps = expected.rms_norm_eps;
  EXPECT_EQ(read, expected);

  Options bare;
  bare.interval = bare.widths = false;
  bare.dense_layer = 1;
  ModelConfig found = must(open(model(bare))).config;  // widths and kinds of layers from the tensors
  EXPECT_EQ(found.intermediate_size, 96);
  EXPECT_EQ(found.num_experts, 16);
  EXPECT_EQ(found.moe_intermediate_size, 32);
  EXPECT_EQ(found.shared_expert_size, 48);
  EXPECT_EQ(found.layer_is_moe, (std::vector<bool>{true, false, true, true}));
  EXPECT_EQ(found.layer_kinds, expected.layer_kinds);
}

TEST(GgufConfig, TheLastBlockMayBeMultiTokenPrediction) {
  Options o;
  o.mtp = true;
  const Checkpoint c = must(open(model(o)));
  EXPECT_EQ(c.config.num_layers, 4);
  EXPECT_EQ(c.config.num_mtp_layers, 1);
  EXPECT_TRUE(c.has_mtp());
  EXPECT_FALSE(must(open(model({}))).has_mtp());
}

TEST(GgufConfig, RecurrentLayersOverrideTheInterval) {
  const ModelConfig c =
      must(open(model({}).list(kP + "attention.recurrent_layers", 7, 4, std::string("\0\1\1\0", 4)))).config;
  EXPECT_EQ(c.layer_kinds, (std::vector<LayerKind>{LayerKind::kFullAttention, LayerKind::kLinearAttention,
                                                   LayerKind::kLinearAttention, LayerKind::kFullAttention}));
  EXPECT_ERROR_HAS(open(model({}).list(kP + "attention.recurrent_layers", 7, 2, std::string("\0\1", 2))),
                   "key qwen3next.attention.recurrent_layers: 2 entries for 4 blocks");
}

TEST(GgufConfig, RopeScaling) {
  auto yarn = [] {
    return model({}).string(kP + "rope.scaling.type", "yarn").f32(kP + "rope.scaling.factor", 4);
  };
  const RopeScaling plain = must(open(yarn())).config.rope_scaling;
  EXPECT_EQ(plain.kind, RopeScaling::Kind::kYarn);
  EXPECT_EQ(plain.original_context, 4096);
  EXPECT_EQ(plain.attention_factor, 0);
  const RopeScaling full = must(open(yarn()
                                         .u32(kP + "rope.scaling.original_context_length", 1024)
                                         .f32(kP + "rope.scaling.yarn_beta_fast", 16)
                                         .f32(kP + "rope.scaling.yarn_beta_slow", 2)
                                         .f32(kP + "rope.scaling.attn_factor", 0.5f)))
                               .config.rope_scaling;
  EXPECT_EQ(full.original_context, 1024);
  EXPECT_EQ(full.beta_fast, 16);
  EXPECT_EQ(full.beta_slow, 2);
  EXPECT_NEAR(full.attention_factor, 0.5 * (0.1 * std::log(4) + 1), 1e-12);
  EXPECT_ERROR_HAS(open(model({}).string(kP + "rope.scaling.type", "longrope")),
                   "key qwen3next.rope.scaling.type: \"longrope\" is not supported");
  EXPECT_ERROR_HAS(open(model({}).string(kP + "rope.scaling.type", "linear")),
                   "key qwen3next.rope.scaling.factor");
}

TEST(GgufConfig, TokensHeadAndGenerationConfig) {
  Options o;
  o.head = false;
  const Checkpoint c = must(open(model(o).u32("tokenizer.ggml.eot_token_id", 9)));
  EXPECT_TRUE(c.config.tie_embeddings);
  EXPECT_EQ(c.config.eos_tokens, (std::vector<int64_t>{5, 9}));
  EXPECT_EQ(c.config.bos_token, 6);
  EXPECT_FALSE(c.generation_config.has_value());
  EXPECT_NE(c.metadata, nullptr);
  const Checkpoint g =
      must(open(model({}).string("qnext.generation_config", R"({"top_k":20,"eos_token_id":[5,7]})")));
  EXPECT_EQ((*g.generation_config)["top_k"], 20);
  EXPECT_EQ(g.config.eos_tokens, (std::vector<int64_t>{5, 7}));
  EXPECT_ERROR_HAS(open(model({}).string("qnext.generation_config", "{")),
                   "key qnext.generation_config: not valid");
}

TEST(GgufConfig, Errors) {
  Options o;
  o.architecture = "llama";
  EXPECT_ERROR_HAS(open(model(o)), "m.gguf: key general.architecture: \"llama\" is not supported");
  for (const char* key :
       {"block_count", "embedding_length", "context_length", "attention.head_count",
        "attention.head_count_kv", "attention.key_length", "rope.dimension_count", "ssm.conv_kernel",
        "ssm.state_size", "ssm.group_count", "ssm.time_step_rank", "ssm.inner_size"}) {
    Options without;
    without.leave_out = key;
    EXPECT_ERROR_HAS(open(model(without)), "m.gguf: key qwen3next." + std::string(key) + ": is missing")
        << key;
  }
  Options no_top_k;
  no_top_k.leave_out = "expert_used_count";
  EXPECT_ERROR_HAS(open(model(no_top_k)), "field num_experts_per_tok: is 0");
  EXPECT_ERROR_HAS(open(model({}).u32(kP + "expert_gating_func", 2)),
                   "expert_gating_func: 2 is not supported");
  EXPECT_ERROR_HAS(open(GgufImage().string("general.architecture", "qwen3next").u32(kP + "block_count", 0)),
                   "key qwen3next.block_count: 0 is not a number of layers");
  EXPECT_ERROR_HAS(open(GgufImage()), "key general.architecture: is missing");
}

}  // namespace
}  // namespace qnext
