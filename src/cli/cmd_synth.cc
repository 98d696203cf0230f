// `qnext synth`: made-up weights as files.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <optional>

#include "base/progress.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors_writer.h"
#include "cli/definitions.h"
#include "cli/output.h"

namespace qnext {
namespace {

struct SynthOptions {
  std::string config, out;
  std::optional<uint64_t> seed;
};

Result<int> run_synth(const SynthOptions& options) {
  std::error_code ignored;
  if (std::filesystem::equivalent(std::filesystem::path(options.config).parent_path() / ".", options.out,
                                  ignored)) {
    return Error(options.out + ": is the folder of the configuration to read; give another one");
  }
  std::string model = "synth:" + options.config;
  if (options.seed) model += fmt::format("?seed={}", *options.seed);
  QN_TRY(const Checkpoint checkpoint, open_checkpoint(model));
  QN_TRY(Json config, read_json_file(options.config));
  config.erase("quantization_config");  // the weights are BF16, whatever the configuration was written for
  FolderOptions folder;
  Progress progress("writing", static_cast<int64_t>(checkpoint.tensors->entries().size()), "tensors", true);
  folder.progress = [&progress](int64_t done) { progress.update(done); };
  QN_RETURN_IF_ERROR(write_checkpoint_folder(options.out, config, *checkpoint.tensors, folder));
  return 0;
}

}  // namespace

void add_synth(const Program& program) {
  Command command = add_command(
      program, "synth", "Write the made-up weights of a configuration as a checkpoint",
      "The weights are those of the model synth:CONFIG.json[?seed=N]. FOLDER gets config.json and BF16 "
      "safetensors under the published names; it is made if it does not exist.",
      {"# a checkpoint for tests\nqnext synth config.json -o ./made-up --seed 7"});
  auto o = std::make_shared<SynthOptions>();
  command.add_option("CONFIG.json", o->config, "The configuration, as published with a model").required();
  command.add_option("-o,--output", o->out, "The folder to write").named("FOLDER").required();
  command.add_option("--seed", o->seed, "Other weights for every seed; default those of no seed")
      .named("N")
      .within(0, 0x1p64);
  command.does([o] { return run_synth(*o); });
}

}  // namespace qnext
