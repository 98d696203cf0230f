// Weights under their GGUF names. The converter has already added 1 to the norms, formed -exp(A_log) and put
// the rows of in_proj_qkvz in head order (older files keep them interleaved); b and a are still interleaved.
#include "model/weight_reader.h"

namespace qnext {
namespace {

Result<std::string> first_present(const WeightReader& reader, std::initializer_list<std::string> names) {
  for (const std::string& name : names) {
    if (reader.has(name)) return name;
  }
  return reader.missing(*names.begin());
}

Status load_attention(WeightReader& reader, const std::string& prefix, AttentionWeights& w) {
  const ModelConfig& c = reader.config();
  QN_TRY(w.q, reader.matrix(prefix + "attn_q.weight", c.q_rows(), c.hidden_size));
  QN_TRY(w.k, reader.matrix(prefix + "attn_k.weight", c.kv_rows(), c.hidden_size));
  QN_TRY(w.v, reader.matrix(prefix + "attn_v.weight", c.kv_rows(), c.hidden_size));
  QN_TRY(w.o, reader.matrix(prefix + "attn_output.weight", c.hidden_size, c.num_heads * c.head_dim));
  QN_TRY(w.q_norm, reader.values(prefix + "attn_q_norm.weight", c.head_dim));
  QN_TRY(w.k_norm, reader.values(prefix + "attn_k_norm.weight", c.head_dim));
  return {};
}

Status load_qkvz(WeightReader& reader, const std::string& prefix, LinearAttentionWeights& w) {
  const ModelConfig& c = reader.config();
  if (reader.has(prefix + "attn_qkv.weight")) {
    QN_TRY(w.qkv, reader.matrix(prefix + "attn_qkv.weight", c.conv_channels(), c.hidden_size));
    QN_TRY(w.z, reader.matrix(prefix + "attn_gate.weight", c.linear_value_total(), c.hidden_size));
    return {};
  }
  QN_TRY(const Matrix qkvz, reader.matrix(prefix + "ssm_in.weight", c.qkvz_rows(), c.hidden_size));
  w.qkv = gather_rows(qkvz, qkv_rows(c));
  w.z = gather_rows(qkvz, z_rows(c));
  return {};
}

Status load_linear_attention(WeightReader& reader, const std::string& prefix, LinearAttentionWeights& w) {
  const ModelConfig& c = reader.config();
  QN_RETURN_IF_ERROR(load_qkvz(reader, prefix, w));
  QN_TRY(const std::string ba_name,
         first_present(reader, {prefix + "ssm_ba.weight", prefix + "ssm_beta_alpha.weight"}));
  QN_TRY(const Matrix ba, reader.matrix(ba_name, 2 * c.linear_value_heads, c.hidden_size));
  w.ba = gather_rows(ba, ba_rows(c));
  QN_TRY(w.out, reader.matrix(prefix + "ssm_out.weight", c.hidden_size, c.linear_value_total()));
  QN_TRY(w.conv, reader.values(prefix + "ssm_conv1d.weight", c.conv_channels() * c.conv_kernel));
  QN_TRY(w.neg_a, reader.values(prefix + "ssm_a", c.linear_value_heads));
  QN_TRY(const std::string dt_name, first_present(reader, {prefix + "ssm_dt.bias", prefix + "ssm_dt"}));
  QN_TRY(w.dt_bias, reader.values(dt_name, c.linear_value_heads));
  QN_TRY(w.norm, reader.values(prefix + "ssm_norm.weight", c.linear_value_dim));
  return {};
}

Result<Mlp> load_mlp(WeightReader& reader, const std::string& prefix, const std::string& suffix,
                     int64_t width) {
  const int64_t hidden = reader.config().hidden_size;
  Mlp mlp;
  QN_TRY(mlp.gate, reader.matrix(prefix + "ffn_gate" + suffix + ".weight", width, hidden));
  QN_TRY(mlp.up, reader.matrix(prefix + "ffn_up" + suffix + ".weight", width, hidden));
  QN_TRY(mlp.down, reader.matrix(prefix + "ffn_down" + suffix + ".weight", hidden, width));
  return mlp;
}

Status load_experts(WeightReader& reader, const std::string& prefix, std::vector<Mlp>& experts) {
  const ModelConfig& c = reader.config();
  const int64_t n = c.num_experts, width = c.moe_intermediate_size, hidden = c.hidden_size;
  std::vector<Matrix> gate, up;
  if (const std::string fused = prefix + "ffn_gate_up_exps.weight"; reader.has(fused)) {
    QN_TRY(const auto both, reader.matrices(fused, n, 2 * width, hidden));
    for (const Matrix& m : both) {
      gate.push_back(row_range(m, 0, width));
      up.push_back(row_range(m, width, width));
    }
  } else {
    QN_TRY(gate, reader.matrices(prefix + "ffn_gate_exps.weight", n, width, hidden));
    QN_TRY(up, reader.matrices(prefix + "ffn_up_exps.weight", n, width, hidden));
  }
  QN_TRY(const auto down, reader.matrices(prefix + "ffn_down_exps.weight", n, hidden, width));
  for (size_t e = 0; e < down.size(); ++e) experts.push_back({gate[e], up[e], down[e]});
  return {};
}

Status load_feed_forward(WeightReader& reader, const std::string& prefix, FeedForwardWeights& w) {
  const ModelConfig& c = reader.config();
  w.moe = reader.has(prefix + "ffn_gate_inp.weight");
  if (!w.moe) {
    QN_TRY(w.dense, load_mlp(reader, prefix, "", c.intermediate_size));
    return {};
  }
  QN_TRY(w.router, reader.matrix(prefix + "ffn_gate_inp.weight", c.num_experts, c.hidden_size));
  QN_RETURN_IF_ERROR(load_experts(reader, prefix, w.experts));
  if (c.shared_expert_size > 0) {
    QN_TRY(w.shared, load_mlp(reader, prefix, "_shexp", c.shared_expert_size));
    QN_TRY(w.shared_gate, reader.matrix(prefix + "ffn_gate_inp_shexp.weight", 1, c.hidden_size));
  }
  return {};
}

Status load_layer(WeightReader& reader, const std::string& prefix, LayerWeights& w) {
  const int64_t hidden = reader.config().hidden_size;
  QN_TRY(w.input_norm, reader.values(prefix + "attn_norm.weight", hidden));
  QN_TRY(w.post_attention_norm, reader.values(prefix + "post_attention_norm.weight", hidden));
  if (w.kind == LayerKind::kFullAttention) {
    QN_RETURN_IF_ERROR(load_attention(reader, prefix, w.attention));
  } else {
    QN_RETURN_IF_ERROR(load_linear_attention(reader, prefix, w.linear));
  }
  return load_feed_forward(reader, prefix, w.feed_forward);
}

// The block after the last layer: full attention under the usual names, plus nextn.*.
Result<std::unique_ptr<MtpWeights>> load_mtp(WeightReader& reader) {
  const int64_t hidden = reader.config().hidden_size;
  const std::string prefix = "blk." + std::to_string(reader.config().num_layers) + ".";
  auto w = std::make_unique<MtpWeights>();
  QN_TRY(w->fc, reader.matrix(prefix + "nextn.eh_proj.weight", hidden, 2 * hidden));
  QN_TRY(w->norm_embedding, reader.values(prefix + "nextn.enorm.weight", hidden));
  QN_TRY(w->norm_hidden, reader.values(prefix + "nextn.hnorm.weight", hidden));
  QN_TRY(w->norm, reader.values(prefix + "nextn.shared_head_norm.weight", hidden));
  QN_RETURN_IF_ERROR(load_layer(reader, prefix, w->layer));
  return w;
}

}  // namespace

Result<ModelWeights> load_gguf_weights(WeightReader& reader, bool with_mtp) {
  const ModelConfig& c = reader.config();
  ModelWeights w;
  QN_TRY(w.embedding, reader.matrix("token_embd.weight", c.vocab_size, c.hidden_size));
  w.head = w.embedding;
  if (reader.has("output.weight")) {
    QN_TRY(w.head, reader.matrix("output.weight", c.vocab_size, c.hidden_size));
  }
  QN_TRY(w.norm, reader.values("output_norm.weight", c.hidden_size));
  for (int64_t i = 0; i < c.num_layers; ++i) {
    LayerWeights layer;
    layer.kind = c.layer_kinds[static_cast<size_t>(i)];
    QN_RETURN_IF_ERROR(load_layer(reader, "blk." + std::to_string(i) + ".", layer));
    w.layers.push_back(std::move(layer));
  }
  if (with_mtp) {
    QN_TRY(w.mtp, load_mtp(reader));
  }
  return w;
}

}  // namespace qnext
