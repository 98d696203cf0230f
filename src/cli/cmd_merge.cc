// `qnext merge`: a checkpoint with an adapter's changes in its weights.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "base/files.h"
#include "base/progress.h"
#include "checkpoint/hf_folder.h"
#include "checkpoint/lora.h"
#include "checkpoint/safetensors_writer.h"
#include "cli/definitions.h"
#include "cli/open_model.h"

namespace qnext {
namespace {

namespace fs = std::filesystem;

struct MergeOptions {
  std::string base, adapter, out;
};

// Whether both are there and the same.
bool same_folder(const std::string& a, const std::string& b) {
  std::error_code failed;
  return fs::equivalent(a, b, failed) && !failed;
}

// What a checkpoint has beside its weights and config.json, as it is.
Status copy_other_files(const std::string& from, const std::string& to) {
  std::vector<std::string> names(kTokenizerFiles.begin(), kTokenizerFiles.end());
  names.push_back(kGenerationFile);
  for (const std::string& name : names) {
    const std::string path = (fs::path(from) / name).string();
    std::error_code ignored;
    if (!fs::exists(path, ignored)) continue;
    QN_TRY(const std::string contents, read_file(path));
    QN_TRY(auto file, AtomicFile::create((fs::path(to) / name).string()));
    file->write(contents);
    QN_RETURN_IF_ERROR(file->commit());
  }
  return {};
}

// config.json as the base has it, but for what is true of FP8 files only.
Result<Json> merged_config(const std::string& base) {
  QN_TRY(Json config, read_json_file((fs::path(base) / "config.json").string()));
  config.erase("quantization_config");
  return config;
}

Result<int> run_merge(const MergeOptions& options) {
  QN_TRY(const OpenedModel opened, open_model(options.base));
  const Checkpoint& base = opened.checkpoint;
  QN_TRY(const auto merged, apply_lora(base.tensors, base.config, options.adapter, true));
  if (same_folder(options.base, options.out) || same_folder(options.adapter, options.out)) {
    return Error(fmt::format("--output {}: would replace what is read", options.out));
  }
  QN_TRY(const Json config, merged_config(options.base));
  std::optional<Progress> progress;
  FolderOptions write;
  write.progress = [&](int64_t done) {
    if (!progress)
      progress.emplace("merging", static_cast<int64_t>(merged->entries().size()), "tensors", true);
    progress->update(done);
  };
  QN_RETURN_IF_ERROR(write_checkpoint_folder(options.out, config, *merged, write));
  QN_RETURN_IF_ERROR(copy_other_files(options.base, options.out));
  return 0;
}

}  // namespace

void add_merge(const Program& program) {
  Command command = add_command(
      program, "merge", "Write a checkpoint with a LoRA adapter's changes in its weights",
      "BASE is a published checkpoint, a folder. Every changed tensor is rounded to the type it "
      "has there; FP8 checkpoints become BF16. The result is a folder that every program reads, and "
      "that convert makes a GGUF file of.",
      {"# a model of its own\nqnext merge ./model --lora out/step-000500 -o ./model-talk"});
  auto o = std::make_shared<MergeOptions>();
  command.add_option("BASE", o->base, "The checkpoint's folder").named("FOLDER").required();
  command.add_option("--lora", o->adapter, "The adapter's folder").named("FOLDER").required();
  command.add_option("-o,--output", o->out, "The folder to write").named("FOLDER").required();
  command.does([o] { return run_merge(*o); });
}

}  // namespace qnext
