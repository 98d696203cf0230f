// `qnext inspect`: what a model holds, without loading it.
#include <memory>

#include "checkpoint/summary.h"
#include "cli/common_options.h"
#include "cli/open_model.h"
#include "cli/output.h"

namespace qnext {
namespace {

struct InspectOptions {
  std::string model;
  bool json = false, tensors = false;
};

Result<int> run_inspect(const InspectOptions& options) {
  QN_TRY(const OpenedModel opened, open_model(options.model));
  const Summary summary = summarize(opened.checkpoint);
  if (options.json) {
    Json json = to_json(summary);
    if (options.tensors) json["tensor_list"] = tensors_to_json(*opened.checkpoint.tensors);
    QN_RETURN_IF_ERROR(print_json(json));
  } else {
    QN_RETURN_IF_ERROR(write_out(to_text(summary)));
    if (options.tensors) QN_RETURN_IF_ERROR(write_out("\n" + tensors_to_text(*opened.checkpoint.tensors)));
  }
  return 0;
}

}  // namespace

void add_inspect(const Program& program) {
  Command command = add_command(
      program, "inspect", "Show what a model file holds",
      "Prints the architecture, the parameters in total and active per token, the types of the tensors and "
      "their "
      "bytes, and the memory that the cache takes per token and per sequence. Reads names and shapes only.",
      {"# a folder, a GGUF file, or only a configuration\nqnext inspect ./model\nqnext inspect model.gguf "
       "--tensors\n"
       "qnext inspect synth:config.json --json"});
  auto o = std::make_shared<InspectOptions>();
  add_model_argument(command, o->model);
  command.add_flag("--tensors", o->tensors, "Also list every tensor");
  command.add_flag("--json", o->json, "Print one JSON object");
  command.does([o] { return run_inspect(*o); });
}

}  // namespace qnext
