#include "checkpoint/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace qnext {
namespace {

int64_t stored_bytes(const TensorEntry& entry) {
  return entry.shape.rows() * row_bytes(entry.dtype, entry.shape.last());
}

bool is_parameter(const TensorEntry& entry) {
  return is_weight_type(entry.dtype) && !entry.name.ends_with("_scale_inv");
}

bool is_routed_expert(std::string_view name) {
  return name.find(".mlp.experts.") != name.npos || name.find("_exps.") != name.npos;
}

void add_tensors(const TensorSource& source, const std::string& mtp_prefix, Summary& s) {
  int64_t expert_parameters = 0;
  for (const TensorEntry& entry : source.entries()) {
    const int64_t bytes = stored_bytes(entry);
    ++s.tensors;
    s.weight_bytes += bytes;
    auto type = std::find_if(s.types.begin(), s.types.end(),
                             [&](const TypeTotal& t) { return t.dtype == entry.dtype; });
    if (type == s.types.end()) type = s.types.insert(type, {entry.dtype, 0, 0, 0});
    ++type->tensors;
    type->elements += entry.shape.elements();
    type->bytes += bytes;

    if (!is_parameter(entry)) continue;
    if (entry.name.starts_with(mtp_prefix)) {
      s.mtp_parameters += entry.shape.elements();
      continue;
    }
    s.parameters += entry.shape.elements();
    if (is_routed_expert(entry.name)) expert_parameters += entry.shape.elements();
  }
  std::stable_sort(s.types.begin(), s.types.end(),
                   [](const TypeTotal& a, const TypeTotal& b) { return a.bytes > b.bytes; });
  const int64_t experts = std::max<int64_t>(s.config.num_experts, 1);
  const int64_t used = expert_parameters / experts * s.config.experts_per_token;
  s.active_parameters = s.parameters - expert_parameters + (expert_parameters > 0 ? used : 0);
}

void add_state(const ModelConfig& c, Summary& s) {
  const int64_t per_layer = 2 * c.kv_rows();
  s.cache_elements_per_token = s.attention_layers * per_layer;
  s.mtp_cache_elements_per_token = s.has_mtp ? per_layer : 0;
  s.recurrent_elements = s.linear_layers * c.linear_value_heads * c.linear_key_dim * c.linear_value_dim;
  s.conv_elements = s.linear_layers * c.conv_channels() * (c.conv_kernel - 1);
  s.context_length = c.max_positions;
  if (c.rope_scaling.kind == RopeScaling::Kind::kYarn) {
    const double extended = c.rope_scaling.factor * static_cast<double>(c.rope_scaling.original_context);
    s.context_length = std::max(s.context_length, static_cast<int64_t>(std::min(extended, 0x1p62)));
  }
}

std::string grouped(int64_t value) {
  std::string digits = std::to_string(value);
  for (auto at = static_cast<int64_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<size_t>(at), 1, ',');
  }
  return digits;
}

// "24.0 KiB", for counts that a person compares.
std::string size_text(int64_t bytes) {
  constexpr const char* kUnits[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} bytes", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string count_text(int64_t count) {
  if (count >= 1000000000)
    return fmt::format("{} ({:.2f} B)", grouped(count), static_cast<double>(count) / 1e9);
  if (count >= 1000000) return fmt::format("{} ({:.2f} M)", grouped(count), static_cast<double>(count) / 1e6);
  return grouped(count);
}

std::string line(std::string_view title, std::string_view value) {
  return fmt::format("{:<20}{}\n", title, value);
}

Json cache_json(const Summary& s) {
  Json json = Json::object();
  json["per_token_bytes"] = {{"bf16", 2 * s.cache_elements_per_token},
                             {"f32", 4 * s.cache_elements_per_token}};
  json["mtp_per_token_bytes"] = {{"bf16", 2 * s.mtp_cache_elements_per_token},
                                 {"f32", 4 * s.mtp_cache_elements_per_token}};
  json["per_sequence_bytes"] = {{"recurrent_f32", 4 * s.recurrent_elements},
                                {"conv_bf16", 2 * s.conv_elements},
                                {"conv_f32", 4 * s.conv_elements}};
  return json;
}

}  // namespace

Summary summarize(const Checkpoint& checkpoint) {
  Summary s;
  s.path = checkpoint.tensors->label();
  s.config = checkpoint.config;
  const bool gguf = checkpoint.tensors->naming() == Naming::kGguf;
  s.format = gguf ? "GGUF" : checkpoint.folder.empty() ? "synthetic" : "safetensors";
  if (checkpoint.metadata) {
    const auto name = checkpoint.metadata->string_or("general.name", "");
    if (name.ok()) s.name = *name;
  }
  const ModelConfig& c = checkpoint.config;
  s.has_mtp = checkpoint.has_mtp();
  s.attention_layers = c.attention_layers();
  s.linear_layers = c.num_layers - s.attention_layers;
  s.moe_layers = std::count(c.layer_is_moe.begin(), c.layer_is_moe.end(), true);
  s.dense_layers = c.num_layers - s.moe_layers;
  add_tensors(*checkpoint.tensors, gguf ? fmt::format("blk.{}.", c.num_layers) : "mtp.", s);
  add_state(c, s);
  return s;
}

std::string to_text(const Summary& s) {
  const ModelConfig& c = s.config;
  std::string out = line("file", s.path);
  if (!s.name.empty()) out += line("name", s.name);
  out += line("architecture", "Qwen3-Next (qwen3_next)");
  out += line("format", s.format);
  out += line("parameters", count_text(s.parameters));
  if (s.has_mtp) out += line("", "+ " + count_text(s.mtp_parameters) + " for multi-token prediction");
  out += line("active per token", count_text(s.active_parameters) + ", embedding and head included");
  out += line("layers",
              fmt::format("{}: {} linear attention, {} full attention; {} with experts, {} dense",
                          c.num_layers, s.linear_layers, s.attention_layers, s.moe_layers, s.dense_layers));
  if (s.moe_layers > 0) {
    out +=
        line("experts", fmt::format("{} of width {}, {} per token, shared expert of width {}", c.num_experts,
                                    c.moe_intermediate_size, c.experts_per_token, c.shared_expert_size));
  }
  out += line("hidden size", grouped(c.hidden_size));
  out += line("vocabulary", grouped(c.vocab_size));
  out += line("context length", grouped(s.context_length) + " tokens");
  out += line("tensors", fmt::format("{}, {} of weights", grouped(s.tensors), size_text(s.weight_bytes)));
  for (const TypeTotal& t : s.types) {
    out += line(
        "", fmt::format("{:<8} {:>8} tensors {:>12}", name(t.dtype), grouped(t.tensors), size_text(t.bytes)));
  }
  out +=
      line("cache per token", fmt::format("{} in bf16, {} in f32", size_text(2 * s.cache_elements_per_token),
                                          size_text(4 * s.cache_elements_per_token)));
  if (s.has_mtp) {
    out += line("", fmt::format("+ {} in bf16, {} in f32 with multi-token prediction",
                                size_text(2 * s.mtp_cache_elements_per_token),
                                size_text(4 * s.mtp_cache_elements_per_token)));
  }
  out += line("state per sequence", fmt::format("{} (recurrent in f32, convolution in bf16), {} (all in f32)",
                                                size_text(4 * s.recurrent_elements + 2 * s.conv_elements),
                                                size_text(4 * s.recurrent_elements + 4 * s.conv_elements)));
  return out;
}

Json to_json(const Summary& s) {
  const ModelConfig& c = s.config;
  Json json = Json::object();
  json["file"] = s.path;
  if (!s.name.empty()) json["name"] = s.name;
  json["architecture"] = "qwen3_next";
  json["format"] = s.format;
  json["parameters"] = s.parameters;
  json["mtp_parameters"] = s.mtp_parameters;
  json["active_parameters"] = s.active_parameters;
  json["layers"] = {{"total", c.num_layers},
                    {"linear_attention", s.linear_layers},
                    {"full_attention", s.attention_layers},
                    {"moe", s.moe_layers},
                    {"dense", s.dense_layers}};
  json["has_mtp"] = s.has_mtp;
  json["context_length"] = s.context_length;
  json["tensors"] = s.tensors;
  json["weight_bytes"] = s.weight_bytes;
  json["types"] = Json::array();
  for (const TypeTotal& t : s.types) {
    json["types"].push_back({{"type", std::string(name(t.dtype))},
                             {"tensors", t.tensors},
                             {"elements", t.elements},
                             {"bytes", t.bytes}});
  }
  json["cache"] = cache_json(s);
  json["config"] = c.to_json();
  return json;
}

std::string tensors_to_text(const TensorSource& source) {
  std::string out;
  for (const TensorEntry& entry : source.entries()) {
    out += fmt::format("{:<64} {:<12} {:<24} {:>12}\n", entry.name,
                       std::string(name(entry.dtype)) + (entry.panels ? " panels" : ""), entry.shape.text(),
                       size_text(stored_bytes(entry)));
  }
  return out;
}

Json tensors_to_json(const TensorSource& source) {
  Json json = Json::array();
  for (const TensorEntry& entry : source.entries()) {
    json.push_back({{"name", entry.name},
                    {"type", std::string(name(entry.dtype))},
                    {"layout", entry.panels ? "panels" : "rows"},
                    {"shape", entry.shape.dims()},
                    {"bytes", stored_bytes(entry)}});
  }
  return json;
}

}  // namespace qnext
