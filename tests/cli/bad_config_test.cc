// config.json, generation_config.json and the paths of models.
#include <gtest/gtest.h>

#include <filesystem>

#include "cli/models.h"

namespace qnext {
namespace {

TEST(BadModel, Paths) {
  const Scratch scratch;
  expect_error(qnext({"inspect", scratch.path("none")}), 1, {"none: no such file or folder"});
  expect_error(qnext({"inspect", scratch.path("")}), 1, {"config.json: cannot open"});
  expect_error(qnext({"inspect", "/dev/null"}), 1, {"/dev/null: is not a regular file"});
  expect_error(qnext({"inspect", tiny() + "/config.json"}), 1, {"config.json: give the folder"});
  expect_error(qnext({"inspect", "synth:"}), 1, {"synth:"});
  expect_error(qnext({"inspect", "synth:" + tiny()}), 1, {"is a folder, not a file"});
  expect_error(qnext({"inspect", "synth:" + tiny() + "/config.json?seed=x"}), 1, {"seed \"x\""});
  std::filesystem::create_directory(scratch.path("m"));
  std::filesystem::copy_file(tiny() + "/config.json", scratch.path("m/config.json"));
  expect_error(qnext({"inspect", scratch.path("m")}), 1, {"/m: holds neither model.safetensors.index.json"});
  std::filesystem::create_directory(scratch.path("m/model.safetensors"));
  expect_error(qnext({"inspect", scratch.path("m")}), 1, {"m/model.safetensors: is a folder, not a file"});
}

class BadConfig : public ::testing::Test {
 protected:
  Ran with(const std::string& name, const Json& value) {
    Json config = small_config();
    config[name] = value;
    return with_text(dump_json(config));
  }
  Ran with_text(const std::string& text) {
    return qnext({"inspect", "synth:" + scratch_.file("config.json", text)});
  }
  Scratch scratch_;
};

TEST_F(BadConfig, NotJson) {
  expect_error(with_text(""), 1, {"config.json: not valid JSON"});
  expect_error(with_text("{\"a\":"), 1, {"config.json: not valid JSON"});
  expect_error(with_text("[]"), 1, {"config.json: a JSON object is expected"});
  expect_error(with_text("{} {}"), 1, {"config.json: not valid JSON"});
  expect_error(with_text(std::string(100000, '[')), 1, {"config.json: JSON at byte", "deeper than 200"});
  expect_error(with_text("{\"model_type\": \"\xff\xfe\"}"), 1, {"config.json: not valid JSON"});
  expect_error(with_text("{}"), 1, {"config.json: field", "missing"});
}

TEST_F(BadConfig, ImpossibleSizes) {
  const std::vector<const char*> fields = {"vocab_size",
                                           "hidden_size",
                                           "num_hidden_layers",
                                           "num_attention_heads",
                                           "num_key_value_heads",
                                           "head_dim",
                                           "linear_num_key_heads",
                                           "linear_num_value_heads",
                                           "linear_key_head_dim",
                                           "linear_value_head_dim",
                                           "linear_conv_kernel_dim",
                                           "max_position_embeddings"};
  for (const char* field : fields) {
    for (const Json& value : {Json(0), Json(-1), Json(int64_t{1} << 62), Json(18446744073709551615u),
                              Json(1.5), Json("8"), Json::array({8})}) {
      expect_error(with(field, value), 1, {"config.json: field ", field});
    }
  }
  expect_error(with("num_experts", -1), 1, {"config.json: field num_experts"});
  for (const char* field : {"num_experts_per_tok", "moe_intermediate_size", "intermediate_size"}) {
    for (const Json& value : {Json(0), Json(-1), Json(int64_t{1} << 62)}) {
      expect_error(with(field, value), 1, {"config.json: field ", field});
    }
  }
}

TEST_F(BadConfig, SizesThatDoNotFitTogether) {
  expect_error(with("num_experts_per_tok", 5), 1, {"num_experts_per_tok: 5 is more than num_experts 4"});
  expect_error(with("num_key_value_heads", 3), 1, {"num_attention_heads: 2 is not a multiple"});
  expect_error(with("linear_num_key_heads", 3), 1, {"linear_num_value_heads: 2 is not a multiple"});
  expect_error(with("partial_rotary_factor", 0), 1, {"partial_rotary_factor"});
  expect_error(with("partial_rotary_factor", 2), 1, {"partial_rotary_factor"});
  expect_error(with("partial_rotary_factor", 1e300), 1, {"partial_rotary_factor"});
  expect_error(with("layer_types", Json::array({"full_attention"})), 1, {"layer_types", "1", "2"});
  expect_error(with("layer_types", Json::array({"full_attention", "windowed"})), 1,
               {"layer_types", "windowed"});
  expect_error(with("full_attention_interval", 0), 1, {"full_attention_interval"});
  expect_error(with("decoder_sparse_step", 0), 1, {"decoder_sparse_step"});
  expect_error(with("mlp_only_layers", Json::array({"x"})), 1, {"mlp_only_layers", "x"});
  expect_error(with("rope_theta", 0), 1, {"rope_theta: 0"});
  expect_error(with("rms_norm_eps", 0), 1, {"rms_norm_eps: 0"});
  expect_error(with("rms_norm_eps", -1), 1, {"rms_norm_eps: -1"});
  expect_error(with("eos_token_id", -5), 1, {"eos_token_id", "-5"});
  expect_error(with("eos_token_id", Json::array({1, "x"})), 1, {"eos_token_id", "x"});
  expect_error(with("rope_scaling", {{"rope_type", "dynamic"}, {"factor", 2}}), 1,
               {"rope_scaling", "dynamic"});
  expect_error(with("rope_scaling", {{"rope_type", "yarn"}, {"factor", 0}}), 1, {"rope_scaling", "factor"});
  expect_error(with("quantization_config", {{"quant_method", "awq"}}), 1, {"quantization_config", "awq"});
  expect_error(with("quantization_config", {{"quant_method", "fp8"}, {"weight_block_size", {0, 128}}}), 1,
               {"weight_block_size"});
}

TEST_F(BadConfig, AnotherModel) {
  expect_error(with("model_type", "llama"), 1, {"model_type", "llama"});
  expect_error(with("model_type", 5), 1, {"model_type", "5"});
  expect_error(with("architectures", Json::array({"LlamaForCausalLM"})), 1,
               {"architectures", "LlamaForCausalLM"});
  expect_error(with("hidden_act", "gelu"), 1, {"hidden_act", "gelu"});
  expect_error(with("attention_bias", true), 1, {"attention_bias"});
}

// A configuration of a million gigabytes: known before any memory is asked for.
TEST_F(BadConfig, TooLargeAsAWhole) {
  Json config = small_config();
  config["hidden_size"] = 1 << 20;
  config["intermediate_size"] = config["moe_intermediate_size"] = 1 << 24;
  config["num_experts"] = 1 << 16;
  expect_error(with_text(dump_json(config)), 1, {"hidden_size", "parameters"});
  config = small_config();
  config["num_experts"] = 1 << 16;
  config["num_hidden_layers"] = 4096;
  expect_error(with_text(dump_json(config)), 1, {"num_experts", "65536"});
}

// Bytes changed one by one: whatever comes of it is one line or a result.
TEST_F(BadConfig, ChangedBytes) {
  const std::string text = dump_json(small_config());
  uint32_t random = 1;
  for (int i = 0; i < 60; ++i) {
    std::string changed = text;
    random = random * 1664525 + 1013904223;
    changed[random % changed.size()] = static_cast<char>(random >> 24);
    expect_error_or_success(with_text(changed));
  }
}

TEST_F(BadConfig, GenerationConfig) {
  const std::string model = small_model(scratch_, "model", false);
  const auto generation = [&](const std::string& text) {
    write_all(model + "/generation_config.json", text);
    return qnext({"inspect", model});
  };
  expect_error(generation("nope"), 1, {"generation_config.json: not valid JSON"});
  expect_error(generation("[]"), 1, {"generation_config.json: a JSON object"});
  expect_error(generation(R"({"temperature": -1})"), 1, {"generation_config.json: temperature", "-1"});
  expect_error(generation(R"({"top_p": 2})"), 1, {"generation_config.json: top_p", "2"});
  expect_error(generation(R"({"top_k": "many"})"), 1, {"generation_config.json: field top_k", "many"});
  expect_error(generation(R"({"eos_token_id": -3})"), 1,
               {"generation_config.json: field eos_token_id", "-3"});
  expect_error(generation(R"({"repetition_penalty": 0})"), 1, {"repetition_penalty", "0"});
}

}  // namespace
}  // namespace qnext
