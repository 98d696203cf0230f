#include "model/model.h"

#include <fmt/format.h>

#include "model/scratch.h"

namespace qnext {
namespace {

// Every weight type of the model must be known to the backend before the first step.
Status check_supported(ModelWeights& weights, const Ops& ops, const std::string& label) {
  Status status;
  for_each_matrix(weights, [&](Matrix& m) {
    if (!status.ok() || ops.supports(m.dtype)) return;
    status = Error(fmt::format("{}: weights of type {} are not supported by backend {}", label, name(m.dtype),
                               ops.name()));
  });
  return status;
}

// Gives every matrix the backend's layout. Not all at once: what was made at loading, such as gathered rows,
// is freed after its turn.
void prepare(ModelWeights& weights, Ops& ops, const std::shared_ptr<const TensorSource>& source) {
  constexpr int64_t kBytes = int64_t{256} << 20;
  // The embedding is read by row; as a head of its own it is read whole.
  const bool tied = weights.head.data == weights.embedding.data;
  const auto read = std::make_shared<const Ops::KeptRead>(
      [source](const std::byte* data, int64_t count, std::byte* buffer) {
        return source->read_once(data, count, buffer);
      });
  // What lies in the file can wait there.
  std::vector<Matrix*> now, on_use;
  int64_t bytes = 0;
  auto take_turn = [&] {
    ops.prepare(now, *read);
    ops.prepare_on_use(on_use, read);
    now.clear();
    on_use.clear();
    bytes = 0;
  };
  for_each_matrix(weights, [&](Matrix& m) {
    if (&m == &weights.embedding || (&m == &weights.head && tied)) return;
    (source->maps(m.data, m.bytes()) ? on_use : now).push_back(&m);
    bytes += m.bytes();
    if (bytes >= kBytes) take_turn();
  });
  if (tied) now.push_back(&weights.head);
  take_turn();
  if (tied) weights.embedding = weights.head;
}

StateShape make_state_shape(const ModelConfig& c, const ModelOptions& options) {
  StateShape s;
  s.attention_layers = c.attention_layers() + (options.mtp ? 1 : 0);
  s.kv_heads = c.num_kv_heads;
  s.head_dim = c.head_dim;
  s.kv_dtype = options.kv_dtype;
  s.state_dtype = options.state_dtype;
  s.linear_layers = c.num_layers - c.attention_layers();
  s.value_heads = c.linear_value_heads;
  s.key_dim = c.linear_key_dim;
  s.value_dim = c.linear_value_dim;
  s.conv_kernel = c.conv_kernel;
  s.conv_channels = c.conv_channels();
  return s;
}

}  // namespace

Model::Model(ModelConfig config, ModelWeights weights, Ops& ops, const ModelOptions& options)
    : config_(std::move(config)),
      weights_(std::move(weights)),
      ops_(ops),
      options_(options),
      state_shape_(make_state_shape(config_, options)),
      rope_(make_rope_table(config_)),
      scratch_(std::make_unique<Scratch>()) {}

Model::~Model() = default;

void Model::finish_loading() {
  std::vector<Matrix*> matrices;
  for_each_matrix(weights_, [&](Matrix& m) { matrices.push_back(&m); });
  ops_.finish_preparing(matrices);
}

Result<std::unique_ptr<Model>> Model::load(const Checkpoint& checkpoint, Ops& ops,
                                           const ModelOptions& options, const LoadProgress& progress) {
  const std::string& label = checkpoint.tensors->label();
  if (options.mtp && !checkpoint.has_mtp()) {
    return Error(label + ": the model has no multi-token-prediction block (mtp.*)");
  }
  if (checkpoint.config.head_dim % info(options.kv_dtype).block != 0) {
    return Error(fmt::format("{}: head_dim {} does not fit a {} cache, whose blocks have {} values", label,
                             checkpoint.config.head_dim, name(options.kv_dtype),
                             info(options.kv_dtype).block));
  }
  QN_TRY(ModelWeights weights, load_weights(checkpoint.config, *checkpoint.tensors, options.mtp, progress));
  QN_RETURN_IF_ERROR(check_supported(weights, ops, label));
  prepare(weights, ops, checkpoint.tensors);
  return std::unique_ptr<Model>(new Model(checkpoint.config, std::move(weights), ops, options));
}

}  // namespace qnext
