// The reference backend: plain loops, sums in double, one file per operation. It defines what is right; it is
// not fast.
#pragma once

#include "base/thread_pool.h"
#include "kernels/ops.h"

namespace qnext::ref {

void embed(const Matrix& table, std::span<const int32_t> ids, float* y);
void rms_norm(const float* x, const float* scale, float eps, int64_t n, int64_t width, float* y);
void linear(ThreadPool& pool, const Matrix& w, const float* x, int64_t n, float* y);
void mlp(ThreadPool& pool, const Mlp& weights, const float* x, int64_t n, float* y);
void attention(ThreadPool& pool, const AttentionArgs& args);
void gdn(ThreadPool& pool, const GdnArgs& args);
void moe_route(const float* logits, int64_t n, int64_t experts, int64_t top_k, bool normalise, int32_t* ids,
               float* weights);
void moe(ThreadPool& pool, const MoeArgs& args);

double sigmoid(double x);
double silu(double x);

}  // namespace qnext::ref
