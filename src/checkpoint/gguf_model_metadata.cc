#include "checkpoint/gguf_model_metadata.h"

#include <cmath>

namespace qnext {
namespace {

constexpr int kQuantizationVersion = 2;  // of the block layouts; llama.cpp checks it

std::string key(const char* name) { return std::string(kGgufArchitecture) + "." + name; }

// The interval of "every N-th layer has full attention", or 0 when the layers follow no such rule.
int64_t attention_interval(const ModelConfig& c) {
  int64_t first = 0;
  while (first < c.num_layers && c.layer_kinds[static_cast<size_t>(first)] == LayerKind::kLinearAttention)
    ++first;
  const int64_t interval = first + 1;
  for (int64_t i = 0; i < c.num_layers; ++i) {
    const bool full = c.layer_kinds[static_cast<size_t>(i)] == LayerKind::kFullAttention;
    if (full != ((i + 1) % interval == 0)) return 0;
  }
  return interval;
}

void add_layers(GgufMetadataBuilder& out, const ModelConfig& c, bool with_mtp) {
  const int64_t blocks = c.num_layers + (with_mtp ? 1 : 0);
  out.u32(key("block_count"), blocks);
  if (with_mtp) out.u32(key("nextn_predict_layers"), 1);
  if (const int64_t interval = attention_interval(c); interval > 0) {
    out.u32(key("full_attention_interval"), interval);
    return;
  }
  std::vector<int64_t> recurrent(static_cast<size_t>(blocks), 0);
  for (int64_t i = 0; i < c.num_layers; ++i)
    recurrent[static_cast<size_t>(i)] = c.layer_kinds[static_cast<size_t>(i)] == LayerKind::kLinearAttention;
  out.integers(key("attention.recurrent_layers"), GgufType::kBool, std::move(recurrent));
}

void add_rope(GgufMetadataBuilder& out, const ModelConfig& c) {
  out.u32(key("rope.dimension_count"), c.rope_dim);
  out.f32(key("rope.freq_base"), c.rope_theta);
  const RopeScaling& scaling = c.rope_scaling;
  if (scaling.kind == RopeScaling::Kind::kNone) return;
  const bool yarn = scaling.kind == RopeScaling::Kind::kYarn;
  out.string(key("rope.scaling.type"), yarn ? "yarn" : "linear");
  out.f32(key("rope.scaling.factor"), scaling.factor);
  if (!yarn) return;
  out.u32(key("rope.scaling.original_context_length"), scaling.original_context);
  out.f32(key("rope.scaling.yarn_beta_fast"), scaling.beta_fast);
  out.f32(key("rope.scaling.yarn_beta_slow"), scaling.beta_slow);
  // There the number multiplies the derived factor, here it replaces it.
  if (scaling.attention_factor != 0)
    out.f32(key("rope.scaling.attn_factor"), scaling.attention_factor / (0.1 * std::log(scaling.factor) + 1));
}

void add_config(GgufMetadataBuilder& out, const ModelConfig& c, bool with_mtp) {
  out.u32(key("vocab_size"), c.vocab_size);
  out.u32(key("context_length"), c.max_positions);
  out.u32(key("embedding_length"), c.hidden_size);
  out.u32(key("feed_forward_length"), c.intermediate_size);
  add_layers(out, c, with_mtp);
  out.u32(key("attention.head_count"), c.num_heads);
  out.u32(key("attention.head_count_kv"), c.num_kv_heads);
  out.u32(key("attention.key_length"), c.head_dim);
  out.u32(key("attention.value_length"), c.head_dim);
  out.f32(key("attention.layer_norm_rms_epsilon"), c.rms_norm_eps);
  add_rope(out, c);
  out.u32(key("expert_count"), c.num_experts);
  out.u32(key("expert_used_count"), c.experts_per_token);
  out.u32(key("expert_feed_forward_length"), c.moe_intermediate_size);
  out.u32(key("expert_shared_feed_forward_length"), c.shared_expert_size);
  if (!c.norm_topk_prob) out.boolean(key("expert_weights_norm"), false);  // llama.cpp always normalises
  out.u32(key("ssm.conv_kernel"), c.conv_kernel);
  out.u32(key("ssm.state_size"), c.linear_key_dim);
  out.u32(key("ssm.group_count"), c.linear_key_heads);
  out.u32(key("ssm.time_step_rank"), c.linear_value_heads);
  out.u32(key("ssm.inner_size"), c.linear_value_total());
}

void add_tokenizer(GgufMetadataBuilder& out, const GgufTokenizer& t) {
  out.string("tokenizer.ggml.model", t.model);
  out.string("tokenizer.ggml.pre", t.pre);
  out.strings("tokenizer.ggml.tokens", t.tokens);
  out.integers("tokenizer.ggml.token_type", GgufType::kI32, t.token_types);
  out.strings("tokenizer.ggml.merges", t.merges);
  if (t.eos >= 0) out.u32("tokenizer.ggml.eos_token_id", t.eos);
  if (t.pad >= 0) out.u32("tokenizer.ggml.padding_token_id", t.pad);
  if (t.bos >= 0) out.u32("tokenizer.ggml.bos_token_id", t.bos);
  out.boolean("tokenizer.ggml.add_bos_token", t.add_bos);
  if (!t.chat_template.empty()) out.string("tokenizer.chat_template", t.chat_template);
}

void add_number(GgufMetadataBuilder& out, const Json& config, const char* from, const char* to) {
  if (config.contains(from) && config[from].is_number()) out.f32(to, config[from].get<double>());
}

void add_sampling(GgufMetadataBuilder& out, const Json& config) {
  if (!config.is_object()) return;
  if (config.contains("do_sample") && config["do_sample"] == false) {
    out.f32("general.sampling.temp", 0);  // greedy
  } else {
    add_number(out, config, "temperature", "general.sampling.temp");
  }
  if (config.contains("top_k") && config["top_k"].is_number_integer()) {
    const int64_t top_k = config["top_k"].get<int64_t>();
    if (top_k >= 0 && top_k <= INT32_MAX) out.u32("general.sampling.top_k", top_k);
  }
  add_number(out, config, "top_p", "general.sampling.top_p");
  add_number(out, config, "min_p", "general.sampling.min_p");
  add_number(out, config, "repetition_penalty", "general.sampling.penalty_repeat");
  out.string("qnext.generation_config", dump_json(config));
}

}  // namespace

GgufMetadataBuilder gguf_model_metadata(const Checkpoint& checkpoint, bool with_mtp, const std::string& name,
                                        const GgufTokenizer* tokenizer) {
  GgufMetadataBuilder out;
  out.string("general.architecture", kGgufArchitecture);
  out.string("general.type", "model");
  if (!name.empty()) out.string("general.name", name);
  add_config(out, checkpoint.config, with_mtp);
  if (checkpoint.generation_config) add_sampling(out, *checkpoint.generation_config);
  if (tokenizer) {
    add_tokenizer(out, *tokenizer);
  } else {
    out.string("tokenizer.ggml.model", "no_vocab");  // llama.cpp takes the size from vocab_size above
    const ModelConfig& c = checkpoint.config;
    if (!c.eos_tokens.empty()) out.u32("tokenizer.ggml.eos_token_id", c.eos_tokens.front());
    if (c.bos_token >= 0) out.u32("tokenizer.ggml.bos_token_id", c.bos_token);
  }
  return out;
}

void set_file_type(GgufMetadataBuilder& metadata, GgufFileType type) {
  metadata.u32("general.file_type", info(type).number);
  metadata.u32("general.quantization_version", kQuantizationVersion);
}

}  // namespace qnext
