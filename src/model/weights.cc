#include "model/weights.h"

#include "model/weight_reader.h"

namespace qnext {
namespace {

int64_t bytes_of(const Mlp& mlp) { return mlp.gate.bytes() + mlp.up.bytes() + mlp.down.bytes(); }

int64_t bytes_of(const LayerWeights& w) {
  int64_t bytes =
      w.attention.q.bytes() + w.attention.k.bytes() + w.attention.v.bytes() + w.attention.o.bytes();
  bytes += w.linear.qkv.bytes() + w.linear.z.bytes() + w.linear.ba.bytes() + w.linear.out.bytes();
  const FeedForwardWeights& ff = w.feed_forward;
  bytes += bytes_of(ff.dense) + ff.router.bytes() + bytes_of(ff.shared) + ff.shared_gate.bytes();
  for (const Mlp& expert : ff.experts) bytes += bytes_of(expert);
  return bytes;
}

}  // namespace

Result<ModelWeights> load_weights(const ModelConfig& config, const TensorSource& source, bool with_mtp,
                                  const LoadProgress& progress) {
  WeightReader reader(config, source, progress);
  QN_TRY(ModelWeights w, source.naming() == Naming::kGguf ? load_gguf_weights(reader, with_mtp)
                                                          : load_published_weights(reader, with_mtp));
  w.bytes = w.embedding.bytes() + (w.head.data == w.embedding.data ? 0 : w.head.bytes());
  for (const LayerWeights& layer : w.layers) w.bytes += bytes_of(layer);
  if (w.mtp) w.bytes += w.mtp->fc.bytes() + bytes_of(w.mtp->layer);
  return w;
}

}  // namespace qnext
