// Weights under their published (Hugging Face) names.
#include <cmath>

#include "model/weight_reader.h"

namespace qnext {
namespace {

// Zero-centred norms are stored as w; the multiplier is 1 + w.
Result<std::vector<float>> zero_centred(WeightReader& reader, const std::string& name, int64_t count) {
  QN_TRY(auto values, reader.values(name, count));
  for (float& x : values) x += 1.0f;
  return values;
}

Status load_published_attention(WeightReader& reader, const std::string& prefix, AttentionWeights& w) {
  const ModelConfig& c = reader.config();
  QN_TRY(w.q, reader.matrix(prefix + "q_proj.weight", c.q_rows(), c.hidden_size));
  QN_TRY(w.k, reader.matrix(prefix + "k_proj.weight", c.kv_rows(), c.hidden_size));
  QN_TRY(w.v, reader.matrix(prefix + "v_proj.weight", c.kv_rows(), c.hidden_size));
  QN_TRY(w.o, reader.matrix(prefix + "o_proj.weight", c.hidden_size, c.num_heads * c.head_dim));
  QN_TRY(w.q_norm, zero_centred(reader, prefix + "q_norm.weight", c.head_dim));
  QN_TRY(w.k_norm, zero_centred(reader, prefix + "k_norm.weight", c.head_dim));
  return {};
}

Status load_published_linear_attention(WeightReader& reader, const std::string& prefix,
                                       LinearAttentionWeights& w) {
  const ModelConfig& c = reader.config();
  QN_TRY(const Matrix qkvz, reader.matrix(prefix + "in_proj_qkvz.weight", c.qkvz_rows(), c.hidden_size));
  w.qkv = gather_rows(qkvz, qkv_rows(c));
  w.z = gather_rows(qkvz, z_rows(c));
  QN_TRY(const Matrix ba,
         reader.matrix(prefix + "in_proj_ba.weight", 2 * c.linear_value_heads, c.hidden_size));
  w.ba = gather_rows(ba, ba_rows(c));
  QN_TRY(w.out, reader.matrix(prefix + "out_proj.weight", c.hidden_size, c.linear_value_total()));
  QN_TRY(w.conv, reader.values(prefix + "conv1d.weight", c.conv_channels() * c.conv_kernel));
  QN_TRY(w.neg_a, reader.values(prefix + "A_log", c.linear_value_heads));
  for (float& x : w.neg_a) x = -std::exp(x);
  QN_TRY(w.dt_bias, reader.values(prefix + "dt_bias", c.linear_value_heads));
  QN_TRY(w.norm, reader.values(prefix + "norm.weight", c.linear_value_dim));
  return {};
}

Result<Mlp> load_mlp(WeightReader& reader, const std::string& prefix, int64_t width) {
  const int64_t hidden = reader.config().hidden_size;
  Mlp mlp;
  QN_TRY(mlp.gate, reader.matrix(prefix + "gate_proj.weight", width, hidden));
  QN_TRY(mlp.up, reader.matrix(prefix + "up_proj.weight", width, hidden));
  QN_TRY(mlp.down, reader.matrix(prefix + "down_proj.weight", hidden, width));
  return mlp;
}

// All experts of a layer in two tensors, as transformers 5 saves them: gate rows, then up rows.
Status load_fused_experts(WeightReader& reader, const std::string& prefix, std::vector<Mlp>& experts) {
  const ModelConfig& c = reader.config();
  const int64_t width = c.moe_intermediate_size;
  QN_TRY(const auto gate_up,
         reader.matrices(prefix + "gate_up_proj", c.num_experts, 2 * width, c.hidden_size));
  QN_TRY(const auto down, reader.matrices(prefix + "down_proj", c.num_experts, c.hidden_size, width));
  for (size_t e = 0; e < gate_up.size(); ++e) {
    experts.push_back({row_range(gate_up[e], 0, width), row_range(gate_up[e], width, width), down[e]});
  }
  return {};
}

Status load_moe(WeightReader& reader, const std::string& prefix, FeedForwardWeights& w) {
  const ModelConfig& c = reader.config();
  w.moe = true;
  QN_TRY(w.router, reader.matrix(prefix + "gate.weight", c.num_experts, c.hidden_size));
  if (reader.has(prefix + "experts.gate_up_proj")) {
    QN_RETURN_IF_ERROR(load_fused_experts(reader, prefix + "experts.", w.experts));
  } else {
    for (int64_t e = 0; e < c.num_experts; ++e) {
      const std::string expert = prefix + "experts." + std::to_string(e) + ".";
      QN_TRY(Mlp mlp, load_mlp(reader, expert, c.moe_intermediate_size));
      w.experts.push_back(std::move(mlp));
    }
  }
  if (c.shared_expert_size > 0) {
    QN_TRY(w.shared, load_mlp(reader, prefix + "shared_expert.", c.shared_expert_size));
    QN_TRY(w.shared_gate, reader.matrix(prefix + "shared_expert_gate.weight", 1, c.hidden_size));
  }
  return {};
}

Status load_layer(WeightReader& reader, const std::string& prefix, bool moe, LayerWeights& w) {
  const ModelConfig& c = reader.config();
  QN_TRY(w.input_norm, zero_centred(reader, prefix + "input_layernorm.weight", c.hidden_size));
  QN_TRY(w.post_attention_norm,
         zero_centred(reader, prefix + "post_attention_layernorm.weight", c.hidden_size));
  if (w.kind == LayerKind::kFullAttention) {
    QN_RETURN_IF_ERROR(load_published_attention(reader, prefix + "self_attn.", w.attention));
  } else {
    QN_RETURN_IF_ERROR(load_published_linear_attention(reader, prefix + "linear_attn.", w.linear));
  }
  if (moe) return load_moe(reader, prefix + "mlp.", w.feed_forward);
  QN_TRY(w.feed_forward.dense, load_mlp(reader, prefix + "mlp.", c.intermediate_size));
  return {};
}

Result<std::unique_ptr<MtpWeights>> load_published_mtp(WeightReader& reader) {
  const int64_t hidden = reader.config().hidden_size;
  auto w = std::make_unique<MtpWeights>();
  QN_TRY(w->fc, reader.matrix("mtp.fc.weight", hidden, 2 * hidden));
  QN_TRY(w->norm_embedding, zero_centred(reader, "mtp.pre_fc_norm_embedding.weight", hidden));
  QN_TRY(w->norm_hidden, zero_centred(reader, "mtp.pre_fc_norm_hidden.weight", hidden));
  QN_TRY(w->norm, zero_centred(reader, "mtp.norm.weight", hidden));
  const bool moe = reader.has("mtp.layers.0.mlp.gate.weight");
  QN_RETURN_IF_ERROR(load_layer(reader, "mtp.layers.0.", moe, w->layer));
  return w;
}

}  // namespace

Result<ModelWeights> load_published_weights(WeightReader& reader, bool with_mtp) {
  const ModelConfig& c = reader.config();
  ModelWeights w;
  QN_TRY(w.embedding, reader.matrix("model.embed_tokens.weight", c.vocab_size, c.hidden_size));
  if (c.tie_embeddings) {
    w.head = w.embedding;
  } else {
    QN_TRY(w.head, reader.matrix("lm_head.weight", c.vocab_size, c.hidden_size));
  }
  QN_TRY(w.norm, zero_centred(reader, "model.norm.weight", c.hidden_size));
  for (int64_t i = 0; i < c.num_layers; ++i) {
    LayerWeights layer;
    layer.kind = c.layer_kinds[static_cast<size_t>(i)];
    const std::string prefix = "model.layers." + std::to_string(i) + ".";
    QN_RETURN_IF_ERROR(load_layer(reader, prefix, c.layer_is_moe[static_cast<size_t>(i)], layer));
    w.layers.push_back(std::move(layer));
  }
  if (with_mtp) {
    QN_TRY(w.mtp, load_published_mtp(reader));
  }
  return w;
}

}  // namespace qnext
