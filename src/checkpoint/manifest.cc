#include "checkpoint/manifest.h"

#include <fmt/format.h>

namespace qnext {
namespace {

class Lister {
 public:
  explicit Lister(const ModelConfig& config) : c_(config), hidden_(config.hidden_size) {}

  std::vector<NamedShape> list(bool with_mtp) {
    add("model.embed_tokens.weight", {c_.vocab_size, hidden_});
    for (int64_t i = 0; i < c_.num_layers; ++i) {
      const auto at = static_cast<size_t>(i);
      layer(fmt::format("model.layers.{}.", i), c_.layer_kinds[at], c_.layer_is_moe[at]);
    }
    add("model.norm.weight", {hidden_});
    if (!c_.tie_embeddings) add("lm_head.weight", {c_.vocab_size, hidden_});
    if (with_mtp) {
      // The block is a full-attention layer, with experts wherever the model has any.
      layer("mtp.layers.0.", LayerKind::kFullAttention, c_.num_experts > 0);
      add("mtp.fc.weight", {hidden_, 2 * hidden_});
      add("mtp.norm.weight", {hidden_});
      add("mtp.pre_fc_norm_embedding.weight", {hidden_});
      add("mtp.pre_fc_norm_hidden.weight", {hidden_});
    }
    return std::move(out_);
  }

 private:
  void add(std::string name, Shape shape) { out_.push_back({std::move(name), std::move(shape)}); }

  void layer(const std::string& prefix, LayerKind kind, bool moe) {
    add(prefix + "input_layernorm.weight", {hidden_});
    add(prefix + "post_attention_layernorm.weight", {hidden_});
    if (kind == LayerKind::kFullAttention)
      attention(prefix + "self_attn.");
    else
      linear_attention(prefix + "linear_attn.");
    if (moe)
      experts(prefix + "mlp.");
    else
      feed_forward(prefix + "mlp.", c_.intermediate_size);
  }

  void attention(const std::string& prefix) {
    add(prefix + "q_proj.weight", {c_.q_rows(), hidden_});
    add(prefix + "k_proj.weight", {c_.kv_rows(), hidden_});
    add(prefix + "v_proj.weight", {c_.kv_rows(), hidden_});
    add(prefix + "o_proj.weight", {hidden_, c_.num_heads * c_.head_dim});
    add(prefix + "q_norm.weight", {c_.head_dim});
    add(prefix + "k_norm.weight", {c_.head_dim});
  }

  void linear_attention(const std::string& prefix) {
    add(prefix + "in_proj_qkvz.weight", {c_.qkvz_rows(), hidden_});
    add(prefix + "in_proj_ba.weight", {2 * c_.linear_value_heads, hidden_});
    add(prefix + "conv1d.weight", {c_.conv_channels(), 1, c_.conv_kernel});
    add(prefix + "A_log", {c_.linear_value_heads});
    add(prefix + "dt_bias", {c_.linear_value_heads});
    add(prefix + "norm.weight", {c_.linear_value_dim});
    add(prefix + "out_proj.weight", {hidden_, c_.linear_value_total()});
  }

  void feed_forward(const std::string& prefix, int64_t width) {
    add(prefix + "gate_proj.weight", {width, hidden_});
    add(prefix + "up_proj.weight", {width, hidden_});
    add(prefix + "down_proj.weight", {hidden_, width});
  }

  void experts(const std::string& prefix) {
    add(prefix + "gate.weight", {c_.num_experts, hidden_});
    for (int64_t e = 0; e < c_.num_experts; ++e) {
      feed_forward(fmt::format("{}experts.{}.", prefix, e), c_.moe_intermediate_size);
    }
    if (c_.shared_expert_size == 0) return;
    feed_forward(prefix + "shared_expert.", c_.shared_expert_size);
    add(prefix + "shared_expert_gate.weight", {1, hidden_});
  }

  const ModelConfig& c_;
  const int64_t hidden_;
  std::vector<NamedShape> out_;
};

}  // namespace

std::vector<NamedShape> published_tensors(const ModelConfig& config, bool with_mtp) {
  return Lister(config).list(with_mtp);
}

}  // namespace qnext
