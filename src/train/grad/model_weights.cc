#include "train/grad/model_weights.h"

#include <fmt/format.h>

namespace qnext::train {
namespace {

template <class Real>
class Binder {
 public:
  Binder(const ModelConfig& config, const ParameterLayout& layout, const Real* values, Real* gradients,
         const WantedGradients& wanted)
      : c_(config), layout_(layout), values_(values), gradients_(gradients), wanted_(wanted) {}

  ModelWeights<Real> all() {
    ModelWeights<Real> w;
    w.embedding = matrix("model.embed_tokens.weight");
    w.norm = at("model.norm.weight");
    w.head = c_.tie_embeddings ? w.embedding : matrix("lm_head.weight");
    for (int64_t i = 0; i < c_.num_layers; ++i) {
      const auto index = static_cast<size_t>(i);
      w.layers.push_back(
          layer(fmt::format("model.layers.{}.", i), c_.layer_kinds[index], c_.layer_is_moe[index]));
    }
    w.has_mtp = layout_.find("mtp.fc.weight") != nullptr;
    if (w.has_mtp) {
      w.mtp.norm_embedding = at("mtp.pre_fc_norm_embedding.weight");
      w.mtp.norm_hidden = at("mtp.pre_fc_norm_hidden.weight");
      w.mtp.norm = at("mtp.norm.weight");
      w.mtp.fc = matrix("mtp.fc.weight");
      w.mtp.layer = layer("mtp.layers.0.", LayerKind::kFullAttention, c_.num_experts > 0);
    }
    return w;
  }

 private:
  Weight<Real> at(const std::string& name) const {
    const int64_t offset = layout_.offset(name);
    return {values_ + offset, gradients_ + offset};
  }
  Weight<Real> matrix(const std::string& name) const { return joined(name, {}); }
  // Tensors that lie one after the other, as one matrix.
  Weight<Real> joined(const std::string& first, const std::vector<std::string>& others) const {
    bool wanted = !wanted_ || wanted_(first);
    int64_t end = layout_.offset(first) + layout_.find(first)->elements();
    for (const std::string& name : others) {
      QN_CHECK(layout_.offset(name) == end, name + " does not follow " + first);
      end += layout_.find(name)->elements();
      wanted = wanted || wanted_(name);
    }
    return {at(first).w, wanted ? at(first).g : nullptr};
  }

  MlpWeights<Real> mlp(const std::string& prefix, int64_t width) const {
    return {joined(prefix + "gate_proj.weight", {prefix + "up_proj.weight"}),
            matrix(prefix + "down_proj.weight"), width};
  }

  LayerWeights<Real> layer(const std::string& prefix, LayerKind kind, bool moe) const {
    LayerWeights<Real> w;
    w.kind = kind;
    w.moe = moe;
    w.input_norm = at(prefix + "input_layernorm.weight");
    w.post_norm = at(prefix + "post_attention_layernorm.weight");
    if (kind == LayerKind::kFullAttention) {
      const std::string p = prefix + "self_attn.";
      w.attention = {joined(p + "q_proj.weight", {p + "k_proj.weight", p + "v_proj.weight"}),
                     at(p + "q_norm.weight"), at(p + "k_norm.weight"), matrix(p + "o_proj.weight")};
    } else {
      const std::string p = prefix + "linear_attn.";
      w.delta = {joined(p + "in_proj_qkvz.weight", {p + "in_proj_ba.weight"}),
                 at(p + "conv1d.weight"),
                 at(p + "A_log"),
                 at(p + "dt_bias"),
                 at(p + "norm.weight"),
                 matrix(p + "out_proj.weight")};
    }
    if (moe) {
      w.experts = experts(prefix + "mlp.");
    } else {
      w.dense = mlp(prefix + "mlp.", c_.intermediate_size);
    }
    return w;
  }

  ExpertsWeights<Real> experts(const std::string& prefix) const {
    ExpertsWeights<Real> w;
    w.router = matrix(prefix + "gate.weight");
    for (int64_t e = 0; e < c_.num_experts; ++e) {
      w.experts.push_back(mlp(fmt::format("{}experts.{}.", prefix, e), c_.moe_intermediate_size));
    }
    if (c_.shared_expert_size > 0) {
      w.shared = mlp(prefix + "shared_expert.", c_.shared_expert_size);
      w.shared_gate = at(prefix + "shared_expert_gate.weight");
    }
    return w;
  }

  const ModelConfig& c_;
  const ParameterLayout& layout_;
  const Real* const values_;
  Real* const gradients_;
  const WantedGradients& wanted_;
};

}  // namespace

template <class Real>
ModelWeights<Real> bind_weights(const ModelConfig& config, const ParameterLayout& layout, const Real* values,
                                Real* gradients, const WantedGradients& wanted) {
  return Binder<Real>(config, layout, values, gradients, wanted).all();
}

template ModelWeights<float> bind_weights(const ModelConfig&, const ParameterLayout&, const float*, float*,
                                          const WantedGradients&);
template ModelWeights<double> bind_weights(const ModelConfig&, const ParameterLayout&, const double*, double*,
                                           const WantedGradients&);

}  // namespace qnext::train
