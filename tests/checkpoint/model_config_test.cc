#include "checkpoint/model_config.h"

#include "checkpoint/reading_support.h"

namespace qnext {
namespace {

using namespace reading;

const Json& published_json() {
  static const Json json = must(read_json_file(QNEXT_TEST_DATA "/config-80b-a3b.json"));
  return json;
}

Result<ModelConfig> read(const Json& json) { return ModelConfig::from_json(json, "config.json"); }

Json with(const std::string& name, Json value) {
  Json json = published_json();
  json[name] = std::move(value);
  return json;
}

TEST(ModelConfig, ReadsThePublishedValues) {
  const ModelConfig c = must(read(published_json()));
  EXPECT_EQ(c.vocab_size, 151936);
  EXPECT_EQ(c.num_layers, 48);
  EXPECT_EQ(c.attention_layers(), 12);
  EXPECT_EQ(c.layer_kinds[3], LayerKind::kFullAttention);
  EXPECT_EQ(c.layer_kinds[4], LayerKind::kLinearAttention);
  EXPECT_TRUE(c.layer_is_moe[0]);
  EXPECT_EQ(c.rope_dim, 64);
  EXPECT_EQ(c.rope_theta, 1e7);
  EXPECT_EQ(c.q_rows(), 8192);
  EXPECT_EQ(c.kv_rows(), 512);
  EXPECT_EQ(c.qkvz_rows(), 12288);
  EXPECT_EQ(c.conv_channels(), 8192);
  EXPECT_EQ(c.num_mtp_layers, 1);
  EXPECT_EQ(c.bos_token, 151643);
  EXPECT_EQ(c.eos_tokens, std::vector<int64_t>{151645});
  EXPECT_EQ(c.rope_scaling.kind, RopeScaling::Kind::kNone);
  EXPECT_EQ(c.fp8_block_rows, 0);
  EXPECT_FALSE(c.tie_embeddings);
}

TEST(ModelConfig, AbsentFieldsHaveTheClassDefaults) {
  const Json json = {{"model_type", "qwen3_next"}, {"rope_theta", 10000000}};
  const ModelConfig c = must(read(json));
  EXPECT_EQ(c.hidden_size, 2048);
  EXPECT_EQ(c.intermediate_size, 5632);
  EXPECT_EQ(c.max_positions, 32768);
  EXPECT_EQ(c.num_experts, 512);
  EXPECT_EQ(c.experts_per_token, 10);
  EXPECT_EQ(c.rope_dim, 64);
  EXPECT_EQ(c.attention_layers(), 12);
  EXPECT_EQ(c.bos_token, -1);
  EXPECT_TRUE(c.eos_tokens.empty());
  EXPECT_TRUE(c.norm_topk_prob);
}

TEST(ModelConfig, ReadsBothSpellingsOfRope) {
  Json nested = published_json();
  nested.erase("rope_theta");
  nested.erase("rope_scaling");
  nested.erase("partial_rotary_factor");
  nested["rope_parameters"] = {
      {"rope_type", "default"}, {"rope_theta", 10000000}, {"partial_rotary_factor", 0.25}};
  nested["dtype"] = "bfloat16";
  EXPECT_EQ(must(read(nested)), must(read(published_json())));

  nested["rope_parameters"]["rope_type"] = "yarn";
  nested["rope_parameters"]["factor"] = 4.0;
  nested["rope_parameters"]["original_max_position_embeddings"] = 262144;
  Json flat = published_json();
  flat["rope_scaling"] = {{"type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 262144}};
  const ModelConfig c = must(read(nested));
  EXPECT_EQ(c, must(read(flat)));
  EXPECT_EQ(c.rope_scaling.kind, RopeScaling::Kind::kYarn);
  EXPECT_EQ(c.rope_scaling.factor, 4);
  EXPECT_EQ(c.rope_scaling.original_context, 262144);
  EXPECT_EQ(c.rope_scaling.beta_fast, 32);
  EXPECT_EQ(c.rope_scaling.attention_factor, 0);

  flat["rope_scaling"] = {{"rope_type", "linear"}, {"factor", 2}};
  EXPECT_EQ(must(read(flat)).rope_scaling.kind, RopeScaling::Kind::kLinear);
  flat["rope_scaling"] = {{"rope_type", "yarn"}, {"original_max_position_embeddings", 65536}};
  EXPECT_EQ(must(read(flat)).rope_scaling.factor, 4);  // max_position_embeddings / original
}

TEST(ModelConfig, LayersByListByIntervalAndByStep) {
  Json json = published_json();
  json["num_hidden_layers"] = 3;
  json["layer_types"] = {"full_attention", "linear_attention", "full_attention"};
  json["mlp_only_layers"] = {1, 17};  // a layer that does not exist is no reason to fail
  const ModelConfig c = must(read(json));
  EXPECT_EQ(c.attention_layers(), 2);
  EXPECT_EQ(c.layer_kinds[0], LayerKind::kFullAttention);
  EXPECT_EQ(c.layer_is_moe, (std::vector<bool>{true, false, true}));

  json["layer_types"] = nullptr;
  json["full_attention_interval"] = 2;
  json["decoder_sparse_step"] = 2;
  json["mlp_only_layers"] = Json::array();
  const ModelConfig d = must(read(json));
  EXPECT_EQ(d.layer_kinds[1], LayerKind::kFullAttention);
  EXPECT_EQ(d.attention_layers(), 1);
  EXPECT_EQ(d.layer_is_moe, (std::vector<bool>{false, true, false}));
  json["num_experts"] = 0;
  EXPECT_EQ(must(read(json)).layer_is_moe, (std::vector<bool>{false, false, false}));
}

TEST(ModelConfig, EosListAndQuantisation) {
  EXPECT_EQ(must(read(with("eos_token_id", {151645, 151643}))).eos_tokens,
            (std::vector<int64_t>{151645, 151643}));
  EXPECT_TRUE(must(read(with("eos_token_id", nullptr))).eos_tokens.empty());
  const ModelConfig c = must(read(must(read_json_file(kGolden + "tiny-fp8/config.json"))));
  EXPECT_EQ(c.fp8_block_rows, 128);
  EXPECT_EQ(c.fp8_block_cols, 128);
}

TEST(ModelConfig, WritingAndReadingGivesTheSame) {
  Json json = published_json();
  json["eos_token_id"] = {3, 4};
  json["layer_types"] = nullptr;
  json["full_attention_interval"] = 5;
  json["mlp_only_layers"] = {2, 3};
  json["rope_scaling"] = {{"type", "yarn"},   {"factor", 3.3},    {"original_max_position_embeddings", 1000},
                          {"beta_fast", 20.}, {"beta_slow", 0.5}, {"attention_factor", 1.25}};
  json["tie_word_embeddings"] = true;
  json["norm_topk_prob"] = false;
  json["quantization_config"] = {{"quant_method", "fp8"}, {"weight_block_size", {64, 32}}};
  for (const Json& j : {published_json(), json}) {
    const ModelConfig c = must(read(j));
    EXPECT_EQ(must(read(c.to_json())), c);
  }
  // Every share of a head survives, whatever its rounding.
  for (int64_t head = 2; head < 300; ++head) {
    for (int64_t rotated = 2; rotated <= head; rotated += 2) {
      ModelConfig c = must(read(published_json()));
      c.head_dim = head;
      c.rope_dim = rotated;
      ASSERT_EQ(must(read(c.to_json())).rope_dim, rotated) << head;
    }
  }
}

struct Bad {
  std::string field;
  Json value;
  std::string message;
};

TEST(ModelConfig, ErrorsNameTheField) {
  const Json yarn = {{"type", "yarn"}, {"factor", 4}, {"original_max_position_embeddings", 1024}};
  auto scaled = [&](const std::string& name, Json value) {
    Json json = yarn;
    json[name] = std::move(value);
    return json;
  };
  const std::vector<Bad> cases{
      {"model_type", "llama", "field model_type: \"llama\" is not supported"},
      {"model_type", 3, "field model_type: a string expected"},
      {"architectures", {"LlamaForCausalLM"}, "field architectures: [\"LlamaForCausalLM\"] is not supported"},
      {"architectures", Json::array(), "field architectures"},
      {"hidden_act", "gelu", "field hidden_act: \"gelu\" is not supported"},
      {"attn_output_gate", false, "field attn_output_gate: false is not supported"},
      {"attention_bias", true, "field attention_bias: true is not supported"},
      {"layer_scale", true, "field layer_scale: true is not supported"},
      {"num_attention_heads", 0, "field num_attention_heads: 0 is not between 1 and"},
      {"num_attention_heads", "16", "field num_attention_heads: an integer expected"},
      {"num_attention_heads", 15, "field num_attention_heads: 15 is not a multiple of num_key_value_heads 2"},
      {"num_key_value_heads", 3, "field num_attention_heads: 16 is not a multiple of num_key_value_heads 3"},
      {"linear_num_value_heads", 24,
       "field linear_num_value_heads: 24 is not a multiple of linear_num_key_heads"},
      {"hidden_size", -2048, "field hidden_size: -2048 is not between"},
      {"hidden_size", 2048.5, "field hidden_size: an integer expected"},
      {"hidden_size", 1e30, "field hidden_size: an integer expected"},
      {"vocab_size", int64_t{1} << 40, "field vocab_size"},
      {"vocab_size", ~uint64_t{0}, "field vocab_size"},
      {"num_hidden_layers", 1000000000, "field num_hidden_layers: 1000000000 is not between"},
      {"head_dim", 20, "field partial_rotary_factor: gives 5 rotated dimensions"},
      {"partial_rotary_factor", 0, "field partial_rotary_factor: 0 is not above 0"},
      {"partial_rotary_factor", 1.5, "field partial_rotary_factor: 1.5"},
      {"rope_theta", 0, "field rope_theta: 0 is not a number above 1"},
      {"rope_theta", nullptr, "field rope_theta is missing"},
      {"rope_scaling",
       {{"type", "longrope"}, {"factor", 2}},
       "rope_scaling: field rope_type: \"longrope\" is not"},
      {"rope_scaling", {{"type", "linear"}}, "rope_scaling: field factor is missing"},
      {"rope_scaling", 4, "field rope_scaling: an object expected"},
      {"rope_scaling", scaled("factor", 0.5), "field rope_scaling.factor: 0.5"},
      {"rope_scaling", scaled("original_max_position_embeddings", 0), "original_max_position_embeddings: 0"},
      {"rope_scaling", scaled("beta_fast", 0.1), "field rope_scaling.beta_fast"},
      {"rope_scaling", scaled("attention_factor", -1), "field rope_scaling.attention_factor"},
      {"rope_scaling", scaled("mscale", 1), "rope_scaling: field mscale: 1 is not supported"},
      {"rope_scaling", scaled("truncate", false), "rope_scaling: field truncate: false is not supported"},
      {"num_experts_per_tok", 513, "field num_experts_per_tok: 513 is more than num_experts 512"},
      {"num_experts_per_tok", 0, "field num_experts_per_tok: is 0"},
      {"moe_intermediate_size", 0, "field moe_intermediate_size: is 0"},
      {"shared_expert_intermediate_size", -1, "field shared_expert_intermediate_size: -1"},
      {"num_experts", 65536, "field num_experts: 65536 in each of 48 layers"},
      {"num_nextn_predict_layers", 2, "field num_nextn_predict_layers: 2"},
      {"full_attention_interval", 0, "field full_attention_interval: 0 is below 1"},
      {"decoder_sparse_step", 0, "field decoder_sparse_step: 0 is below 1"},
      {"layer_types", {"full_attention"}, "field layer_types: 1 entries for num_hidden_layers 48"},
      {"layer_types", Json(std::vector<std::string>(48, "sliding")),
       "field layer_types: \"sliding\" is neither"},
      {"mlp_only_layers", "none", "field mlp_only_layers: a list of integers expected"},
      {"rms_norm_eps", 0, "field rms_norm_eps: 0"},
      {"rms_norm_eps", "1e-6", "field rms_norm_eps: a number expected"},
      {"norm_topk_prob", 1, "field norm_topk_prob: true or false expected"},
      {"eos_token_id", -5, "field eos_token_id: -5 is not a token id"},
      {"eos_token_id", "x", "field eos_token_id"},
      {"quantization_config",
       {{"quant_method", "awq"}},
       "quantization_config: field quant_method: \"awq\" is not"},
      {"quantization_config", {{"quant_method", "fp8"}}, "quantization_config: field weight_block_size"},
      {"quantization_config",
       {{"quant_method", "fp8"}, {"weight_block_size", {0, 128}}},
       "weight_block_size"},
      {"quantization_config", {{"quant_method", "fp8"}, {"fmt", "e5m2"}}, "field fmt: \"e5m2\" is not"},
  };
  for (const Bad& bad : cases) {
    const auto result = read(with(bad.field, bad.value));
    EXPECT_ERROR_HAS(result, "config.json: ") << bad.field;
    EXPECT_ERROR_HAS(result, bad.message) << bad.field;
  }
  EXPECT_ERROR_HAS(read(Json::array()), "config.json: a JSON object is expected");
  EXPECT_ERROR_HAS(read(Json::object()), "field model_type is missing");
  Json dense = with("num_experts", 0);
  dense["intermediate_size"] = 0;
  EXPECT_ERROR_HAS(read(dense), "field intermediate_size: is 0, and dense layers need it");
}

TEST(ModelConfig, AbsurdSizesDoNotOverflow) {
  Json json = published_json();
  for (const char* name : {"hidden_size", "vocab_size"}) json[name] = 1 << 20;
  json["moe_intermediate_size"] = 1 << 24;
  json["num_hidden_layers"] = 2000;
  EXPECT_ERROR_HAS(read(json), "more than this program handles");
}

}  // namespace
}  // namespace qnext
