#include "train/run/published_files.h"

#include <filesystem>

#include "base/files.h"
#include "checkpoint/hf_folder.h"

namespace qnext::train {

Json published_config(const ModelConfig& config, double initializer_range) {
  Json json = config.to_json();
  json["initializer_range"] = initializer_range;
  json["torch_dtype"] = "bfloat16";
  json["use_cache"] = true;
  return json;
}

Result<std::vector<std::pair<std::string, std::string>>> published_files(const std::string& tokenizer_folder,
                                                                         const ModelConfig& config,
                                                                         bool keep_generation) {
  std::vector<std::pair<std::string, std::string>> files;
  for (const char* name : kTokenizerFiles) {
    const std::string path = (std::filesystem::path(tokenizer_folder) / name).string();
    std::error_code ignored;
    const bool needed = files.empty();
    if (!needed && !std::filesystem::exists(path, ignored)) continue;
    QN_TRY(std::string contents, read_file(path));
    files.emplace_back(name, std::move(contents));
  }
  const std::string path = (std::filesystem::path(tokenizer_folder) / kGenerationFile).string();
  std::error_code ignored;
  if (keep_generation && std::filesystem::exists(path, ignored)) {
    QN_TRY(std::string contents, read_file(path));
    files.emplace_back(kGenerationFile, std::move(contents));
    return files;
  }
  Json generation = Json::object();
  if (config.bos_token >= 0) generation["bos_token_id"] = config.bos_token;
  if (!config.eos_tokens.empty()) generation["eos_token_id"] = config.eos_tokens;
  generation["do_sample"] = true;
  generation["temperature"] = 0.7;
  generation["top_p"] = 0.8;
  generation["top_k"] = 20;
  files.emplace_back(kGenerationFile, dump_json(generation, 1) + "\n");
  return files;
}

}  // namespace qnext::train
