#include "checkpoint/gguf_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>

namespace qnext {
namespace {

constexpr int64_t kSoftmaxGating = 1;  // expert_gating_func, as llama.cpp numbers it
constexpr int64_t kMaxBlocks = 1 << 16;

class ConfigReader {
 public:
  explicit ConfigReader(const GgufFile& file) : meta_(*file.metadata), tensors_(*file.tensors) {}

  Result<ModelConfig> read() {
    QN_TRY(const std::string architecture, meta_.string("general.architecture"));
    if (architecture != kGgufArchitecture) {
      return meta_.wrong("general.architecture", fmt::format("\"{:.60}\" is not supported, only \"{}\" is",
                                                             architecture, kGgufArchitecture));
    }
    QN_RETURN_IF_ERROR(read_layers());
    QN_RETURN_IF_ERROR(read_embedding());
    QN_RETURN_IF_ERROR(read_attention());
    QN_RETURN_IF_ERROR(read_rope_scaling());
    QN_RETURN_IF_ERROR(read_linear_attention());
    QN_RETURN_IF_ERROR(read_feed_forward());
    QN_RETURN_IF_ERROR(read_tokens());
    QN_RETURN_IF_ERROR(c_.validate(meta_.label()));
    return std::move(c_);
  }

 private:
  static std::string key(std::string_view name) { return fmt::format("{}.{}", kGgufArchitecture, name); }
  Result<int64_t> integer(std::string_view name) const { return meta_.integer(key(name)); }

  Result<double> number(std::string_view name) const {
    if (!meta_.find(key(name))) return meta_.wrong(key(name), "is missing (a number is expected)");
    return meta_.number_or(key(name), 0);
  }

  // The extent `axis` (counted from the last) of the first tensor of these names in any layer, 0 when there
  // is none.
  int64_t extent(std::initializer_list<const char*> leaves, int axis) const {
    for (int64_t layer = 0; layer <= c_.num_layers; ++layer) {
      for (const char* leaf : leaves) {
        const TensorEntry* entry = tensors_.find(fmt::format("blk.{}.{}", layer, leaf));
        if (entry && entry->shape.rank() > axis) return entry->shape[entry->shape.rank() - 1 - axis];
      }
    }
    return 0;
  }

  Status read_layers() {
    QN_TRY(const int64_t blocks, integer("block_count"));
    QN_TRY(c_.num_mtp_layers, meta_.integer_or(key("nextn_predict_layers"), 0));
    if (c_.num_mtp_layers < 0 || c_.num_mtp_layers > 1) {
      return meta_.wrong(key("nextn_predict_layers"), fmt::format("{} is not 0 or 1", c_.num_mtp_layers));
    }
    if (blocks <= c_.num_mtp_layers || blocks > kMaxBlocks) {
      return meta_.wrong(key("block_count"), fmt::format("{} is not a number of layers", blocks));
    }
    c_.num_layers = blocks - c_.num_mtp_layers;
    QN_TRY(const std::vector<int64_t> recurrent, read_recurrent(blocks));
    for (int64_t i = 0; i < c_.num_layers; ++i) {
      c_.layer_kinds.push_back(recurrent[static_cast<size_t>(i)] != 0 ? LayerKind::kLinearAttention
                                                                      : LayerKind::kFullAttention);
      c_.layer_is_moe.push_back(tensors_.find(fmt::format("blk.{}.ffn_gate_inp.weight", i)) != nullptr);
    }
    return {};
  }

  // Which blocks are recurrent, by list or by interval. [blocks], or without the multi-token-prediction block
  Result<std::vector<int64_t>> read_recurrent(int64_t blocks) const {
    const std::string list_key = key("attention.recurrent_layers");
    if (meta_.find(list_key)) {
      QN_TRY(std::vector<int64_t> list, meta_.integers(list_key));
      const auto size = static_cast<int64_t>(list.size());
      if (size == blocks || size == c_.num_layers) return list;
      return meta_.wrong(list_key, fmt::format("{} entries for {} blocks", list.size(), blocks));
    }
    const std::string interval_key = key("full_attention_interval");
    QN_TRY(const int64_t interval, meta_.integer_or(interval_key, 4));
    if (interval < 1) return meta_.wrong(interval_key, fmt::format("{} is below 1", interval));
    std::vector<int64_t> list(static_cast<size_t>(blocks));
    for (int64_t i = 0; i < blocks; ++i) list[static_cast<size_t>(i)] = (i + 1) % interval != 0;
    return list;
  }

  Status read_embedding() {
    QN_TRY(c_.hidden_size, integer("embedding_length"));
    QN_TRY(c_.max_positions, integer("context_length"));
    QN_TRY(c_.rms_norm_eps, number("attention.layer_norm_rms_epsilon"));
    const TensorEntry* embedding = tensors_.find("token_embd.weight");
    if (!embedding) return Error(meta_.label() + ": tensor token_embd.weight is missing");
    if (embedding->shape.rank() != 2 || embedding->shape[1] != c_.hidden_size) {
      return Error(fmt::format("{}: tensor token_embd.weight: shape {}, but {} is {}", meta_.label(),
                               embedding->shape.text(), key("embedding_length"), c_.hidden_size));
    }
    c_.vocab_size = embedding->shape[0];
    c_.tie_embeddings = !tensors_.find("output.weight");
    return {};
  }

  Status read_attention() {
    QN_TRY(c_.num_heads, integer("attention.head_count"));
    QN_TRY(c_.num_kv_heads, integer("attention.head_count_kv"));
    QN_TRY(c_.head_dim, integer("attention.key_length"));
    QN_TRY(const int64_t value_dim, meta_.integer_or(key("attention.value_length"), c_.head_dim));
    if (value_dim != c_.head_dim) {
      return meta_.wrong(
          key("attention.value_length"),
          fmt::format("{} differs from {} {}", value_dim, key("attention.key_length"), c_.head_dim));
    }
    QN_TRY(c_.rope_dim, integer("rope.dimension_count"));
    QN_TRY(c_.rope_theta, number("rope.freq_base"));
    return {};
  }

  Status read_rope_scaling() {
    RopeScaling& scaling = c_.rope_scaling;
    QN_TRY(const std::string type, meta_.string_or(key("rope.scaling.type"), "none"));
    if (type == "none") return {};
    if (type != "linear" && type != "yarn") {
      return meta_.wrong(key("rope.scaling.type"),
                         fmt::format("\"{:.60}\" is not supported, only none, linear and yarn are", type));
    }
    QN_TRY(scaling.factor, number("rope.scaling.factor"));
    scaling.kind = type == "linear" ? RopeScaling::Kind::kLinear : RopeScaling::Kind::kYarn;
    if (type == "linear") return {};
    QN_TRY(scaling.original_context,
           meta_.integer_or(key("rope.scaling.original_context_length"), c_.max_positions));
    QN_TRY(scaling.beta_fast, meta_.number_or(key("rope.scaling.yarn_beta_fast"), 32));
    QN_TRY(scaling.beta_slow, meta_.number_or(key("rope.scaling.yarn_beta_slow"), 1));
    // Here the number multiplies the factor that YaRN derives, in config.json it replaces it.
    QN_TRY(const double attention, meta_.number_or(key("rope.scaling.attn_factor"), 1));
    if (attention != 1) scaling.attention_factor = attention * (0.1 * std::log(scaling.factor) + 1);
    return {};
  }

  Status read_linear_attention() {
    QN_TRY(c_.conv_kernel, integer("ssm.conv_kernel"));
    QN_TRY(c_.linear_key_dim, integer("ssm.state_size"));
    QN_TRY(c_.linear_key_heads, integer("ssm.group_count"));
    QN_TRY(c_.linear_value_heads, integer("ssm.time_step_rank"));
    QN_TRY(const int64_t inner, integer("ssm.inner_size"));
    if (c_.linear_value_heads < 1 || inner % c_.linear_value_heads != 0) {
      return meta_.wrong(key("ssm.inner_size"),
                         fmt::format("{} is not a multiple of {} {}", inner, key("ssm.time_step_rank"),
                                     c_.linear_value_heads));
    }
    c_.linear_value_dim = inner / c_.linear_value_heads;
    return {};
  }

  Status read_feed_forward() {
    const int64_t dense = extent({"ffn_gate.weight", "ffn_up.weight"}, 1);
    QN_TRY(c_.intermediate_size, meta_.integer_or(key("feed_forward_length"), dense));
    QN_TRY(c_.num_experts, meta_.integer_or(key("expert_count"), extent({"ffn_gate_inp.weight"}, 1)));
    QN_TRY(c_.experts_per_token, meta_.integer_or(key("expert_used_count"), 0));
    QN_TRY(c_.moe_intermediate_size,
           meta_.integer_or(key("expert_feed_forward_length"), extent({"ffn_down_exps.weight"}, 0)));
    QN_TRY(c_.shared_expert_size,
           meta_.integer_or(key("expert_shared_feed_forward_length"), extent({"ffn_down_shexp.weight"}, 0)));
    QN_TRY(c_.norm_topk_prob, meta_.boolean_or(key("expert_weights_norm"), true));
    QN_TRY(const int64_t gating, meta_.integer_or(key("expert_gating_func"), kSoftmaxGating));
    if (gating != kSoftmaxGating) {
      return meta_.wrong(key("expert_gating_func"),
                         fmt::format("{} is not supported, only softmax is", gating));
    }
    return {};
  }

  Status read_tokens() {
    QN_TRY(c_.bos_token, meta_.integer_or("tokenizer.ggml.bos_token_id", -1));
    for (const char* end : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"}) {
      if (!meta_.find(end)) continue;
      QN_TRY(const int64_t token, meta_.integer(end));
      if (std::find(c_.eos_tokens.begin(), c_.eos_tokens.end(), token) == c_.eos_tokens.end()) {
        c_.eos_tokens.push_back(token);
      }
    }
    return {};
  }

  const GgufMetadata& meta_;
  const TensorSource& tensors_;
  ModelConfig c_;
};

}  // namespace

Result<ModelConfig> config_from_gguf(const GgufFile& file) { return ConfigReader(file).read(); }

}  // namespace qnext
