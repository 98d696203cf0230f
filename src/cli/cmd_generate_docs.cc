// `qnext generate-docs`: what packaging installs beside the program.
#include <memory>

#include "cli/definitions.h"
#include "cli/documentation.h"
#include "cli/output.h"

namespace qnext {

void add_generate_docs(const Program& program) {
  Command command = add_command(program, "generate-docs", "Print the manual page or a completion script", "",
                                {"# the completion script for bash\nqnext generate-docs bash"});
  command.hide();
  auto kind = std::make_shared<std::string>();
  command.add_choice("KIND", *kind, {"man", "markdown", "bash", "zsh", "fish"}, "What to print").required();
  command.does([&app = program.app, kind]() -> Result<int> {
    const ProgramText text = describe_program(app);
    std::string page;
    if (*kind == "man") page = manual_page(text);
    if (*kind == "markdown") page = markdown_page(text);
    if (*kind == "bash") page = bash_completion(text);
    if (*kind == "zsh") page = zsh_completion(text);
    if (*kind == "fish") page = fish_completion(text);
    QN_RETURN_IF_ERROR(write_out(page));
    return 0;
  });
}

}  // namespace qnext
