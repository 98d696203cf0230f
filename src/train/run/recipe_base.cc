#include "train/run/recipe_base.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "checkpoint/checkpoint.h"
#include "checkpoint/lora.h"
#include "checkpoint/manifest.h"
#include "train/run/toml_fields.h"

namespace qnext::train {
namespace {

// Those of the mixers, which every token passes. PEFT has no name that means the shared expert alone.
const std::vector<std::string> kTargets{"q_proj",       "k_proj",     "v_proj",  "o_proj",
                                        "in_proj_qkvz", "in_proj_ba", "out_proj"};

bool has_target(const std::vector<NamedShape>& tensors, const std::string& module) {
  return std::any_of(tensors.begin(), tensors.end(), [&](const NamedShape& tensor) {
    return tensor.shape.rank() == 2 && lora_targets(module, tensor.name);
  });
}

}  // namespace

Status read_base(const toml::table& table, const std::string& path, Recipe& recipe) {
  QN_TRY(const auto fields, TomlFields::open(table, path, "base", {"path"}));
  QN_TRY(const std::string given, fields.string("path"));
  recipe.base = (std::filesystem::path(path).parent_path() / given).lexically_normal().string();
  const auto base = open_checkpoint(recipe.base);
  if (!base.ok()) return fields.wrong("path", base.error().message());
  ModelConfig config = base->config;
  config.num_mtp_layers = base->has_mtp() ? 1 : 0;
  config.fp8_block_rows = config.fp8_block_cols = 0;  // what is trained is not FP8
  recipe.model = config.to_json();
  recipe.initializer_range = 0.02;  // of no use here, but fields of config.json are expected to be there
  recipe.tokenizer.path = base->folder;
  return {};
}

Status read_lora(const toml::table& table, const std::string& path, Recipe& recipe) {
  QN_TRY(const auto fields, TomlFields::open(table, path, "lora", {"rank", "alpha", "target_modules"}));
  LoraRecipe& lora = recipe.lora;
  QN_TRY(lora.rank, fields.integer("rank", 8, 1, 1 << 16));
  QN_TRY(lora.alpha, fields.number("alpha", 2 * static_cast<double>(lora.rank), 1e-6, 1e6));
  QN_TRY(const ModelConfig config, ModelConfig::from_json(recipe.model, recipe.base));
  const std::vector<NamedShape> tensors = published_tensors(config, config.num_mtp_layers > 0);
  std::vector<std::string> usual;
  std::copy_if(kTargets.begin(), kTargets.end(), std::back_inserter(usual),
               [&](const std::string& module) { return has_target(tensors, module); });
  QN_TRY(lora.target_modules, fields.strings("target_modules", usual));
  if (lora.target_modules.empty()) return fields.wrong("target_modules", "an empty list");
  for (const std::string& module : lora.target_modules) {
    if (!has_target(tensors, module)) {
      return fields.wrong("target_modules",
                          fmt::format("no matrix of {} is called \"{}\"", recipe.base, module));
    }
  }
  return {};
}

}  // namespace qnext::train
