// Which instruction sets there are, and how their kernels are picked.
#include "kernels/cpu/targets.h"
//
#include <hwy/highway.h>

#include <optional>

#include "kernels/cpu/kernels.h"

namespace qnext {
namespace {

struct Isa {
  int64_t target;  // Highway's bit
  std::string_view name;
};

// Best first.
constexpr Isa kIsas[] = {
#if HWY_ARCH_X86
    {HWY_AVX3, "avx3"},
    {HWY_AVX2, "avx2"},
    {HWY_SSE4, "sse4"},
#elif HWY_ARCH_ARM
    {HWY_NEON, "neon"},
#endif
};

bool present(const Isa& isa) { return (HWY_SUPPORTED_TARGETS & HWY_TARGETS & isa.target) != 0; }

// Index into the tables that HWY_EXPORT makes.
std::optional<size_t> find_target(std::string_view name) {
  for (const Isa& isa : kIsas) {
    if (isa.name != name || !present(isa)) continue;
    if constexpr ((HWY_TARGETS & (HWY_TARGETS - 1)) == 0) return 0;  // the tables have one entry
    hwy::ChosenTarget chosen;                                        // our own, not the process's
    chosen.Update(isa.target);
    return chosen.GetIndex();
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::string_view> cpu_isas() {
  std::vector<std::string_view> names;
  for (const Isa& isa : kIsas) {
    if (present(isa)) names.push_back(isa.name);
  }
  return names;
}

namespace cpu {

bool choose_kernels(std::string_view isa, Kernels& kernels) {
  const std::optional<size_t> target = find_target(isa);
  if (!target) return false;
  choose_elementwise(*target, kernels);
  choose_linear(*target, kernels);
  choose_mlp(*target, kernels);
  choose_attention(*target, kernels);
  choose_gdn(*target, kernels);
  choose_moe_route(*target, kernels);
  return true;
}

}  // namespace cpu
}  // namespace qnext
