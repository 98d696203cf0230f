// config.json to ModelConfig and back. transformers 4 writes rope_theta, rope_scaling and
// partial_rotary_factor beside each other, transformers 5 puts them into rope_parameters: both are read.
// torch_dtype / dtype is not looked at, since every tensor carries its own type.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "checkpoint/model_config.h"
#include "checkpoint/model_config_fields.h"

namespace qnext {
namespace {

constexpr const char* kClass = "Qwen3NextForCausalLM";
constexpr const char* kModelType = "qwen3_next";
constexpr const char* kFull = "full_attention";
constexpr const char* kLinear = "linear_attention";

Error bad(const std::string& label, const std::string& field, const std::string& what) {
  return Error(fmt::format("{}: field {}: {}", label, field, what));
}

Error unsupported(const JsonFields& fields, const std::string& name) {
  std::string value = dump_json(fields.json()[name]);
  if (value.size() > 80) value = value.substr(0, 77) + "...";
  return bad(fields.label(), name, value + " is not supported");
}

// The member `name` when it is an object, an empty object when it is absent.
Result<Json> object_or_empty(const JsonFields& fields, const std::string& name) {
  if (!fields.has(name)) return Json::object();
  const Json& value = fields.json()[name];
  if (!value.is_object()) return fields.wrong(name, "an object");
  return value;
}

Status check_architecture(const JsonFields& fields) {
  if (fields.has("model_type")) {
    QN_TRY(const std::string type, fields.string("model_type"));
    if (type != kModelType) {
      return bad(fields.label(), "model_type",
                 fmt::format("\"{}\" is not supported, only \"{}\" is", type, kModelType));
    }
  }
  if (fields.has("architectures")) {
    const Json& names = fields.json()["architectures"];
    if (!names.is_array()) return fields.wrong("architectures", "a list of names");
    if (std::find(names.begin(), names.end(), Json(kClass)) == names.end()) {
      return unsupported(fields, "architectures");
    }
  } else if (!fields.has("model_type")) {
    return fields.wrong("model_type", fmt::format("\"{}\"", kModelType));
  }
  return {};
}

// Variants of the architecture that exist as options but not in any published model.
Status check_options(const JsonFields& fields) {
  QN_TRY(const std::string act, fields.string_or("hidden_act", "silu"));
  if (act != "silu" && act != "swish") return unsupported(fields, "hidden_act");
  QN_TRY(const bool output_gate, fields.boolean_or("attn_output_gate", true));
  if (!output_gate) return unsupported(fields, "attn_output_gate");
  for (const char* name : {"attention_bias", "layer_scale"}) {
    QN_TRY(const bool wanted, fields.boolean_or(name, false));
    if (wanted) return unsupported(fields, name);
  }
  return {};
}

Status read_layer_kinds(const JsonFields& fields, ModelConfig& config) {
  QN_TRY(const int64_t interval, fields.integer_or("full_attention_interval", 4));
  if (interval < 1)
    return bad(fields.label(), "full_attention_interval", fmt::format("{} is below 1", interval));
  if (!fields.has("layer_types")) {
    for (int64_t i = 0; i < config.num_layers; ++i) {
      config.layer_kinds.push_back((i + 1) % interval == 0 ? LayerKind::kFullAttention
                                                           : LayerKind::kLinearAttention);
    }
    return {};
  }
  const Json& types = fields.json()["layer_types"];
  if (!types.is_array()) return fields.wrong("layer_types", "a list of names");
  if (static_cast<int64_t>(types.size()) != config.num_layers) {
    return bad(fields.label(), "layer_types",
               fmt::format("{} entries for num_hidden_layers {}", types.size(), config.num_layers));
  }
  for (const Json& type : types) {
    if (type != kFull && type != kLinear) {
      return bad(fields.label(), "layer_types",
                 fmt::format("{} is neither \"{}\" nor \"{}\"", dump_json(type), kFull, kLinear));
    }
    config.layer_kinds.push_back(type == kFull ? LayerKind::kFullAttention : LayerKind::kLinearAttention);
  }
  return {};
}

Status read_expert_layers(const JsonFields& fields, ModelConfig& config) {
  QN_TRY(const int64_t step, fields.integer_or("decoder_sparse_step", 1));
  if (step < 1) return bad(fields.label(), "decoder_sparse_step", fmt::format("{} is below 1", step));
  QN_TRY(const std::vector<int64_t> dense, fields.integers_or("mlp_only_layers", {}));
  for (int64_t i = 0; i < config.num_layers; ++i) {
    config.layer_is_moe.push_back(config.num_experts > 0 && (i + 1) % step == 0);
  }
  for (int64_t layer : dense) {
    if (layer >= 0 && layer < config.num_layers) config.layer_is_moe[static_cast<size_t>(layer)] = false;
  }
  return {};
}

Result<RopeScaling> read_scaling(const JsonFields& fields, int64_t max_positions) {
  RopeScaling scaling;
  QN_TRY(const std::string old_type, fields.string_or("type", "default"));
  QN_TRY(const std::string type, fields.string_or("rope_type", old_type));
  if (type == "default" || type == "none") return scaling;
  if (type == "linear") {
    scaling.kind = RopeScaling::Kind::kLinear;
    QN_TRY(scaling.factor, fields.number("factor"));
    return scaling;
  }
  if (type != "yarn") {
    return bad(fields.label(), "rope_type",
               fmt::format("\"{}\" is not supported, only default, linear and yarn are", type));
  }
  scaling.kind = RopeScaling::Kind::kYarn;
  QN_TRY(scaling.original_context, fields.integer_or("original_max_position_embeddings", max_positions));
  if (fields.has("factor") || scaling.original_context < 1) {
    QN_TRY(scaling.factor, fields.number("factor"));
  } else {
    scaling.factor = static_cast<double>(max_positions) / static_cast<double>(scaling.original_context);
  }
  QN_TRY(scaling.beta_fast, fields.number_or("beta_fast", 32));
  QN_TRY(scaling.beta_slow, fields.number_or("beta_slow", 1));
  QN_TRY(scaling.attention_factor, fields.number_or("attention_factor", 0));
  QN_TRY(const bool truncate, fields.boolean_or("truncate", true));
  if (!truncate) return unsupported(fields, "truncate");
  for (const char* name : {"mscale", "mscale_all_dim"}) {
    if (fields.has(name)) return unsupported(fields, name);
  }
  return scaling;
}

Status read_rope(const JsonFields& fields, ModelConfig& config) {
  QN_TRY(const Json parameters_json, object_or_empty(fields, "rope_parameters"));
  QN_TRY(const Json scaling_json, object_or_empty(fields, "rope_scaling"));
  const JsonFields parameters(parameters_json, fields.label() + ": rope_parameters");
  const JsonFields scaling(scaling_json, fields.label() + ": rope_scaling");

  QN_TRY(config.rope_theta,
         parameters.has("rope_theta") ? parameters.number("rope_theta") : fields.number("rope_theta"));
  QN_TRY(const double flat_share, fields.number_or("partial_rotary_factor", 0.25));
  QN_TRY(const double share, parameters.number_or("partial_rotary_factor", flat_share));
  if (!(share > 0 && share <= 1)) {
    return bad(fields.label(), "partial_rotary_factor",
               fmt::format("{} is not above 0 and at most 1", share));
  }
  config.rope_dim = static_cast<int64_t>(static_cast<double>(config.head_dim) * share);
  const bool nested = parameters.has("rope_type") || parameters.has("type");
  QN_TRY(config.rope_scaling, read_scaling(nested ? parameters : scaling, config.max_positions));
  return {};
}

Status read_quantization(const JsonFields& fields, ModelConfig& config) {
  if (!fields.has("quantization_config")) return {};
  QN_TRY(const Json json, object_or_empty(fields, "quantization_config"));
  const JsonFields quantization(json, fields.label() + ": quantization_config");
  QN_TRY(const std::string method, quantization.string("quant_method"));
  if (method != "fp8") return unsupported(quantization, "quant_method");
  QN_TRY(const std::string format, quantization.string_or("fmt", "e4m3"));
  if (format != "e4m3") return unsupported(quantization, "fmt");
  QN_TRY(const std::vector<int64_t> block, quantization.integers_or("weight_block_size", {}));
  if (block.size() != 2 || block[0] < 1 || block[1] < 1) {
    return quantization.wrong("weight_block_size", "a list of two positive integers");
  }
  config.fp8_block_rows = block[0];
  config.fp8_block_cols = block[1];
  return {};
}

Status read_eos(const JsonFields& fields, ModelConfig& config) {
  if (!fields.has("eos_token_id")) return {};
  if (fields.json()["eos_token_id"].is_array()) {
    QN_TRY(config.eos_tokens, fields.integers_or("eos_token_id", {}));
  } else {
    QN_TRY(const int64_t token, fields.integer("eos_token_id"));
    config.eos_tokens = {token};
  }
  return {};
}

// The share of a head that from_json() turns back into exactly `rope_dim` dimensions.
double rotary_share(int64_t rope_dim, int64_t head_dim) {
  double share = static_cast<double>(rope_dim) / static_cast<double>(head_dim);
  if (static_cast<int64_t>(static_cast<double>(head_dim) * share) < rope_dim)
    share = std::nextafter(share, 1.0);
  return share;
}

Json scaling_to_json(const RopeScaling& scaling) {
  Json json = Json::object();
  if (scaling.kind == RopeScaling::Kind::kLinear) {
    json["rope_type"] = "linear";
    json["factor"] = scaling.factor;
  } else {
    json["rope_type"] = "yarn";
    json["factor"] = scaling.factor;
    json["original_max_position_embeddings"] = scaling.original_context;
    json["beta_fast"] = scaling.beta_fast;
    json["beta_slow"] = scaling.beta_slow;
    if (scaling.attention_factor != 0) json["attention_factor"] = scaling.attention_factor;
  }
  return json;
}

}  // namespace

Result<ModelConfig> ModelConfig::from_json(const Json& json, const std::string& label) {
  if (!json.is_object()) return Error(label + ": a JSON object is expected");
  const JsonFields fields(json, label);
  QN_RETURN_IF_ERROR(check_architecture(fields));
  QN_RETURN_IF_ERROR(check_options(fields));
  ModelConfig config;
  for (const IntegerField& field : kIntegerFields) {
    QN_TRY(const int64_t value, fields.integer_or(field.name, field.fallback));
    if (value < field.lowest || value > field.highest) {
      return bad(label, field.name,
                 fmt::format("{} is not between {} and {}", value, field.lowest, field.highest));
    }
    config.*field.member = value;
  }
  QN_RETURN_IF_ERROR(read_layer_kinds(fields, config));
  QN_RETURN_IF_ERROR(read_expert_layers(fields, config));
  QN_RETURN_IF_ERROR(read_rope(fields, config));
  QN_RETURN_IF_ERROR(read_quantization(fields, config));
  QN_RETURN_IF_ERROR(read_eos(fields, config));
  QN_TRY(config.norm_topk_prob, fields.boolean_or("norm_topk_prob", true));
  QN_TRY(config.router_aux_loss_coef, fields.number_or("router_aux_loss_coef", 0.001));
  QN_TRY(config.rms_norm_eps, fields.number_or("rms_norm_eps", 1e-6));
  QN_TRY(config.tie_embeddings, fields.boolean_or("tie_word_embeddings", false));
  QN_RETURN_IF_ERROR(config.validate(label));
  return config;
}

Json ModelConfig::to_json() const {
  Json json = Json::object();
  json["architectures"] = Json::array({kClass});
  json["model_type"] = kModelType;
  for (const IntegerField& field : kIntegerFields) json[field.name] = this->*field.member;
  if (bos_token < 0) json["bos_token_id"] = nullptr;
  json["eos_token_id"] = eos_tokens;
  if (eos_tokens.empty()) json["eos_token_id"] = nullptr;
  if (eos_tokens.size() == 1) json["eos_token_id"] = eos_tokens[0];
  json["hidden_act"] = "silu";
  json["layer_types"] = Json::array();
  for (LayerKind kind : layer_kinds) {
    json["layer_types"].push_back(kind == LayerKind::kFullAttention ? kFull : kLinear);
  }
  json["decoder_sparse_step"] = 1;
  json["mlp_only_layers"] = Json::array();
  for (size_t i = 0; i < layer_is_moe.size(); ++i) {
    if (!layer_is_moe[i]) json["mlp_only_layers"].push_back(i);
  }
  json["norm_topk_prob"] = norm_topk_prob;
  json["router_aux_loss_coef"] = router_aux_loss_coef;
  json["rms_norm_eps"] = rms_norm_eps;
  json["tie_word_embeddings"] = tie_embeddings;
  json["attention_bias"] = false;
  json["partial_rotary_factor"] = rotary_share(rope_dim, head_dim);
  json["rope_theta"] = rope_theta;
  const bool scaled = rope_scaling.kind != RopeScaling::Kind::kNone;
  json["rope_scaling"] = scaled ? scaling_to_json(rope_scaling) : Json(nullptr);
  if (fp8_block_rows > 0) {
    json["quantization_config"] = {{"quant_method", "fp8"},
                                   {"fmt", "e4m3"},
                                   {"activation_scheme", "dynamic"},
                                   {"weight_block_size", {fp8_block_rows, fp8_block_cols}}};
  }
  return json;
}

}  // namespace qnext
