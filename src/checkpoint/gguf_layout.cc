#include "checkpoint/gguf_layout.h"

#include <fmt/format.h>

namespace qnext {
namespace {

class Layout {
 public:
  // `source` is null where there are no tensors yet.
  Layout(const ModelConfig& config, const TensorSource* source) : c_(config), source_(source) {}

  void model(bool with_mtp) {
    whole("token_embd.weight", "model.embed_tokens.weight", {c_.vocab_size, c_.hidden_size});
    norm("output_norm.weight", "model.norm.weight", c_.hidden_size);
    if (!c_.tie_embeddings) whole("output.weight", "lm_head.weight", {c_.vocab_size, c_.hidden_size});
    for (int64_t i = 0; i < c_.num_layers; ++i) {
      const auto at = static_cast<size_t>(i);
      layer(fmt::format("blk.{}.", i), fmt::format("model.layers.{}.", i), c_.layer_kinds[at],
            c_.layer_is_moe[at]);
    }
    if (with_mtp) mtp();
  }

  std::vector<GgufRecipe> take() { return std::move(recipes_); }

 private:
  void add(std::string name, Shape shape, Shape source_shape, std::vector<RowRange> rows,
           ValueChange change = ValueChange::kNone) {
    recipes_.push_back({std::move(name), std::move(shape), std::move(source_shape), std::move(rows), change});
  }
  void whole(const std::string& name, const std::string& from, const Shape& shape,
             ValueChange change = ValueChange::kNone) {
    add(name, shape, shape, {{from, 0, shape.rows()}}, change);
  }
  void norm(const std::string& name, const std::string& from, int64_t n) {
    whole(name, from, {n}, ValueChange::kAddOne);
  }

  void layer(const std::string& to, const std::string& from, LayerKind kind, bool moe) {
    norm(to + "attn_norm.weight", from + "input_layernorm.weight", c_.hidden_size);
    if (kind == LayerKind::kFullAttention) {
      attention(to, from + "self_attn.");
    } else {
      linear_attention(to, from + "linear_attn.");
    }
    norm(to + "post_attention_norm.weight", from + "post_attention_layernorm.weight", c_.hidden_size);
    if (moe) {
      experts(to, from + "mlp.");
    } else {
      mlp(to, from + "mlp.", "", c_.intermediate_size);
    }
  }

  void attention(const std::string& to, const std::string& from) {
    whole(to + "attn_q.weight", from + "q_proj.weight", {c_.q_rows(), c_.hidden_size});
    whole(to + "attn_k.weight", from + "k_proj.weight", {c_.kv_rows(), c_.hidden_size});
    whole(to + "attn_v.weight", from + "v_proj.weight", {c_.kv_rows(), c_.hidden_size});
    whole(to + "attn_output.weight", from + "o_proj.weight", {c_.hidden_size, c_.num_heads * c_.head_dim});
    norm(to + "attn_q_norm.weight", from + "q_norm.weight", c_.head_dim);
    norm(to + "attn_k_norm.weight", from + "k_norm.weight", c_.head_dim);
  }

  void linear_attention(const std::string& to, const std::string& from) {
    query_key_value_gate(to, from + "in_proj_qkvz.weight");
    whole(to + "ssm_ba.weight", from + "in_proj_ba.weight", {2 * c_.linear_value_heads, c_.hidden_size});
    add(to + "ssm_conv1d.weight", {c_.conv_channels(), c_.conv_kernel},
        {c_.conv_channels(), 1, c_.conv_kernel}, {{from + "conv1d.weight", 0, c_.conv_channels()}});
    whole(to + "ssm_dt.bias", from + "dt_bias", {c_.linear_value_heads});
    whole(to + "ssm_a", from + "A_log", {c_.linear_value_heads}, ValueChange::kNegExp);
    whole(to + "ssm_norm.weight", from + "norm.weight", {c_.linear_value_dim});
    whole(to + "ssm_out.weight", from + "out_proj.weight", {c_.hidden_size, c_.linear_value_total()});
  }

  // The published matrix has, for each key head, its rows of q, k, v and z; here all heads' q rows come
  // first, then all k, all v, and z becomes a matrix of its own.
  void query_key_value_gate(const std::string& to, const std::string& source) {
    const int64_t heads = c_.linear_key_heads, key = c_.linear_key_dim;
    const int64_t value = c_.linear_value_total() / heads;  // rows of the value heads of one key head
    const int64_t group = 2 * key + 2 * value;
    std::vector<RowRange> qkv, z;
    for (int64_t h = 0; h < heads; ++h) qkv.push_back({source, h * group, key});
    for (int64_t h = 0; h < heads; ++h) qkv.push_back({source, h * group + key, key});
    for (int64_t h = 0; h < heads; ++h) qkv.push_back({source, h * group + 2 * key, value});
    for (int64_t h = 0; h < heads; ++h) z.push_back({source, h * group + 2 * key + value, value});
    const Shape from{c_.qkvz_rows(), c_.hidden_size};
    add(to + "attn_qkv.weight", {c_.conv_channels(), c_.hidden_size}, from, std::move(qkv));
    add(to + "attn_gate.weight", {c_.linear_value_total(), c_.hidden_size}, from, std::move(z));
  }

  void mlp(const std::string& to, const std::string& from, const std::string& suffix, int64_t width) {
    whole(to + "ffn_gate" + suffix + ".weight", from + "gate_proj.weight", {width, c_.hidden_size});
    whole(to + "ffn_up" + suffix + ".weight", from + "up_proj.weight", {width, c_.hidden_size});
    whole(to + "ffn_down" + suffix + ".weight", from + "down_proj.weight", {c_.hidden_size, width});
  }

  void experts(const std::string& to, const std::string& from) {
    const int64_t n = c_.num_experts, width = c_.moe_intermediate_size, hidden = c_.hidden_size;
    whole(to + "ffn_gate_inp.weight", from + "gate.weight", {n, hidden});
    if (const std::string fused = from + "experts.gate_up_proj"; source_ && source_->find(fused)) {
      fused_experts(to, fused, from + "experts.down_proj");
    } else {
      stacked(to + "ffn_gate_exps.weight", from, "gate_proj", {width, hidden});
      stacked(to + "ffn_up_exps.weight", from, "up_proj", {width, hidden});
      stacked(to + "ffn_down_exps.weight", from, "down_proj", {hidden, width});
    }
    if (c_.shared_expert_size == 0) return;
    add(to + "ffn_gate_inp_shexp.weight", {hidden}, {1, hidden},
        {{from + "shared_expert_gate.weight", 0, 1}});
    mlp(to, from + "shared_expert.", "_shexp", c_.shared_expert_size);
  }

  void stacked(const std::string& name, const std::string& from, const std::string& part,
               const Shape& shape) {
    std::vector<RowRange> rows;
    for (int64_t e = 0; e < c_.num_experts; ++e)
      rows.push_back({fmt::format("{}experts.{}.{}.weight", from, e, part), 0, shape[0]});
    add(name, {c_.num_experts, shape[0], shape[1]}, shape, std::move(rows));
  }

  // All experts in two tensors: the gate rows of an expert, then its up rows.
  void fused_experts(const std::string& to, const std::string& gate_up, const std::string& down) {
    const int64_t n = c_.num_experts, width = c_.moe_intermediate_size, hidden = c_.hidden_size;
    std::vector<RowRange> gate, up;
    for (int64_t e = 0; e < n; ++e) {
      gate.push_back({gate_up, 2 * width * e, width});
      up.push_back({gate_up, 2 * width * e + width, width});
    }
    const Shape from{n, 2 * width, hidden};
    add(to + "ffn_gate_exps.weight", {n, width, hidden}, from, std::move(gate));
    add(to + "ffn_up_exps.weight", {n, width, hidden}, from, std::move(up));
    whole(to + "ffn_down_exps.weight", down, {n, hidden, width});
  }

  // Multi-token prediction: a block after the last layer, always full attention.
  void mtp() {
    const std::string to = fmt::format("blk.{}.", c_.num_layers);
    whole(to + "nextn.eh_proj.weight", "mtp.fc.weight", {c_.hidden_size, 2 * c_.hidden_size});
    norm(to + "nextn.enorm.weight", "mtp.pre_fc_norm_embedding.weight", c_.hidden_size);
    norm(to + "nextn.hnorm.weight", "mtp.pre_fc_norm_hidden.weight", c_.hidden_size);
    norm(to + "nextn.shared_head_norm.weight", "mtp.norm.weight", c_.hidden_size);
    const bool moe = source_ ? source_->find("mtp.layers.0.mlp.gate.weight") != nullptr : c_.num_experts > 0;
    layer(to, "mtp.layers.0.", LayerKind::kFullAttention, moe);
  }

  const ModelConfig& c_;
  const TensorSource* const source_;
  std::vector<GgufRecipe> recipes_;
};

std::vector<int64_t> without_ones(const Shape& shape) {
  std::vector<int64_t> dims;
  for (int64_t d : shape.dims()) {
    if (d != 1) dims.push_back(d);
  }
  return dims;
}

Status check_sources(const TensorSource& source, const std::vector<GgufRecipe>& recipes) {
  for (const GgufRecipe& recipe : recipes) {
    for (const RowRange& range : recipe.rows) {
      const TensorEntry* entry = source.find(range.source);
      if (!entry) return Error(fmt::format("{}: tensor {} is missing", source.label(), range.source));
      if (without_ones(entry->shape) != without_ones(recipe.source_shape)) {
        return Error(fmt::format("{}: tensor {} has shape {}, expected {}", source.label(), range.source,
                                 entry->shape.text(), recipe.source_shape.text()));
      }
      if (!is_weight_type(entry->dtype)) {
        return Error(fmt::format("{}: tensor {} has type {}, which weights cannot have", source.label(),
                                 range.source, name(entry->dtype)));
      }
    }
  }
  return {};
}

// The tensors of a GGUF source as they are; without its multi-token-prediction block if that is not wanted.
std::vector<GgufRecipe> same_recipes(const Checkpoint& checkpoint, bool with_mtp) {
  const std::string mtp = fmt::format("blk.{}.", checkpoint.config.num_layers);
  std::vector<GgufRecipe> recipes;
  for (const TensorEntry& entry : checkpoint.tensors->entries()) {
    if (!with_mtp && entry.name.starts_with(mtp)) continue;
    recipes.push_back(
        {entry.name, entry.shape, entry.shape, {{entry.name, 0, entry.shape.rows()}}, ValueChange::kNone});
  }
  return recipes;
}

}  // namespace

Result<std::vector<GgufRecipe>> gguf_recipes(const Checkpoint& checkpoint, bool with_mtp) {
  std::vector<GgufRecipe> recipes;
  if (checkpoint.tensors->naming() == Naming::kGguf) {
    recipes = same_recipes(checkpoint, with_mtp);
  } else {
    Layout layout(checkpoint.config, checkpoint.tensors.get());
    layout.model(with_mtp);
    recipes = layout.take();
  }
  QN_RETURN_IF_ERROR(check_sources(*checkpoint.tensors, recipes));
  return recipes;
}

std::vector<GgufRecipe> gguf_recipes(const ModelConfig& config, bool with_mtp) {
  Layout layout(config, nullptr);
  layout.model(with_mtp);
  return layout.take();
}

}  // namespace qnext
