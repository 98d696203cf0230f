// The operations compiled for one instruction set, as pointers. Each file of an operation fills its own; the
// backend object keeps a table, so that several instruction sets can be used in one process (Highway's own
// choice is one for the whole process).
#pragma once

#include <cstddef>

#include "kernels/cpu/scratch.h"
#include "kernels/ops.h"

namespace qnext::cpu {

// What of the machine a set of kernels may use (isa.cc).
struct Target {
  size_t index = 0;   // into Highway's tables of functions
  bool bf16 = false;  // AVX512_BF16; only with AVX3_DL
  bool amx = false;   // AMX tiles of int8 and BF16; only with bf16
  bool vnni = false;  // AVX-VNNI; only with AVX2
  // Its cores read memory fastest in order, leaving what to ask for to the processor. AMD's do; Intel's are
  // faster with several places at once and every line asked for.
  bool in_order = false;
};

struct Kernels {
  Target target;
  void (*rms_norm)(Workspace&, const float* x, const float* scale, float eps, int64_t n, int64_t width,
                   float* y);
  void (*add)(Workspace&, float* x, const float* y, int64_t count);
  void (*linear)(Workspace&, std::span<const Projection> projections, const float* x, int64_t n);
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

void choose_elementwise(const Target& target, Kernels& kernels);
void choose_linear(const Target& target, Kernels& kernels);
void choose_mlp(const Target& target, Kernels& kernels);
void choose_attention(const Target& target, Kernels& kernels);
void choose_gdn(const Target& target, Kernels& kernels);
void choose_moe_route(const Target& target, Kernels& kernels);

// Whether a matrix has a type and a shape that the kernels are fastest with in panels.
bool likes_panels(const Matrix& w);

// All of the above for an instruction set of cpu_isas(). False for any other name.
bool choose_kernels(std::string_view isa, Kernels& kernels);

}  // namespace qnext::cpu
