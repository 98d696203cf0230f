#include "checkpoint/model_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "checkpoint/model_config_fields.h"

namespace qnext {
namespace {

// Bounds on the whole, so that element counts fit in 64 bits with room to spare and the list of a model's
// tensors fits in memory.
constexpr double kMaxElements = 0x1p50;
constexpr int64_t kMaxExpertsInAllLayers = int64_t{1} << 20;

class Checker {
 public:
  Checker(const ModelConfig& config, const std::string& label) : c_(config), label_(label) {}

  Status all() const {
    QN_RETURN_IF_ERROR(ranges());
    QN_RETURN_IF_ERROR(layers());
    QN_RETURN_IF_ERROR(heads());
    QN_RETURN_IF_ERROR(rope());
    QN_RETURN_IF_ERROR(feed_forward());
    QN_RETURN_IF_ERROR(rest());
    return total();
  }

 private:
  Error wrong(const char* field, const std::string& what) const {
    return Error(fmt::format("{}: field {}: {}", label_, field, what));
  }

  Status ranges() const {
    for (const IntegerField& f : kIntegerFields) {
      const int64_t value = c_.*f.member;
      if (value < f.lowest || value > f.highest) {
        return wrong(f.name, fmt::format("{} is not between {} and {}", value, f.lowest, f.highest));
      }
    }
    return {};
  }

  Status layers() const {
    if (static_cast<int64_t>(c_.layer_kinds.size()) != c_.num_layers) {
      return wrong("layer_types",
                   fmt::format("{} entries for {} layers", c_.layer_kinds.size(), c_.num_layers));
    }
    if (static_cast<int64_t>(c_.layer_is_moe.size()) != c_.num_layers) {
      return wrong("mlp_only_layers",
                   fmt::format("{} entries for {} layers", c_.layer_is_moe.size(), c_.num_layers));
    }
    return {};
  }

  Status multiple(const char* field, int64_t value, const char* of, int64_t divisor) const {
    if (value % divisor == 0) return {};
    return wrong(field, fmt::format("{} is not a multiple of {} {}", value, of, divisor));
  }

  Status heads() const {
    QN_RETURN_IF_ERROR(multiple("num_attention_heads", c_.num_heads, "num_key_value_heads", c_.num_kv_heads));
    return multiple("linear_num_value_heads", c_.linear_value_heads, "linear_num_key_heads",
                    c_.linear_key_heads);
  }

  Status rope() const {
    if (c_.rope_dim < 2 || c_.rope_dim > c_.head_dim || c_.rope_dim % 2 != 0) {
      return wrong("partial_rotary_factor",
                   fmt::format("gives {} rotated dimensions of a head of {}; an even number from 2 is needed",
                               c_.rope_dim, c_.head_dim));
    }
    if (!std::isfinite(c_.rope_theta) || c_.rope_theta <= 1) {
      return wrong("rope_theta", fmt::format("{} is not a number above 1", c_.rope_theta));
    }
    const RopeScaling& s = c_.rope_scaling;
    if (s.kind == RopeScaling::Kind::kNone) return {};
    if (!std::isfinite(s.factor) || s.factor < 1) {
      return wrong("rope_scaling.factor", fmt::format("{} is not a number from 1", s.factor));
    }
    if (s.kind == RopeScaling::Kind::kLinear) return {};
    if (s.original_context < 1 || s.original_context > (int64_t{1} << 40)) {
      return wrong("rope_scaling.original_max_position_embeddings",
                   fmt::format("{} is not between 1 and 2^40", s.original_context));
    }
    if (!(std::isfinite(s.beta_fast) && s.beta_slow > 0 && s.beta_fast >= s.beta_slow)) {
      return wrong("rope_scaling.beta_fast",
                   fmt::format("beta_fast {} and beta_slow {} are not in order", s.beta_fast, s.beta_slow));
    }
    if (!std::isfinite(s.attention_factor) || s.attention_factor < 0) {
      return wrong("rope_scaling.attention_factor",
                   fmt::format("{} is not a positive number", s.attention_factor));
    }
    return {};
  }

  Status needed(const char* field, int64_t value, const char* by) const {
    if (value > 0) return {};
    return wrong(field, fmt::format("is 0, and {} need it", by));
  }

  Status feed_forward() const {
    const bool moe = c_.num_experts > 0 ||
                     std::find(c_.layer_is_moe.begin(), c_.layer_is_moe.end(), true) != c_.layer_is_moe.end();
    const bool dense =
        std::find(c_.layer_is_moe.begin(), c_.layer_is_moe.end(), false) != c_.layer_is_moe.end();
    if (dense) QN_RETURN_IF_ERROR(needed("intermediate_size", c_.intermediate_size, "dense layers"));
    if (!moe) return {};
    QN_RETURN_IF_ERROR(needed("num_experts", c_.num_experts, "expert layers"));
    QN_RETURN_IF_ERROR(needed("num_experts_per_tok", c_.experts_per_token, "expert layers"));
    QN_RETURN_IF_ERROR(needed("moe_intermediate_size", c_.moe_intermediate_size, "expert layers"));
    if (c_.experts_per_token > c_.num_experts) {
      return wrong("num_experts_per_tok",
                   fmt::format("{} is more than num_experts {}", c_.experts_per_token, c_.num_experts));
    }
    if (c_.num_experts * c_.num_layers > kMaxExpertsInAllLayers) {
      return wrong("num_experts", fmt::format("{} in each of {} layers is more than {} in all",
                                              c_.num_experts, c_.num_layers, kMaxExpertsInAllLayers));
    }
    return {};
  }

  Status rest() const {
    if (!(c_.rms_norm_eps > 0 && c_.rms_norm_eps < 1)) {
      return wrong("rms_norm_eps", fmt::format("{} is not between 0 and 1", c_.rms_norm_eps));
    }
    if (!std::isfinite(c_.router_aux_loss_coef)) {
      return wrong("router_aux_loss_coef", fmt::format("{} is not finite", c_.router_aux_loss_coef));
    }
    for (int64_t token : c_.eos_tokens) {
      if (token < 0 || token > INT32_MAX) {
        return wrong("eos_token_id", fmt::format("{} is not a token id", token));
      }
    }
    const int64_t rows = c_.fp8_block_rows, cols = c_.fp8_block_cols;
    constexpr int64_t kLargest = 1 << 20;
    if ((rows != 0 || cols != 0) && (rows < 1 || cols < 1 || rows > kLargest || cols > kLargest)) {
      return wrong("quantization_config.weight_block_size",
                   fmt::format("[{}, {}] is not a pair of positive extents", rows, cols));
    }
    return {};
  }

  Status total() const {
    const double hidden = static_cast<double>(c_.hidden_size);
    const double attention = static_cast<double>(c_.q_rows() + 2 * c_.kv_rows() + c_.q_rows() / 2);
    const double linear = static_cast<double>(c_.qkvz_rows() + c_.linear_value_total());
    const double experts =
        3.0 * static_cast<double>(c_.num_experts) * static_cast<double>(c_.moe_intermediate_size);
    const double dense = 3.0 * static_cast<double>(c_.intermediate_size + c_.shared_expert_size);
    const double layers = static_cast<double>(c_.num_layers + 1);
    const double elements =
        hidden * (2.0 * static_cast<double>(c_.vocab_size) + layers * (attention + linear + experts + dense));
    if (elements <= kMaxElements) return {};
    return wrong("hidden_size", fmt::format("with the other extents it makes a model of {:.2g} parameters, "
                                            "more than this program handles",
                                            elements));
  }

  const ModelConfig& c_;
  const std::string& label_;
};

}  // namespace

int64_t ModelConfig::attention_layers() const {
  return std::count(layer_kinds.begin(), layer_kinds.end(), LayerKind::kFullAttention);
}

Status ModelConfig::validate(const std::string& label) const { return Checker(*this, label).all(); }

}  // namespace qnext
