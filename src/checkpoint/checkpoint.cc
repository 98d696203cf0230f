#include "checkpoint/checkpoint.h"

#include <fmt/format.h>

#include <filesystem>

#include "checkpoint/gguf_config.h"
#include "checkpoint/hf_folder.h"
#include "checkpoint/synth_source.h"

namespace qnext {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxConfigBytes = int64_t{1} << 24;
// Where convert keeps the text of generation_config.json in a GGUF file.
constexpr const char* kGenerationKey = "qnext.generation_config";

Result<ModelConfig> read_config(const std::string& path) {
  QN_TRY(const Json json, read_json_file(path, kMaxConfigBytes));
  return ModelConfig::from_json(json, path);
}

// generation_config.json lists all tokens that end an answer, config.json often only the first.
Status take_eos_tokens(const Json& generation, const std::string& label, ModelConfig& config) {
  if (!generation.is_object()) return Error(label + ": a JSON object is expected");
  const JsonFields fields(generation, label);
  if (!fields.has("eos_token_id")) return {};
  if (generation["eos_token_id"].is_array()) {
    QN_TRY(config.eos_tokens, fields.integers_or("eos_token_id", {}));
  } else {
    QN_TRY(const int64_t token, fields.integer("eos_token_id"));
    config.eos_tokens = {token};
  }
  return config.validate(label);
}

Result<Checkpoint> open_folder(const std::string& folder) {
  Checkpoint checkpoint;
  checkpoint.folder = folder;
  QN_TRY(checkpoint.config, read_config((fs::path(folder) / "config.json").string()));
  const std::string generation = (fs::path(folder) / "generation_config.json").string();
  std::error_code ignored;
  if (fs::exists(generation, ignored)) {
    QN_TRY(checkpoint.generation_config, read_json_file(generation, kMaxConfigBytes));
    QN_RETURN_IF_ERROR(take_eos_tokens(*checkpoint.generation_config, generation, checkpoint.config));
  }
  QN_TRY(checkpoint.tensors, open_hf_folder(folder));
  return checkpoint;
}

Result<Checkpoint> open_synth(const std::string& model) {
  QN_TRY(const SynthPath path, parse_synth_path(model));
  Checkpoint checkpoint;
  QN_TRY(checkpoint.config, read_config(path.config_path));
  // The weights are BF16 whatever the configuration was written for.
  checkpoint.config.fp8_block_rows = checkpoint.config.fp8_block_cols = 0;
  checkpoint.tensors = make_synth_source(checkpoint.config, path.seed, model);
  return checkpoint;
}

Result<Checkpoint> from_gguf(const GgufFile& file) {
  Checkpoint checkpoint;
  checkpoint.metadata = file.metadata;
  checkpoint.tensors = file.tensors;
  QN_TRY(checkpoint.config, config_from_gguf(file));
  if (file.metadata->find(kGenerationKey)) {
    const std::string label = fmt::format("{}: key {}", file.metadata->label(), kGenerationKey);
    QN_TRY(const std::string text, file.metadata->string(kGenerationKey));
    QN_TRY(checkpoint.generation_config, parse_json(text, label));
    QN_RETURN_IF_ERROR(take_eos_tokens(*checkpoint.generation_config, label, checkpoint.config));
  }
  return checkpoint;
}

}  // namespace

bool Checkpoint::has_mtp() const {
  if (config.num_mtp_layers == 0) return false;
  const std::string name = tensors->naming() == Naming::kGguf
                               ? fmt::format("blk.{}.nextn.eh_proj.weight", config.num_layers)
                               : "mtp.fc.weight";
  return tensors->find(name) != nullptr;
}

Result<Checkpoint> open_checkpoint(const std::string& model) {
  if (is_synth_path(model)) return open_synth(model);
  std::error_code code;
  const fs::file_status status = fs::status(model, code);
  if (fs::is_directory(status)) return open_folder(model);
  if (status.type() == fs::file_type::not_found) return Error(model + ": no such file or folder");
  if (model.ends_with(".safetensors") || model.ends_with(".json")) {
    return Error(model + ": give the folder that holds config.json and the weights, or a GGUF file");
  }
  QN_TRY(const GgufFile file, open_gguf(model));
  return from_gguf(file);
}

Result<Checkpoint> open_gguf_image(std::span<const std::byte> image, std::shared_ptr<const void> owner,
                                   const std::string& label) {
  QN_TRY(const GgufFile file, parse_gguf(image, std::move(owner), label));
  return from_gguf(file);
}

}  // namespace qnext
