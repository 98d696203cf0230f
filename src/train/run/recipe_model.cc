#include "train/run/recipe_model.h"

#include <fmt/format.h>

#include "train/run/toml_fields.h"

namespace qnext::train {
namespace {

constexpr double kInitializerRange = 0.02;

// A model of nine million parameters without its embeddings, a third of them active.
Json defaults() {
  return {{"hidden_size", 256},
          {"num_hidden_layers", 8},
          {"full_attention_interval", 4},
          {"num_attention_heads", 4},
          {"num_key_value_heads", 2},
          {"head_dim", 64},
          {"partial_rotary_factor", 0.25},
          {"rope_theta", 10000000.0},
          {"linear_num_key_heads", 4},
          {"linear_num_value_heads", 8},
          {"linear_key_head_dim", 32},
          {"linear_value_head_dim", 32},
          {"linear_conv_kernel_dim", 4},
          {"num_experts", 32},
          {"num_experts_per_tok", 4},
          {"moe_intermediate_size", 64},
          {"shared_expert_intermediate_size", 64},
          {"intermediate_size", 512},
          {"decoder_sparse_step", 1},
          {"mlp_only_layers", Json::array()},
          {"norm_topk_prob", true},
          {"router_aux_loss_coef", 0.001},
          {"num_nextn_predict_layers", 1},
          {"max_position_embeddings", 4096},
          {"rms_norm_eps", 1e-6},
          {"tie_word_embeddings", false}};
}

// What the error of a configuration says of a field: "PATH: field NAME: ..." becomes "PATH:LINE: field
// model.NAME: ...", with the line of the section where the recipe does not have the field.
Error placed(const Error& error, const toml::table& table, const std::string& path) {
  const std::string begin = path + ": field ";
  const std::string& message = error.message();
  const size_t colon = message.find(':', begin.size());
  if (!message.starts_with(begin) || colon == message.npos) return error;
  const std::string field = message.substr(begin.size(), colon - begin.size());
  const toml::node* node = table.get(field.substr(0, field.find('.')));
  const auto line = node ? node->source().begin.line : table.source().begin.line;
  return Error(fmt::format("{}{}: field model.{}{}", path, line > 0 ? fmt::format(":{}", line) : "", field,
                           message.substr(colon)));
}

}  // namespace

Status read_model(const toml::table& table, const std::string& path, Recipe& recipe) {
  QN_TRY(const auto fields, TomlFields::open(table, path, "model",
                                             {"hidden_size",
                                              "num_hidden_layers",
                                              "full_attention_interval",
                                              "layer_types",
                                              "num_attention_heads",
                                              "num_key_value_heads",
                                              "head_dim",
                                              "partial_rotary_factor",
                                              "rope_theta",
                                              "rope_scaling",
                                              "rope_parameters",
                                              "linear_num_key_heads",
                                              "linear_num_value_heads",
                                              "linear_key_head_dim",
                                              "linear_value_head_dim",
                                              "linear_conv_kernel_dim",
                                              "num_experts",
                                              "num_experts_per_tok",
                                              "moe_intermediate_size",
                                              "shared_expert_intermediate_size",
                                              "intermediate_size",
                                              "decoder_sparse_step",
                                              "mlp_only_layers",
                                              "norm_topk_prob",
                                              "router_aux_loss_coef",
                                              "num_nextn_predict_layers",
                                              "max_position_embeddings",
                                              "rms_norm_eps",
                                              "tie_word_embeddings",
                                              "initializer_range",
                                              "vocab_size",
                                              "bos_token_id",
                                              "eos_token_id",
                                              "hidden_act",
                                              "attention_bias",
                                              "model_type",
                                              "architectures"}));
  QN_TRY(recipe.initializer_range, fields.number("initializer_range", kInitializerRange, 1e-6, 10));
  recipe.model = defaults();
  for (const auto& [key, value] : table) recipe.model[std::string(key.str())] = to_json(value);
  recipe.model.erase("initializer_range");
  if (!fields.has("model_type")) recipe.model["model_type"] = "qwen3_next";
  Json probe = recipe.model;
  if (!fields.has("vocab_size")) probe["vocab_size"] = 1;
  auto config = ModelConfig::from_json(probe, path);
  if (!config.ok()) return placed(config.error(), table, path);
  if (config->router_aux_loss_coef < 0) return fields.wrong("router_aux_loss_coef", "is below 0");
  return {};
}

Result<ModelConfig> Recipe::model_config(int64_t tokenizer_size,
                                         const std::vector<int64_t>& end_tokens) const {
  Json json = model;
  if (!json.contains("vocab_size")) json["vocab_size"] = tokenizer_size;
  if (!json.contains("eos_token_id") && !end_tokens.empty()) json["eos_token_id"] = end_tokens;
  QN_TRY(ModelConfig config, ModelConfig::from_json(json, path));
  if (config.vocab_size < tokenizer_size) {
    return Error(fmt::format("{}: field model.vocab_size: {} is less than the tokenizer's {}", path,
                             config.vocab_size, tokenizer_size));
  }
  return config;
}

}  // namespace qnext::train
