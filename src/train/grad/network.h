// The whole model: forward, losses, backward.
#pragma once

#include "train/data/batch.h"
#include "train/grad/mtp.h"

namespace qnext::train {

// What is minimised: cross_entropy + balance * balance_loss + z * z_loss + mtp * mtp_loss.
struct LossOptions {
  double balance = 0.001;  // of the load-balancing loss, specification 5
  double z = 0;            // of the mean over main MoE rows of (log sum e^logit)^2
  double mtp = 0.1;        // of the mean over MTP steps of their cross-entropies
  int mtp_steps = 1;       // how often the MTP block is applied to its own output; 0: not trained
  // Whether the load-balancing loss is the mean of one for each layer, as large models are trained, instead
  // of one over the rows of all layers together, as transformers has it: that one is also met when an expert
  // is chosen by nearly all tokens in one layer and by none in another.
  bool balance_each_layer = false;
};

struct Losses {
  double total = 0;  // with the factors of LossOptions
  double cross_entropy = 0, balance = 0, z = 0, mtp = 0;
  int64_t targets = 0, mtp_targets = 0;
};

// What the routers chose, summed over batches until cleared.
struct RoutingStatistics {
  std::vector<RoutingRecord> layers;  // of the main layers; empty records where a layer is dense
  RoutingRecord mtp;
  void clear();
};

template <class Real>
class Network {
 public:
  // `values` and `gradients` are runs as ParameterLayout describes, and outlive the network. `recompute`
  // keeps only each layer's input and makes the rest again in the backward pass: the same bits for a third
  // more work.
  Network(const ModelConfig& config, const LossOptions& losses, const ParameterLayout& layout,
          const Real* values, Real* gradients, bool recompute, ThreadPool& pool,
          const WantedGradients& wanted = {});

  // The losses of a batch that is valid (check_batch); their gradient times `share` is added to the gradients
  // unless `backward` is off. The balance loss takes f, the share of each expert, from `routing` with this
  // batch added: a constant of the gradient, and over several micro-batches the share among all so far.
  Losses run(const Batch& batch, double share, bool backward, RoutingStatistics& routing);

  // [tokens, vocab] of the main model, and unless null of the MTP block's first step at its rows (see
  // MtpRows).
  std::vector<Real> logits(const Batch& batch, std::vector<Real>* mtp_logits = nullptr);

 private:
  struct Balance {
    std::vector<Real> gradient;  // of a row's p, [layers, experts]
    int64_t rows = 0;
  };
  void main_forward(const Batch& batch, bool keep, RoutingStatistics& routing);
  void main_backward(const Batch& batch, const Balance& balance, double share);
  void mtp_losses(const Batch& batch, double share, bool backward, RoutingStatistics& routing,
                  Losses& losses);
  Balance router_losses(double share, const RoutingStatistics& routing, Losses& losses);
  void balance_layers(std::span<const size_t> layers, double share, const RoutingStatistics& routing,
                      Balance& out, Losses& losses);
  LayerCache<Real>& cache_of(size_t layer) { return caches_[caches_.size() == 1 ? 0 : layer]; }

  const ModelConfig config_;
  const LossOptions options_;
  const bool recompute_;
  ModelWeights<Real> weights_;
  Work<Real> work_;
  Rotation<Real> rotation_;
  Rows rows_;
  std::vector<LayerCache<Real>> caches_;  // one for each layer, or one for all
  std::vector<Buffer<Real>> inputs_;      // of the layers, where they share a cache
  std::vector<double> p_sum_;             // of this batch, [layers, experts]
  double z_sum_ = 0;
  NormCache<Real> final_norm_;
  std::vector<MtpCache<Real>> mtp_caches_;
  HeadCache<Real> head_;
  Buffer<Real> stream_, d_stream_, d_hidden_;
  std::vector<Buffer<Real>> d_mtp_;
};

// Ids and targets within the vocabulary, starts that rise from 0 to the number of tokens, no empty sequence.
Status check_batch(const Batch& batch, const ModelConfig& config);

}  // namespace qnext::train
