// Multi-token prediction: from the hidden row at position t and the token at t + 1, logits for the token at t
// + 2.
#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "model/model.h"
#include "model/scratch.h"

namespace qnext {

Status Model::draft(std::span<const DraftItem> items, StepOutput& output) {
  QN_CHECK(has_mtp(), "the model was loaded without its multi-token-prediction block");
  const MtpWeights& w = *weights_.mtp;
  Scratch& s = *scratch_;
  const int64_t hidden = config_.hidden_size;
  s.ids.clear();
  s.delta.clear();  // holds the hidden rows until they are normed
  std::vector<Segment> segments;
  for (const DraftItem& item : items) {
    const auto count = static_cast<int64_t>(item.next_tokens.size());
    QN_CHECK(item.sequence && count > 0, "a draft item needs a sequence and tokens");
    for (int32_t token : item.next_tokens) {
      if (token < 0 || token >= config_.vocab_size) {
        return Error(fmt::format("token {} is outside the vocabulary of {}", token, config_.vocab_size));
      }
    }
    QN_CHECK(item.position + count <= item.sequence->position(), "a draft row before its step");
    segments.push_back(
        {item.sequence, static_cast<int64_t>(s.ids.size()), count, item.position, item.logits});
    s.ids.insert(s.ids.end(), item.next_tokens.begin(), item.next_tokens.end());
    s.delta.insert(s.delta.end(), item.hidden, item.hidden + count * hidden);
  }
  const auto n = static_cast<int64_t>(s.ids.size());
  const auto eps = static_cast<float>(config_.rms_norm_eps);
  float* x = room(s.x, n * hidden);
  float* normed = room(s.normed, n * hidden);
  float* pair = room(s.pair, n * 2 * hidden);
  auto fill_half = [&](const std::vector<float>& norm, float* rows, int64_t half) {
    ops_.rms_norm(rows, norm.data(), eps, n, hidden, normed);
    for (int64_t i = 0; i < n; ++i) std::copy_n(normed + i * hidden, hidden, pair + (2 * i + half) * hidden);
  };
  ops_.embed(weights_.embedding, s.ids, x);
  fill_half(w.norm_embedding, x, 0);
  fill_half(w.norm_hidden, s.delta.data(), 1);
  ops_.linear(w.fc, pair, n, x);
  layer(w.layer, config_.attention_layers(), segments, n);
  output.hidden.resize(static_cast<size_t>(n * hidden));
  ops_.rms_norm(x, w.norm.data(), eps, n, hidden, output.hidden.data());
  head(segments, output);
  return {};
}

}  // namespace qnext
