// RMS norm, addition, and the elementary functions.
#include "kernels/cpu/targets.h"
//
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/elementwise.cc"
#include <hwy/foreach_target.h>
//
#include <cmath>

#include "kernels/cpu/kernels.h"
#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace qnext::cpu::HWY_NAMESPACE {

void rms_norm_rows(const float* x, const float* scale, float eps, int64_t n, int64_t width, float* y) {
  for (int64_t i = 0; i < n; ++i, x += width, y += width) {
    const float mean = dot(x, x, width) / static_cast<float>(width);
    const VF inverse = set(1.0f / std::sqrt(mean + eps));
    for (int64_t j = 0; j < width; j += kLanes) {
      const int64_t left = width - j;
      store(hn::Mul(hn::Mul(load(x + j, left), inverse), load(scale + j, left)), y + j, left);
    }
  }
}

void rms_norm(Workspace& workspace, const float* x, const float* scale, float eps, int64_t n, int64_t width,
              float* y) {
  workspace.pool().parallel_for(n, 8, [&](int64_t begin, int64_t end, int) HWY_ATTR {
    rms_norm_rows(x + begin * width, scale, eps, end - begin, width, y + begin * width);
  });
}

void add_run(float* x, const float* y, int64_t count) {
  for (int64_t i = 0; i < count; i += kLanes) {
    const int64_t left = count - i;
    store(hn::Add(load(x + i, left), load(y + i, left)), x + i, left);
  }
}

void add(Workspace& workspace, float* x, const float* y, int64_t count) {
  workspace.pool().parallel_for(count, 1 << 14, [&](int64_t begin, int64_t end, int) HWY_ATTR {
    add_run(x + begin, y + begin, end - begin);
  });
}

void exp_run(const float* x, int64_t count, float* y) {
  for (int64_t i = 0; i < count; i += kLanes) store(exp(load(x + i, count - i)), y + i, count - i);
}
void sigmoid_run(const float* x, int64_t count, float* y) {
  for (int64_t i = 0; i < count; i += kLanes) store(sigmoid(load(x + i, count - i)), y + i, count - i);
}
void silu_run(const float* x, int64_t count, float* y) {
  for (int64_t i = 0; i < count; i += kLanes) store(silu(load(x + i, count - i)), y + i, count - i);
}

}  // namespace qnext::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace qnext::cpu {

HWY_EXPORT(rms_norm);
HWY_EXPORT(add);
HWY_EXPORT(exp_run);
HWY_EXPORT(sigmoid_run);
HWY_EXPORT(silu_run);

void choose_elementwise(const Target& target, Kernels& kernels) {
  kernels.rms_norm = HWY_DISPATCH_TABLE(rms_norm)[target.index];
  kernels.add = HWY_DISPATCH_TABLE(add)[target.index];
  kernels.exp = HWY_DISPATCH_TABLE(exp_run)[target.index];
  kernels.sigmoid = HWY_DISPATCH_TABLE(sigmoid_run)[target.index];
  kernels.silu = HWY_DISPATCH_TABLE(silu_run)[target.index];
}

}  // namespace qnext::cpu
#endif
