// Completion scripts for bash, zsh and fish.
#include <fmt/format.h>

#include "cli/documentation.h"

namespace qnext {
namespace {

std::string words(const std::vector<std::string>& list) { return fmt::format("{}", fmt::join(list, " ")); }

bool shown(const OptionText& option) { return !option.positional && !option.group.empty(); }

// Inside single quotes of a POSIX shell.
std::string single_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// Inside single quotes of fish, where only backslash and quote are special.
std::string fish_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += (c == '\'' || c == '\\') ? std::string("\\") + c : std::string(1, c);
  return out + "'";
}

// One argument specification of zsh's _arguments: '(-n --max)'{-n,--max}'[text]:value:action'.
std::string zsh_option(const OptionText& option) {
  std::string text;
  for (const char c : option.description) {
    if (c == '[' || c == ']' || c == ':') text += '\\';
    text += c;
  }
  std::string rest = "[" + text + "]";
  if (!option.value.empty()) {
    rest += ":" + option.names.back() + ":";
    rest += option.choices.empty() ? std::string(option.path ? "_files" : " ")
                                   : "(" + words(option.choices) + ")";
  }
  const std::string names =
      option.names.size() == 1 ? option.names[0] : fmt::format("{{{}}}", fmt::join(option.names, ","));
  return fmt::format("{}{}{}", single_quoted("(" + words(option.names) + ")"), names, single_quoted(rest));
}

}  // namespace

std::string bash_completion(const ProgramText& program) {
  std::string commands, cases;
  for (const CommandText& command : program.commands) {
    commands += (commands.empty() ? "" : " ") + command.name;
    std::string names, values, flags;
    for (const OptionText& option : command.options) {
      if (!shown(option)) continue;
      names += (names.empty() ? "" : " ") + words(option.names);
      const std::string pattern = fmt::format("{}", fmt::join(option.names, "|"));
      if (!option.choices.empty()) {
        values += fmt::format("        {}) choices=\"{}\" ;;\n", pattern, words(option.choices));
      } else if (!option.value.empty()) {
        values += fmt::format("        {}) {} ;;\n", pattern, option.path ? "files=1" : "value=1");
      }
    }
    cases += fmt::format("    {})\n      options=\"{}\"\n      case $previous in\n{}      esac\n      ;;\n",
                         command.name, names, values);
  }
  return fmt::format(R"(# Completion of qnext for bash. Written by 'qnext generate-docs bash'.
_qnext() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}}
  local command=${{COMP_WORDS[1]}} options="" choices="" files="" value=""
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W "{} --help --version" -- "$current")
    return
  fi
  case $command in
{}  esac
  if [[ -n $choices ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$current")
  elif [[ -n $value ]]; then
    return
  elif [[ -z $files && $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
    compopt -o filenames 2>/dev/null
  fi
}}
complete -F _qnext qnext
)",
                     commands, cases);
}

std::string zsh_completion(const ProgramText& program) {
  std::string commands, cases;
  for (const CommandText& command : program.commands) {
    std::string described;
    for (const char c : command.name + ":" + command.description) described += c;
    commands += "    " + single_quoted(described) + "\n";
    cases += fmt::format("    {})\n      _arguments -s", command.name);
    for (const OptionText& option : command.options) {
      if (shown(option)) cases += " \\\n        " + zsh_option(option);
    }
    cases += " \\\n        '*:file:_files'\n      ;;\n";
  }
  return fmt::format(R"(#compdef qnext
# Completion of qnext for zsh. Written by 'qnext generate-docs zsh'.
_qnext() {{
  local -a commands=(
{}  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
{}  esac
}}
_qnext "$@"
)",
                     commands, cases);
}

std::string fish_completion(const ProgramText& program) {
  std::string out = "# Completion of qnext for fish. Written by 'qnext generate-docs fish'.\n";
  out += "complete -c qnext -n __fish_use_subcommand -l version -d 'Print the version'\n";
  for (const CommandText& command : program.commands) {
    out += fmt::format("complete -c qnext -n __fish_use_subcommand -f -a {} -d {}\n", command.name,
                       fish_quoted(command.description));
  }
  for (const CommandText& command : program.commands) {
    for (const OptionText& option : command.options) {
      if (!shown(option)) continue;
      out += fmt::format("complete -c qnext -n '__fish_seen_subcommand_from {}'", command.name);
      for (const std::string& name : option.names) {
        out += name.rfind("--", 0) == 0 ? " -l " + name.substr(2) : " -s " + name.substr(1);
      }
      if (!option.choices.empty())
        out += " -x -a " + fish_quoted(words(option.choices));
      else if (option.path)
        out += " -r";
      else if (!option.value.empty())
        out += " -x";
      out += " -d " + fish_quoted(option.description) + "\n";
    }
  }
  return out;
}

}  // namespace qnext
