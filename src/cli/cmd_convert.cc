// `qnext convert` and `qnext quantize`: GGUF files.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <optional>

#include "base/progress.h"
#include "checkpoint/convert.h"
#include "cli/common_options.h"
#include "cli/model_text.h"
#include "cli/open_model.h"
#include "cli/output.h"
#include "cli/refuse.h"

namespace qnext {
namespace {

struct ConvertOptionsGiven {
  std::string in, out, type, layout = "rows";
  int64_t threads = 0;
  bool no_mtp = false;
};

// The name that goes into the file: the folder's, or the configuration's.
std::string name_of(const std::string& in) {
  std::filesystem::path path(in);
  if (!path.has_filename()) path = path.parent_path();  // "model/"
  std::error_code ignored;
  if (path == "." || path == "..") path = std::filesystem::weakly_canonical(path, ignored);
  return path.filename().string();
}

Result<int> run_convert(const ConvertOptionsGiven& options, const std::string& command) {
  const auto type = gguf_file_type_from_name(options.type);
  if (!type) {
    return wrong_usage(command,
                       fmt::format("--type: '{}' is none of {}", options.type, gguf_file_type_names()));
  }
  QN_RETURN_IF_ERROR(refuse_to_replace(options.in, options.out));
  QN_TRY(const OpenedModel opened, open_model(options.in));
  QN_TRY(const auto tokenizer, tokenizer_for_gguf(opened.checkpoint));
  ThreadPool pool(static_cast<int>(options.threads));
  std::optional<Progress> progress;
  ConvertOptions convert;
  convert.type = *type;
  convert.panels = options.layout == "panels";
  convert.drop_mtp = options.no_mtp;
  convert.name = name_of(options.in);
  convert.tokenizer = tokenizer ? &*tokenizer : nullptr;
  convert.progress = [&progress](int64_t done, int64_t total) {
    constexpr int64_t kMillion = 1000000;
    if (!progress) progress.emplace("converting", total / kMillion, "million weights", true);
    progress->update(done / kMillion);
  };
  QN_RETURN_IF_ERROR(convert_to_gguf(opened.checkpoint, options.out, convert, pool));
  return 0;
}

void define(Command command, const std::string& standard_type) {
  auto o = std::make_shared<ConvertOptionsGiven>();
  o->type = standard_type;
  command.add_option("IN", o->in, "A Hugging Face folder, a GGUF file or synth:CONFIG.json").required();
  command.add_option("-o,--output", o->out, "The GGUF file to write").named("FILE").required();
  command
      .add_option("--type", o->type,
                  fmt::format("Type of the matrices: {}; default {}", gguf_file_type_names(), standard_type))
      .named("TYPE");
  command.add_choice(
      "--layout", o->layout, {"rows", "panels"},
      "How matrices lie in the file: rows, the default, is what every program reads; panels is what "
      "qnext's CPU kernels use without any work at load, and only qnext reads");
  command.add_flag("--no-mtp", o->no_mtp, "Leave out the multi-token-prediction block");
  command.add_option("-t,--threads", o->threads, "Threads; default one per processor")
      .named("N")
      .within(1, 1024);
  command.does([o, name = command.name()] { return run_convert(*o, name); });
}

constexpr const char* kTypes =
    "Norms, routers, convolutions and other small tensors keep F32. q4_k, q5_k and q6_k need rows that are "
    "multiples "
    "of 256; other rows get the nearest type with blocks of 32. q4_k_m and q5_k_m give some matrices a finer "
    "type, as "
    "llama.cpp does. FILE appears only when it is whole.";

}  // namespace

void add_convert(const Program& program) {
  Command command =
      add_command(program, "convert", "Write a GGUF file from a published checkpoint", kTypes,
                  {"# as published\nqnext convert ./Qwen3-Next-80B-A3B-Instruct -o model-bf16.gguf",
                   "# quantised on the way\nqnext convert ./Qwen3-Next-80B-A3B-Instruct -o model-q4_k_m.gguf "
                   "--type q4_k_m"});
  define(command, "bf16");
}

void add_quantize(const Program& program) {
  Command command =
      add_command(program, "quantize", "Write a GGUF file with smaller types from another", kTypes,
                  {"# a quarter of the size\nqnext quantize model-bf16.gguf -o model-q4_k_m.gguf "
                   "--type q4_k_m"});
  define(command, "q4_k_m");
}

}  // namespace qnext
