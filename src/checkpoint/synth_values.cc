// The rule of the synthetic weights. float32 operations in the stated order; doing any of this in double
// changes some elements by one BF16 step.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "checkpoint/synth_source.h"
#include "tensor/float_formats.h"

namespace qnext {
namespace {

constexpr uint32_t kIndexStep = 0x9E3779B1;

uint32_t fnv1a(std::string_view text, uint32_t hash = 0x811C9DC5) {
  for (char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x01000193;
  return hash;
}

// A uniform number in [-1, 1), a multiple of 2^-23: all operations on it are exact.
inline float unit_value(uint32_t x) {
  x ^= x >> 16;
  x *= 0x7FEB352D;
  x ^= x >> 15;
  x *= 0x846CA68B;
  x ^= x >> 16;
  return static_cast<float>(static_cast<int32_t>(x >> 8)) * 0x1p-23f - 1.0f;
}

// float_to_bf16() without its branch for NaN.
inline uint16_t finite_to_bf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// Elements scale * u + offset, product and sum rounded to float32 each. `start` is the hash input of the
// first one.
[[gnu::always_inline]] inline void affine(uint32_t start, int64_t count, float scale, float offset,
                                          uint16_t* out) {
  for (int64_t i = 0; i < count; ++i) {
    const float u = unit_value(static_cast<uint32_t>(i) * kIndexStep + start);
    out[i] = finite_to_bf16(u * scale + offset);
  }
}

using AffineLoop = void (*)(uint32_t, int64_t, float, float, uint16_t*);

void affine_portable(uint32_t start, int64_t count, float scale, float offset, uint16_t* out) {
  affine(start, count, scale, offset, out);
}

#if defined(__x86_64__)
// The same loop for wider registers: billions of elements are made this way.
[[gnu::target("avx2")]] void affine_avx2(uint32_t start, int64_t count, float scale, float offset,
                                         uint16_t* out) {
  affine(start, count, scale, offset, out);
}

AffineLoop best_affine() { return __builtin_cpu_supports("avx2") ? affine_avx2 : affine_portable; }
#else
AffineLoop best_affine() { return affine_portable; }
#endif

struct Spread {
  bool decay = false;  // A_log: log(1 + 7.5 (u + 1)), the rest is scale * u + offset
  float scale = 1, offset = 0;
};

Spread spread_of(std::string_view name, int64_t last_dim) {
  if (name.ends_with("A_log")) return {true};
  if (name.ends_with("dt_bias")) return {false, 2, -2};
  if (name.ends_with("linear_attn.norm.weight")) return {false, 0.2f, 1};

  // The last part of the name, "weight" not counted.
  std::string_view leaf = name;
  if (leaf.ends_with(".weight")) leaf.remove_suffix(std::string_view(".weight").size());
  if (const size_t dot = leaf.rfind('.'); dot != leaf.npos) leaf.remove_prefix(dot + 1);
  constexpr std::array<std::string_view, 7> kNorms{
      "input_layernorm",       "post_attention_layernorm", "norm", "q_norm", "k_norm",
      "pre_fc_norm_embedding", "pre_fc_norm_hidden"};
  if (std::find(kNorms.begin(), kNorms.end(), leaf) != kNorms.end()) return {false, 0.2f, 0};
  if (leaf == "conv1d") return {false, 0.5f, 0};
  if (leaf == "embed_tokens") return {};
  const double gain = leaf == "gate" || leaf == "lm_head" || leaf == "shared_expert_gate" ? 2 : 1;
  return {false, static_cast<float>(gain * std::sqrt(3.0 / static_cast<double>(last_dim))), 0};
}

}  // namespace

void synthesize(std::string_view name, int64_t last_dim, std::optional<uint64_t> seed, int64_t begin,
                int64_t count, uint16_t* out) {
  const uint32_t hash = fnv1a(name, seed ? fnv1a(fmt::format("{}/", *seed)) : fnv1a(""));
  const uint32_t start = static_cast<uint32_t>(begin) * kIndexStep + hash;
  const Spread spread = spread_of(name, last_dim);
  if (!spread.decay) return best_affine()(start, count, spread.scale, spread.offset, out);
  for (int64_t i = 0; i < count; ++i) {
    const float u = unit_value(static_cast<uint32_t>(i) * kIndexStep + start);
    const float rate = 1.0f + 7.5f * (u + 1.0f);
    out[i] = float_to_bf16(static_cast<float>(std::log(static_cast<double>(rate))));
  }
}

}  // namespace qnext
