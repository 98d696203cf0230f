// Which type each tensor gets, at the sizes of the 80 G model and where rows are no whole blocks.
#include "checkpoint/quantize_plan.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "checkpoint/reading_support.h"

namespace qnext {
namespace {

using namespace reading;

// The tensors of a layer that matter here, with their GGUF names and shapes.
void add_layer(std::vector<TensorEntry>& out, int64_t i, bool full, const ModelConfig& c) {
  const std::string b = fmt::format("blk.{}.", i);
  const int64_t hidden = c.hidden_size, width = c.moe_intermediate_size;
  auto add = [&](const char* name, Shape shape) { out.push_back({b + name, DType::kF32, std::move(shape)}); };
  add("attn_norm.weight", {hidden});
  if (full) {
    add("attn_q.weight", {c.q_rows(), hidden});
    add("attn_k.weight", {c.kv_rows(), hidden});
    add("attn_v.weight", {c.kv_rows(), hidden});
    add("attn_output.weight", {hidden, c.num_heads * c.head_dim});
    add("attn_q_norm.weight", {c.head_dim});
  } else {
    add("attn_qkv.weight", {c.conv_channels(), hidden});
    add("attn_gate.weight", {c.linear_value_total(), hidden});
    add("ssm_ba.weight", {2 * c.linear_value_heads, hidden});
    add("ssm_conv1d.weight", {c.conv_channels(), c.conv_kernel});
    add("ssm_dt.bias", {c.linear_value_heads});
    add("ssm_a", {c.linear_value_heads});
    add("ssm_norm.weight", {c.linear_value_dim});
    add("ssm_out.weight", {hidden, c.linear_value_total()});
  }
  add("ffn_gate_inp.weight", {c.num_experts, hidden});
  add("ffn_gate_inp_shexp.weight", {hidden});
  add("ffn_gate_exps.weight", {c.num_experts, width, hidden});
  add("ffn_down_exps.weight", {c.num_experts, hidden, width});
  add("ffn_down_shexp.weight", {hidden, c.shared_expert_size});
}

class Plan {
 public:
  Plan(GgufFileType type, const ModelConfig& c, bool head = true, bool mtp = false) {
    std::vector<TensorEntry> entries{{"token_embd.weight", DType::kF32, {c.vocab_size, c.hidden_size}},
                                     {"output_norm.weight", DType::kF32, {c.hidden_size}}};
    if (head) entries.push_back({"output.weight", DType::kF32, {c.vocab_size, c.hidden_size}});
    for (int64_t i = 0; i < c.num_layers; ++i)
      add_layer(entries, i, c.layer_kinds[static_cast<size_t>(i)] == LayerKind::kFullAttention, c);
    if (mtp) add_layer(entries, c.num_layers, true, c);
    const std::vector<DType> types = plan_types(type, c, entries);
    for (size_t i = 0; i < entries.size(); ++i) types_[entries[i].name] = types[i];
  }
  DType operator[](const std::string& name) const { return types_.at(name); }
  // The layers in which a tensor has a type.
  std::set<int> layers(const std::string& name, DType type) const {
    std::set<int> found;
    for (int i = 0; i < 64; ++i) {
      const auto it = types_.find(fmt::format("blk.{}.{}", i, name));
      if (it != types_.end() && it->second == type) found.insert(i);
    }
    return found;
  }

 private:
  std::map<std::string, DType> types_;
};

ModelConfig published_config() {
  return must(ModelConfig::from_json(must(read_json_file(QNEXT_TEST_DATA "/config-80b-a3b.json")), "config"));
}

// 64 wide experts, as in small models.
ModelConfig narrow() {
  ModelConfig c = published_config();
  c.moe_intermediate_size = c.shared_expert_size = 64;
  return c;
}

TEST(QuantizePlan, NamesAndNumbers) {
  EXPECT_EQ(gguf_file_type_names(),
            "f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, iq4_nl, q4_k, q4_k_m, q5_k, q5_k_m, q6_k");
  EXPECT_EQ(gguf_file_type_from_name("Q4_K_M"), GgufFileType::kQ4_K_M);
  EXPECT_EQ(gguf_file_type_from_name("q4_k_x"), std::nullopt);
  EXPECT_EQ(gguf_file_type_from_name(""), std::nullopt);
  const std::map<std::string, int> numbers = {
      {"f32", 0},   {"f16", 1},     {"q4_0", 2},  {"q4_1", 3},    {"q8_0", 7},  {"q5_0", 8},    {"q5_1", 9},
      {"q4_k", 14}, {"q4_k_m", 15}, {"q5_k", 16}, {"q5_k_m", 17}, {"q6_k", 18}, {"iq4_nl", 25}, {"bf16", 32}};
  for (const auto& [name, number] : numbers)
    EXPECT_EQ(info(*gguf_file_type_from_name(name)).number, number) << name;
}

TEST(QuantizePlan, SmallTensorsAreLeftAlone) {
  for (const GgufFileType type : {GgufFileType::kBF16, GgufFileType::kQ8_0, GgufFileType::kQ4_K_M}) {
    const Plan plan(type, published_config());
    for (const char* name :
         {"output_norm.weight", "blk.0.attn_norm.weight", "blk.0.ssm_conv1d.weight", "blk.0.ssm_dt.bias",
          "blk.0.ssm_a", "blk.0.ssm_norm.weight", "blk.0.ffn_gate_inp.weight",
          "blk.0.ffn_gate_inp_shexp.weight", "blk.3.attn_q_norm.weight"}) {
      EXPECT_EQ(plan[name], DType::kF32) << name;
    }
  }
}

TEST(QuantizePlan, PlainTypesGoToAllMatrices) {
  const Plan bf16(GgufFileType::kBF16, published_config());
  for (const char* name : {"token_embd.weight", "output.weight", "blk.3.attn_v.weight", "blk.0.ssm_ba.weight",
                           "blk.0.ffn_gate_exps.weight", "blk.47.ffn_down_shexp.weight"})
    EXPECT_EQ(bf16[name], DType::kBF16) << name;
  const Plan q8(GgufFileType::kQ8_0, published_config());
  for (const char* name :
       {"token_embd.weight", "output.weight", "blk.0.attn_qkv.weight", "blk.47.ffn_down_exps.weight"})
    EXPECT_EQ(q8[name], DType::kQ8_0);
  const Plan q4(GgufFileType::kQ4_0, published_config());
  EXPECT_EQ(q4["token_embd.weight"], DType::kQ4_0);
  EXPECT_EQ(q4["output.weight"], DType::kQ6_K);
  EXPECT_EQ(q4["blk.0.ssm_ba.weight"], DType::kQ4_0);
}

// The first and last eighth of the layers and every third between.
const std::set<int> kMoreBits = {0,  1,  2,  3,  4,  5,  8,  11, 14, 17, 20, 23,
                                 26, 29, 32, 35, 38, 41, 42, 43, 44, 45, 46, 47};

TEST(QuantizePlan, MediumMixes) {
  for (const auto& [type, base] :
       {std::pair(GgufFileType::kQ4_K_M, DType::kQ4_K), {GgufFileType::kQ5_K_M, DType::kQ5_K}}) {
    const Plan plan(type, published_config());
    EXPECT_EQ(plan["output.weight"], DType::kQ6_K);
    EXPECT_EQ(plan["token_embd.weight"], base);
    EXPECT_EQ(plan.layers("ffn_down_exps.weight", DType::kQ6_K), kMoreBits);
    EXPECT_EQ(plan.layers("ffn_down_shexp.weight", DType::kQ6_K), kMoreBits);
    EXPECT_EQ(plan.layers("ffn_down_exps.weight", base).size(), 48 - kMoreBits.size());
    // Values are counted through both kinds of layers.
    std::set<int> values = plan.layers("attn_qkv.weight", DType::kQ6_K);
    values.merge(plan.layers("attn_v.weight", DType::kQ6_K));
    EXPECT_EQ(values, kMoreBits);
    for (const char* name : {"blk.0.ffn_gate_exps.weight", "blk.3.attn_q.weight", "blk.3.attn_k.weight",
                             "blk.3.attn_output.weight", "blk.0.ssm_out.weight", "blk.0.ssm_ba.weight",
                             "blk.0.attn_gate.weight"})
      EXPECT_EQ(plan[name], base) << name;
  }
}

TEST(QuantizePlan, SmallMixes) {
  const Plan plan(GgufFileType::kQ4_K, published_config());
  EXPECT_EQ(plan["output.weight"], DType::kQ6_K);
  EXPECT_EQ(plan.layers("attn_qkv.weight", DType::kQ5_K), (std::set<int>{0, 1, 2}));
  EXPECT_EQ(plan.layers("attn_v.weight", DType::kQ5_K), (std::set<int>{3}));
  EXPECT_EQ(plan.layers("ffn_down_exps.weight", DType::kQ5_K), (std::set<int>{0, 1, 2, 3, 4, 5}));
  const Plan five(GgufFileType::kQ5_K, published_config());
  EXPECT_EQ(five.layers("ffn_down_exps.weight", DType::kQ5_K).size(), 48u);
  const Plan six(GgufFileType::kQ6_K, published_config());
  EXPECT_EQ(six["token_embd.weight"], DType::kQ6_K);
  EXPECT_EQ(six.layers("ffn_down_exps.weight", DType::kQ6_K).size(), 48u);
}

// The prediction block counts as a layer.
TEST(QuantizePlan, WithThePredictionBlock) {
  const Plan plan(GgufFileType::kQ4_K_M, published_config(), true, true);
  EXPECT_EQ(plan["blk.48.ffn_down_exps.weight"], DType::kQ6_K);
  EXPECT_EQ(plan["blk.48.attn_v.weight"], DType::kQ6_K);
  EXPECT_EQ(plan["blk.42.ffn_down_exps.weight"], DType::kQ6_K);
  EXPECT_EQ(plan["blk.40.ffn_down_exps.weight"], DType::kQ4_K);
}

TEST(QuantizePlan, ATiedEmbeddingIsTheHead) {
  EXPECT_EQ(Plan(GgufFileType::kQ4_K_M, published_config(), false)["token_embd.weight"], DType::kQ6_K);
  EXPECT_EQ(Plan(GgufFileType::kQ4_0, published_config(), false)["token_embd.weight"], DType::kQ6_K);
  EXPECT_EQ(Plan(GgufFileType::kQ8_0, published_config(), false)["token_embd.weight"], DType::kQ8_0);
}

TEST(QuantizePlan, RowsThatAreNoWholeBlocks) {
  const Plan four(GgufFileType::kQ4_K, narrow()), medium(GgufFileType::kQ4_K_M, narrow()),
      five(GgufFileType::kQ5_K, narrow()), six(GgufFileType::kQ6_K, narrow());
  EXPECT_EQ(four["blk.20.ffn_down_exps.weight"], DType::kQ5_0);
  EXPECT_EQ(four["blk.0.ffn_down_exps.weight"], DType::kQ5_1);
  EXPECT_EQ(medium["blk.0.ffn_down_exps.weight"], DType::kQ8_0);
  EXPECT_EQ(medium["blk.6.ffn_down_exps.weight"], DType::kQ5_0);
  EXPECT_EQ(five["blk.6.ffn_down_exps.weight"], DType::kQ5_1);
  EXPECT_EQ(six["blk.6.ffn_down_exps.weight"], DType::kQ8_0);
  ModelConfig odd = narrow();
  odd.moe_intermediate_size = odd.shared_expert_size = 20;
  odd.hidden_size = 72;
  for (const GgufFileType type : {GgufFileType::kQ4_0, GgufFileType::kQ4_K_M, GgufFileType::kQ8_0}) {
    EXPECT_EQ(Plan(type, odd)["blk.0.ffn_down_exps.weight"], DType::kF16);
    EXPECT_EQ(Plan(type, odd)["output.weight"], DType::kF16);
  }
}

TEST(QuantizePlan, WhatMayBeQuantised) {
  auto may = [](const char* name, Shape shape) {
    return may_quantise({name, DType::kF32, std::move(shape)});
  };
  EXPECT_TRUE(may("blk.0.attn_q.weight", {4, 32}));
  EXPECT_TRUE(may("blk.0.ffn_up_exps.weight", {2, 4, 32}));
  EXPECT_FALSE(may("blk.0.ffn_gate_inp_shexp.weight", {1, 32}));  // a vector, written as a matrix
  EXPECT_FALSE(may("blk.0.ssm_conv1d.weight", {8, 4}));
  EXPECT_FALSE(may("blk.0.ffn_gate_inp.weight", {4, 32}));
  EXPECT_FALSE(may("blk.0.attn_norm.weight", {4, 32}));
  EXPECT_FALSE(may("blk.0.ssm_a", {4, 32}));
}

}  // namespace
}  // namespace qnext
