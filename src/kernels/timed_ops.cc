#include "kernels/timed_ops.h"

#include <fmt/format.h>

#include <chrono>
#include <set>

namespace qnext {
namespace {

int64_t bytes_of(const Mlp& mlp) { return mlp.gate.bytes() + mlp.up.bytes() + mlp.down.bytes(); }

int64_t bytes_of(const AttentionArgs& args) {
  int64_t bytes = 0;
  for (const AttentionSegment& s : args.segments) {
    bytes += (s.position + s.count) * 2 * args.kv_heads * row_bytes(s.kv.dtype, args.head_dim);
  }
  return bytes;
}

int64_t bytes_of(const GdnArgs& args) {
  int64_t sequences = 0;
  for (const GdnSegment& s : args.segments) sequences += s.count > 0;
  return sequences * 2 * args.value_heads * args.key_dim * row_bytes(args.state_dtype, args.value_dim);
}

int64_t bytes_of(const MoeArgs& args) {
  const std::set<int32_t> chosen(args.ids, args.ids + args.n * args.top_k);
  int64_t bytes = 0;
  for (const int32_t expert : chosen) bytes += bytes_of((*args.experts)[static_cast<size_t>(expert)]);
  if (args.shared && !args.shared->gate.empty()) bytes += bytes_of(*args.shared);
  return bytes;
}

}  // namespace

template <class Call>
void TimedOps::time(const std::string& operation, int64_t bytes, Call call) {
  const auto start = std::chrono::steady_clock::now();
  call();
  OperationTime& time = times_[operation];
  time.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  time.bytes += static_cast<double>(bytes);
  ++time.calls;
}

void TimedOps::embed(const Matrix& table, std::span<const int32_t> ids, float* y) {
  time("embed", static_cast<int64_t>(ids.size()) * table.stride(), [&] { ops_->embed(table, ids, y); });
}

void TimedOps::rms_norm(const float* x, const float* scale, float eps, int64_t n, int64_t width, float* y) {
  time("rms_norm", 0, [&] { ops_->rms_norm(x, scale, eps, n, width, y); });
}

void TimedOps::linear(std::span<const Projection> projections, const float* x, int64_t n) {
  int64_t rows = 0, bytes = 0;
  for (const Projection& p : projections) {
    rows += p.w->rows;
    bytes += p.w->bytes();
  }
  const int64_t cols = projections.empty() ? 0 : projections.front().w->cols;
  time(fmt::format("linear {} x {}", rows, cols), bytes, [&] { ops_->linear(projections, x, n); });
}

void TimedOps::add(float* x, const float* y, int64_t count) {
  time("add", 0, [&] { ops_->add(x, y, count); });
}

void TimedOps::mlp(const Mlp& weights, const float* x, int64_t n, float* y) {
  time("mlp", bytes_of(weights), [&] { ops_->mlp(weights, x, n, y); });
}

void TimedOps::attention(const AttentionArgs& args) {
  time("attention", bytes_of(args), [&] { ops_->attention(args); });
}

void TimedOps::gdn(const GdnArgs& args) {
  time("gdn", bytes_of(args), [&] { ops_->gdn(args); });
}

void TimedOps::moe_route(const float* logits, int64_t n, int64_t experts, int64_t top_k, bool normalise,
                         int32_t* ids, float* weights) {
  time("moe_route", 0, [&] { ops_->moe_route(logits, n, experts, top_k, normalise, ids, weights); });
}

void TimedOps::moe(const MoeArgs& args) {
  time("moe", bytes_of(args), [&] { ops_->moe(args); });
}

}  // namespace qnext
