#include "model/weights.h"

#include "model/weight_reader.h"

namespace qnext {
namespace {

using Visitor = std::function<void(Matrix&)>;

void visit(Mlp& mlp, const Visitor& f) {
  for (Matrix* m : {&mlp.gate, &mlp.up, &mlp.down}) {
    if (!m->empty()) f(*m);
  }
}

void visit(LayerWeights& w, const Visitor& f) {
  AttentionWeights& a = w.attention;
  LinearAttentionWeights& l = w.linear;
  FeedForwardWeights& ff = w.feed_forward;
  for (Matrix* m : {&a.q, &a.k, &a.v, &a.o, &l.qkv, &l.z, &l.ba, &l.out, &ff.router, &ff.shared_gate}) {
    if (!m->empty()) f(*m);
  }
  visit(ff.dense, f);
  visit(ff.shared, f);
  for (Mlp& expert : ff.experts) visit(expert, f);
}

}  // namespace

void for_each_matrix(ModelWeights& weights, const Visitor& f) {
  f(weights.embedding);
  f(weights.head);
  for (LayerWeights& layer : weights.layers) visit(layer, f);
  if (weights.mtp) {
    f(weights.mtp->fc);
    visit(weights.mtp->layer, f);
  }
}

Result<ModelWeights> load_weights(const ModelConfig& config, const TensorSource& source, bool with_mtp,
                                  const LoadProgress& progress) {
  WeightReader reader(config, source, progress);
  QN_TRY(ModelWeights w, source.naming() == Naming::kGguf ? load_gguf_weights(reader, with_mtp)
                                                          : load_published_weights(reader, with_mtp));
  for_each_matrix(w, [&](Matrix& m) { w.bytes += m.bytes(); });
  if (w.head.data == w.embedding.data) w.bytes -= w.head.bytes();
  return w;
}

}  // namespace qnext
