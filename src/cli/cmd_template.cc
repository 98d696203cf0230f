// `qnext template`: the prompt that a chat template makes of messages.
#include <fmt/format.h>

#include <memory>

#include "cli/common_options.h"
#include "cli/open_model.h"
#include "cli/output.h"

namespace qnext {
namespace {

struct TemplateOptions {
  std::string model, messages, tools;
  std::vector<std::string> settings;
  bool no_generation_prompt = false;
};

// "name=JSON" into `variables`.
Status add_setting(const std::string& setting, Json& variables) {
  const size_t equals = setting.find('=');
  if (equals == std::string::npos || equals == 0) {
    return Error(fmt::format("--set: expected name=JSON, got '{}'", setting));
  }
  QN_TRY(variables[setting.substr(0, equals)],
         parse_json(setting.substr(equals + 1), "--set " + setting.substr(0, equals)));
  return {};
}

Result<int> run_template(const TemplateOptions& options) {
  QN_TRY(const OpenedModel opened, open_model_text(options.model));
  QN_TRY(const auto chat_template, opened.chat_template());
  if (!chat_template) return Error(opened.label + ": the model has no chat template");
  QN_TRY(const Json messages, read_json_file(options.messages));
  if (!messages.is_array()) return Error(options.messages + ": expected a JSON list of messages");
  if (auto form = check_messages(messages); !form.ok()) return form.error().in(options.messages);
  Json tools;
  if (!options.tools.empty()) {
    QN_TRY(tools, read_json_file(options.tools));
    if (!tools.is_array()) return Error(options.tools + ": expected a JSON list of tools");
    if (auto form = check_tools(tools); !form.ok()) return form.error().in(options.tools);
  }
  Json variables = Json::object();
  for (const std::string& setting : options.settings) QN_RETURN_IF_ERROR(add_setting(setting, variables));
  QN_TRY(const std::string prompt,
         chat_template->render(messages, tools, !options.no_generation_prompt, variables));
  QN_RETURN_IF_ERROR(write_out(prompt));
  return 0;
}

}  // namespace

void add_template(const Program& program) {
  Command command = add_command(
      program, "template", "Print the prompt that the model's chat template makes of messages",
      "FILE holds a JSON list of messages, as in [{\"role\": \"user\", \"content\": \"Hello\"}]. The prompt "
      "is "
      "printed as it is, without a newline at the end. A folder needs its tokenizer files only.",
      {"# a prompt with a tool\nqnext template ./model --messages messages.json --tools tools.json"});
  auto o = std::make_shared<TemplateOptions>();
  add_model_argument(command, o->model);
  command.add_option("--messages", o->messages, "The messages, as JSON").named("FILE").required();
  command.add_option("--tools", o->tools, "The tools that the model may call, as JSON").named("FILE");
  command.add_flag("--no-generation-prompt", o->no_generation_prompt, "Without the opening of an answer");
  command.add_option("--set", o->settings, "Another variable of the template; may be repeated")
      .named("NAME=JSON")
      .repeated();
  command.does([o] { return run_template(*o); });
}

}  // namespace qnext
