#include "checkpoint/quantize_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "base/check.h"

namespace qnext {
namespace {

constexpr std::array<GgufFileTypeInfo, 14> kFileTypes{{
    {GgufFileType::kF32, "f32", 0, DType::kF32},
    {GgufFileType::kF16, "f16", 1, DType::kF16},
    {GgufFileType::kBF16, "bf16", 32, DType::kBF16},
    {GgufFileType::kQ8_0, "q8_0", 7, DType::kQ8_0},
    {GgufFileType::kQ4_0, "q4_0", 2, DType::kQ4_0},
    {GgufFileType::kQ4_1, "q4_1", 3, DType::kQ4_1},
    {GgufFileType::kQ5_0, "q5_0", 8, DType::kQ5_0},
    {GgufFileType::kQ5_1, "q5_1", 9, DType::kQ5_1},
    {GgufFileType::kIQ4_NL, "iq4_nl", 25, DType::kIQ4_NL},
    {GgufFileType::kQ4_K, "q4_k", 14, DType::kQ4_K},
    {GgufFileType::kQ4_K_M, "q4_k_m", 15, DType::kQ4_K},
    {GgufFileType::kQ5_K, "q5_k", 16, DType::kQ5_K},
    {GgufFileType::kQ5_K_M, "q5_k_m", 17, DType::kQ5_K},
    {GgufFileType::kQ6_K, "q6_k", 18, DType::kQ6_K},
}};

// What a matrix does, as far as the choice of type depends on it.
enum class Role { kOutput, kEmbedding, kValues, kKeys, kAttentionOutput, kDown, kOther };

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

Role role_of(std::string_view name) {
  if (name == "output.weight") return Role::kOutput;
  if (name == "token_embd.weight") return Role::kEmbedding;
  // The joint q|k|v matrix of a linear-attention layer counts as one that makes values.
  if (contains(name, "attn_qkv.weight") || contains(name, "attn_v.weight")) return Role::kValues;
  if (contains(name, "attn_k.weight")) return Role::kKeys;
  if (contains(name, "attn_output.weight")) return Role::kAttentionOutput;
  if (contains(name, "ffn_down")) return Role::kDown;
  return Role::kOther;
}

// The number in "blk.N.", or -1.
int64_t block_of(std::string_view name) {
  int64_t block = -1;
  if (name.starts_with("blk.")) std::from_chars(name.data() + 4, name.data() + name.size(), block);
  return block;
}

// The first and last eighth of the layers, and every third between.
bool deserves_more_bits(int64_t layer, int64_t layers) {
  return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
}

// The facts about the whole model that single choices depend on.
struct Model {
  GgufFileType type = GgufFileType::kF32;
  DType base = DType::kF32;
  bool tied = true;    // no output.weight: the embedding is the head
  int64_t layers = 0;  // with the multi-token-prediction block
  bool eight_experts = false;
  bool shares_values = false;         // four or more query heads for each value head
  std::vector<int64_t> value_blocks;  // the layers of all value matrices, ascending

  bool is_4bit_k() const { return type == GgufFileType::kQ4_K || type == GgufFileType::kQ4_K_M; }
};

DType values_type(const Model& m, int64_t block) {
  if (m.eight_experts) return DType::kQ8_0;
  const auto& all = m.value_blocks;
  const int64_t index = std::lower_bound(all.begin(), all.end(), block) - all.begin();
  const auto count = static_cast<int64_t>(all.size());
  const bool medium = m.type == GgufFileType::kQ4_K_M || m.type == GgufFileType::kQ5_K_M;
  if (medium && deserves_more_bits(index, count)) return DType::kQ6_K;
  if (m.type == GgufFileType::kQ4_K && index < 4) return DType::kQ5_K;
  if (m.type == GgufFileType::kIQ4_NL && m.shares_values) return DType::kQ5_K;
  return m.base;
}

DType down_type(const Model& m, int64_t block) {
  const bool medium = m.type == GgufFileType::kQ4_K_M || m.type == GgufFileType::kQ5_K_M;
  if (medium && deserves_more_bits(block, m.layers)) return DType::kQ6_K;
  const bool early = block < m.layers / 8;
  if (early && (m.type == GgufFileType::kQ4_K || m.type == GgufFileType::kIQ4_NL)) return DType::kQ5_K;
  return m.base;
}

DType wanted_type(const Model& m, const TensorEntry& tensor) {
  Role role = role_of(tensor.name);
  if (role == Role::kEmbedding && m.tied) role = Role::kOutput;
  switch (role) {
    case Role::kOutput:
      if (tensor.shape.last() % info(m.base).block != 0 || m.base == DType::kQ8_0) return DType::kQ8_0;
      return DType::kQ6_K;
    case Role::kValues:
      return values_type(m, block_of(tensor.name));
    case Role::kKeys:
      return m.eight_experts ? DType::kQ8_0 : m.base;
    case Role::kAttentionOutput:
      return m.eight_experts && (m.is_4bit_k() || m.type == GgufFileType::kIQ4_NL) ? DType::kQ5_K : m.base;
    case Role::kDown:
      return down_type(m, block_of(tensor.name));
    default:
      return m.base;
  }
}

// The type to use instead when rows are not whole blocks.
DType fitting_type(DType wanted, int64_t cols) {
  if (cols % info(wanted).block == 0) return wanted;
  DType other = DType::kF16;
  if (wanted == DType::kQ4_K) other = DType::kQ5_0;
  if (wanted == DType::kQ5_K) other = DType::kQ5_1;
  if (wanted == DType::kQ6_K) other = DType::kQ8_0;
  return cols % info(other).block == 0 ? other : DType::kF16;
}

Model describe(GgufFileType type, const ModelConfig& config, std::span<const TensorEntry> tensors) {
  Model m;
  m.type = type;
  m.base = info(type).base;
  m.eight_experts = config.num_experts == 8;
  m.shares_values = config.num_kv_heads > 0 && config.num_heads / config.num_kv_heads >= 4;
  for (const TensorEntry& t : tensors) {
    const Role role = role_of(t.name);
    m.layers = std::max(m.layers, block_of(t.name) + 1);
    if (role == Role::kOutput) m.tied = false;
    if (role == Role::kValues) m.value_blocks.push_back(block_of(t.name));
  }
  std::sort(m.value_blocks.begin(), m.value_blocks.end());
  return m;
}

}  // namespace

const GgufFileTypeInfo& info(GgufFileType type) {
  const GgufFileTypeInfo& found = kFileTypes[static_cast<size_t>(type)];
  QN_CHECK(found.type == type, "the table of file types is out of order");
  return found;
}

std::optional<GgufFileType> gguf_file_type_from_name(std::string_view wanted) {
  for (const GgufFileTypeInfo& i : kFileTypes) {
    if (std::equal(i.name.begin(), i.name.end(), wanted.begin(), wanted.end(),
                   [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); })) {
      return i.type;
    }
  }
  return std::nullopt;
}

std::string gguf_file_type_names() {
  std::string all;
  for (const GgufFileTypeInfo& i : kFileTypes) all += fmt::format("{}{}", all.empty() ? "" : ", ", i.name);
  return all;
}

bool may_quantise(const TensorEntry& tensor) {
  int extents = 0;  // leading extents of 1 do not make a matrix
  for (size_t i = 0; i < tensor.shape.dims().size(); ++i) {
    if (extents > 0 || tensor.shape.dims()[i] != 1) ++extents;
  }
  const std::string& name = tensor.name;
  return extents >= 2 && name.ends_with("weight") && !contains(name, "_norm.weight") &&
         !contains(name, "ffn_gate_inp.weight") && !contains(name, "ssm_conv1d");
}

std::vector<DType> plan_types(GgufFileType type, const ModelConfig& config,
                              std::span<const TensorEntry> tensors) {
  const Model model = describe(type, config, tensors);
  std::vector<DType> types;
  for (const TensorEntry& t : tensors) {
    if (!may_quantise(t)) {
      types.push_back(t.dtype);
    } else if (!is_quantised(model.base)) {
      types.push_back(model.base);
    } else {
      types.push_back(fitting_type(wanted_type(model, t), t.shape.last()));
    }
  }
  return types;
}

}  // namespace qnext
