// The operations compiled for one instruction set, as pointers. Each file of an operation fills its own; the
// backend object keeps a table, so that several instruction sets can be used in one process (Highway's own
// choice is one for the whole process).
#pragma once

#include <cstddef>

#include "kernels/cpu/scratch.h"
#include "kernels/ops.h"

namespace qnext::cpu {

struct Kernels {
  void (*rms_norm)(Workspace&, const float* x, const float* scale, float eps, int64_t n, int64_t width,
                   float* y);
  void (*add)(Workspace&, float* x, const float* y, int64_t count);
  void (*linear)(Workspace&, const Matrix& w, const float* x, int64_t n, float* y);
  void (*mlp)(Workspace&, const Mlp& weights, const float* x, int64_t n, float* y);
  void (*attention)(Workspace&, const AttentionArgs& args);
  void (*gdn)(Workspace&, const GdnArgs& args);
  void (*moe_route)(Workspace&, const float* logits, int64_t n, int64_t experts, int64_t top_k,
                    bool normalise, int32_t* ids, float* weights);
  void (*moe)(Workspace&, const MoeArgs& args);
  // Exposed for tests of accuracy: y = e^x, 1 / (1 + e^-x), x / (1 + e^-x). y may be x.
  void (*exp)(const float* x, int64_t count, float* y);
  void (*sigmoid)(const float* x, int64_t count, float* y);
  void (*silu)(const float* x, int64_t count, float* y);
};

// `target`: index into Highway's tables of functions (isa.cc).
void choose_elementwise(size_t target, Kernels& kernels);
void choose_linear(size_t target, Kernels& kernels);
void choose_mlp(size_t target, Kernels& kernels);
void choose_attention(size_t target, Kernels& kernels);
void choose_gdn(size_t target, Kernels& kernels);
void choose_moe_route(size_t target, Kernels& kernels);

// All of the above for an instruction set of cpu_isas(). False for any other name.
bool choose_kernels(std::string_view isa, Kernels& kernels);

}  // namespace qnext::cpu
