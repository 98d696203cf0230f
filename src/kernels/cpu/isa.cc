// Which instruction sets there are, and how their kernels are picked.
#include "kernels/cpu/targets.h"
//
#include <hwy/highway.h>

#if HWY_ARCH_X86
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <optional>

#include "kernels/cpu/kernels.h"

namespace qnext {
namespace {

enum class Extra : uint8_t { kNone, kBf16, kAmx, kVnni };

struct Isa {
  int64_t target;  // Highway's bit
  Extra extra;     // beyond what that stands for
  std::string_view name;
};

// Best first. avx3_zen4 is Highway's name for AVX3_DL with AVX512_BF16, which Intel has since Cooper Lake;
// avx2_vnni is ours for AVX2 with AVX-VNNI, which laptops without AVX-512 have since Alder Lake.
constexpr Isa kIsas[] = {
#if HWY_ARCH_X86
    {HWY_AVX3_DL, Extra::kAmx, "amx"},      {HWY_AVX3_DL, Extra::kBf16, "avx3_zen4"},
    {HWY_AVX3_DL, Extra::kNone, "avx3_dl"}, {HWY_AVX3, Extra::kNone, "avx3"},
    {HWY_AVX2, Extra::kVnni, "avx2_vnni"},  {HWY_AVX2, Extra::kNone, "avx2"},
    {HWY_SSE4, Extra::kNone, "sse4"},
#elif HWY_ARCH_ARM
    {HWY_NEON, Extra::kNone, "neon"},
#endif
};

#if HWY_ARCH_X86
bool has_feature_of_leaf_7_1(unsigned bit) {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & bit) != 0;
}
bool has_bf16() { return has_feature_of_leaf_7_1(bit_AVX512BF16); }
bool has_avx_vnni() { return has_feature_of_leaf_7_1(bit_AVXVNNI); }

// Linux gives a process the tiles' state (8 KiB a thread) only when asked.
bool has_amx() {
  constexpr unsigned kTile = 1u << 24, kInt8 = 1u << 25, kBf16 = 1u << 22;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  if ((d & kTile) == 0 || (d & kInt8) == 0 || (d & kBf16) == 0) return false;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

bool reads_best_in_order() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(0, &a, &b, &c, &d) != 0 && b == signature_AMD_ebx;
}
#else
bool reads_best_in_order() { return false; }
bool has_bf16() { return false; }
bool has_avx_vnni() { return false; }
bool has_amx() { return false; }
#endif

bool present(const Isa& isa) {
  static const bool bf16 = has_bf16(), amx = bf16 && has_amx(), vnni = has_avx_vnni();
  if ((HWY_SUPPORTED_TARGETS & HWY_TARGETS & isa.target) == 0) return false;
  switch (isa.extra) {
    case Extra::kNone:
      return true;
    case Extra::kBf16:
      return bf16;
    case Extra::kAmx:
      return amx;
    case Extra::kVnni:
      return vnni;
  }
  return false;
}

std::optional<cpu::Target> find_target(std::string_view name) {
  for (const Isa& isa : kIsas) {
    if (isa.name != name || !present(isa)) continue;
    cpu::Target target;
    target.amx = isa.extra == Extra::kAmx;
    target.bf16 = target.amx || isa.extra == Extra::kBf16;
    target.vnni = isa.extra == Extra::kVnni;
    target.in_order = reads_best_in_order();
    if constexpr ((HWY_TARGETS & (HWY_TARGETS - 1)) == 0) return target;  // the tables have one entry
    hwy::ChosenTarget chosen;                                             // our own, not the process's
    chosen.Update(isa.target);
    target.index = chosen.GetIndex();
    return target;
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

bool likes_panels(const Matrix& w) {
  if (w.layout == WeightLayout::kPanels || w.rows < kPanelRows || !fits_panels(w.dtype, w.cols)) return false;
  // One scale for all rows of a panel and whole chunks of columns.
  return !w.scale || (w.scale_rows % kPanelRows == 0 && w.scale_cols % panel_format(w.dtype)->elements == 0);
}

bool choose_kernels(std::string_view isa, Kernels& kernels) {
  const std::optional<Target> target = find_target(isa);
  if (!target) return false;
  kernels.target = *target;
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
