#include "train/grad/network.h"

#include <fmt/format.h>

#include <algorithm>

namespace qnext::train {

void RoutingStatistics::clear() {
  for (RoutingRecord& record : layers) record = {};
  mtp = {};
}

Status check_batch(const Batch& batch, const ModelConfig& config) {
  if (batch.tokens() == 0) return Error("batch: no tokens");
  if (batch.targets.size() != batch.tokens()) {
    return Error(fmt::format("batch: {} targets for {} tokens", batch.targets.size(), batch.tokens()));
  }
  if (batch.starts.size() < 2 || batch.starts.front() != 0 ||
      batch.starts.back() != static_cast<int64_t>(batch.tokens())) {
    return Error("batch: its sequences do not cover its tokens");
  }
  for (size_t s = 0; s < batch.sequences(); ++s) {
    if (batch.starts[s + 1] <= batch.starts[s]) return Error(fmt::format("batch: sequence {} is empty", s));
  }
  const auto outside = [&](int32_t id, size_t at) {
    return Error(
        fmt::format("batch: token {} at {} is outside the vocabulary of {}", id, at, config.vocab_size));
  };
  for (size_t i = 0; i < batch.tokens(); ++i) {
    const int32_t id = batch.ids[i], target = batch.targets[i];
    if (id < 0 || id >= config.vocab_size) return outside(id, i);
    if (target != Batch::kNoTarget && (target < 0 || target >= config.vocab_size)) return outside(target, i);
  }
  return {};
}

template <class Real>
Network<Real>::Network(const ModelConfig& config, const LossOptions& losses, const ParameterLayout& layout,
                       const Real* values, Real* gradients, bool recompute, ThreadPool& pool,
                       const WantedGradients& wanted)
    : config_(config),
      options_(losses),
      recompute_(recompute),
      weights_(bind_weights(config_, layout, values, gradients, wanted)),
      work_(pool),
      rotation_(config_),
      caches_(recompute ? 1 : static_cast<size_t>(config.num_layers)),
      inputs_(static_cast<size_t>(config.num_layers)) {}

template <class Real>
void Network<Real>::main_forward(const Batch& batch, bool keep, RoutingStatistics& routing) {
  const auto n = static_cast<int64_t>(batch.tokens());
  const int64_t width = config_.hidden_size;
  rows_.starts = batch.starts;
  int64_t longest = 0;
  for (size_t s = 0; s < batch.sequences(); ++s) {
    longest = std::max(longest, batch.starts[s + 1] - batch.starts[s]);
  }
  rotation_.reach(longest);
  routing.layers.resize(weights_.layers.size());
  p_sum_.assign(weights_.layers.size() * static_cast<size_t>(config_.num_experts), 0.0);
  z_sum_ = 0;
  Real* stream = stream_.room(n * width);
  embed(work_, weights_.embedding.w, width, std::span<const int32_t>(batch.ids), stream);
  for (size_t i = 0; i < weights_.layers.size(); ++i) {
    if (recompute_ && keep) std::copy_n(stream, n * width, inputs_[i].room(n * width));
    LayerCache<Real>& cache = cache_of(i);
    layer_forward(work_, config_, weights_.layers[i], rotation_, rows_, cache, &routing.layers[i], stream);
    if (!weights_.layers[i].moe) continue;
    const RouterCache<Real>& router = cache.experts.router;
    std::copy(router.p_sum.begin(), router.p_sum.end(),
              p_sum_.begin() + static_cast<int64_t>(i * router.p_sum.size()));
    z_sum_ += router.z_sum;
  }
  norm_forward(work_, stream, n, width, config_.rms_norm_eps, weights_.norm.w, final_norm_);
}

template <class Real>
void Network<Real>::main_backward(const Batch& batch, const Balance& balance, double share) {
  RouterLossGradient<Real> routers;
  if (balance.rows > 0) {
    routers.z = static_cast<Real>(share * options_.z * 2 / static_cast<double>(balance.rows));
  }
  const auto n = static_cast<int64_t>(batch.tokens());
  const int64_t width = config_.hidden_size;
  Real* d_stream = d_stream_.zeros(n * width);
  norm_backward(work_, final_norm_, d_hidden_.data(), n, width, weights_.norm, d_stream);
  for (size_t i = weights_.layers.size(); i-- > 0;) {
    LayerCache<Real>& cache = cache_of(i);
    if (recompute_) {
      Real* stream = stream_.data();
      std::copy_n(inputs_[i].data(), n * width, stream);
      layer_forward(work_, config_, weights_.layers[i], rotation_, rows_, cache, nullptr, stream);
    }
    if (balance.rows > 0 && options_.balance != 0) {
      routers.balance = balance.gradient.data() + static_cast<int64_t>(i) * config_.num_experts;
    }
    layer_backward(work_, config_, weights_.layers[i], rotation_, rows_, cache, routers, d_stream);
  }
  embed_backward(work_, weights_.embedding.g, width, std::span<const int32_t>(batch.ids), d_stream);
}

// The part of these layers in E * sum_e f_e P_e, where f_e, which sums to top_k, is that of them together.
// Specification 5.
template <class Real>
void Network<Real>::balance_layers(std::span<const size_t> layers, double share,
                                   const RoutingStatistics& routing, Balance& out, Losses& losses) {
  const auto experts = static_cast<size_t>(config_.num_experts);
  const auto count = static_cast<double>(experts), rows = static_cast<double>(out.rows);
  for (size_t e = 0; e < experts; ++e) {
    double tokens = 0, routed = 0, p = 0;
    for (size_t i : layers) {
      tokens += static_cast<double>(routing.layers[i].tokens[e]);
      routed += static_cast<double>(routing.layers[i].rows);
      p += p_sum_[i * experts + e];
    }
    const double f = tokens / routed;
    losses.balance += count * f * p / rows;
    const auto gradient = static_cast<Real>(share * options_.balance * count * f / rows);
    for (size_t i : layers) out.gradient[i * experts + e] = gradient;
  }
}

template <class Real>
typename Network<Real>::Balance Network<Real>::router_losses(double share, const RoutingStatistics& routing,
                                                             Losses& losses) {
  Balance out;
  std::vector<size_t> layers;
  for (size_t i = 0; i < weights_.layers.size(); ++i) {
    if (weights_.layers[i].moe) layers.push_back(i);
  }
  out.rows = static_cast<int64_t>(layers.size()) * rows_.count();
  if (out.rows == 0) return out;
  out.gradient.resize(p_sum_.size());
  const std::span<const size_t> all(layers);
  const size_t together = options_.balance_each_layer ? 1 : layers.size();
  for (size_t at = 0; at < layers.size(); at += together) {
    balance_layers(all.subspan(at, together), share, routing, out, losses);
  }
  losses.z = z_sum_ / static_cast<double>(out.rows);
  return out;
}

template <class Real>
void Network<Real>::mtp_losses(const Batch& batch, double share, bool backward, RoutingStatistics& routing,
                               Losses& losses) {
  const int64_t width = config_.hidden_size;
  std::vector<MtpRows> steps;
  for (int d = 1; d <= options_.mtp_steps; ++d) {
    MtpRows rows = mtp_rows(batch, d);
    if (rows.with_target == 0) break;
    steps.push_back(std::move(rows));
  }
  if (steps.empty()) return;
  if (mtp_caches_.size() < steps.size()) mtp_caches_.resize(steps.size());
  if (d_mtp_.size() < steps.size()) d_mtp_.resize(steps.size());
  const double each = 1.0 / static_cast<double>(options_.mtp_steps);
  for (size_t d = 0; d < steps.size(); ++d) {
    const MtpRows& rows = steps[d];
    const int64_t n = rows.rows.count();
    const Real* hidden = d == 0 ? final_norm_.y.data() : mtp_caches_[d - 1].output();
    mtp_forward(work_, config_, weights_, rotation_, rows, hidden, mtp_caches_[d], &routing.mtp);
    Real* d_output = backward ? d_mtp_[d].zeros(n * width) : nullptr;
    const double mean = each / static_cast<double>(rows.with_target);
    losses.mtp +=
        mean * head_loss<Real>(work_, weights_.head, config_.vocab_size, width, mtp_caches_[d].output(),
                               rows.targets, static_cast<Real>(share * options_.mtp * mean), head_, d_output);
    losses.mtp_targets += rows.with_target;
  }
  if (!backward) return;
  for (size_t d = steps.size(); d-- > 0;) {
    Real* d_hidden = d == 0 ? d_hidden_.data() : d_mtp_[d - 1].data();
    mtp_backward(work_, config_, weights_, rotation_, steps[d], mtp_caches_[d], d_mtp_[d].data(), d_hidden);
  }
}

template <class Real>
Losses Network<Real>::run(const Batch& batch, double share, bool backward, RoutingStatistics& routing) {
  Losses losses;
  const auto n = static_cast<int64_t>(batch.tokens());
  const int64_t width = config_.hidden_size;
  main_forward(batch, backward, routing);
  const Balance balance = router_losses(share, routing, losses);
  losses.targets =
      std::count_if(batch.targets.begin(), batch.targets.end(), [](int32_t t) { return t >= 0; });
  const double mean = 1.0 / static_cast<double>(std::max<int64_t>(1, losses.targets));
  Real* d_hidden = backward ? d_hidden_.zeros(n * width) : nullptr;
  losses.cross_entropy =
      mean * head_loss<Real>(work_, weights_.head, config_.vocab_size, width, final_norm_.y.data(),
                             batch.targets, static_cast<Real>(share * mean), head_, d_hidden);
  if (weights_.has_mtp && options_.mtp != 0) mtp_losses(batch, share, backward, routing, losses);
  losses.total = losses.cross_entropy + options_.balance * losses.balance + options_.z * losses.z +
                 options_.mtp * losses.mtp;
  if (!backward) return losses;
  main_backward(batch, balance, share);
  return losses;
}

template <class Real>
std::vector<Real> Network<Real>::logits(const Batch& batch, std::vector<Real>* mtp_logits) {
  RoutingStatistics routing;
  main_forward(batch, false, routing);
  const auto n = static_cast<int64_t>(batch.tokens());
  const int64_t vocab = config_.vocab_size, width = config_.hidden_size;
  std::vector<Real> out(static_cast<size_t>(n * vocab));
  head_logits<Real>(work_, weights_.head.w, vocab, width, final_norm_.y.data(), n, out.data());
  if (!mtp_logits) return out;
  const MtpRows rows = mtp_rows(batch, 1);
  if (mtp_caches_.empty()) mtp_caches_.resize(1);
  mtp_forward<Real>(work_, config_, weights_, rotation_, rows, final_norm_.y.data(), mtp_caches_[0], nullptr);
  mtp_logits->resize(static_cast<size_t>(rows.rows.count() * vocab));
  head_logits<Real>(work_, weights_.head.w, vocab, width, mtp_caches_[0].output(), rows.rows.count(),
                    mtp_logits->data());
  return out;
}

template class Network<float>;
template class Network<double>;

}  // namespace qnext::train
