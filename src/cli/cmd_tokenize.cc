// `qnext tokenize`: text to ids and back, line by line.
#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "cli/common_options.h"
#include "cli/open_model.h"
#include "cli/output.h"

namespace qnext {
namespace {

struct TokenizeOptions {
  std::string model;
  bool decode = false, no_special = false;
};

Result<std::string> convert_line(const Tokenizer& tokenizer, const TokenizeOptions& options,
                                 const std::string& line, const std::string& label) {
  QN_TRY(const Json json, parse_json(line, label));
  if (!options.decode) {
    if (!json.is_string())
      return Error(label + ": expected a JSON string, got " + dump_json(json).substr(0, 60));
    const auto& text = json.get_ref<const std::string&>();
    return dump_json(Json(tokenizer.encode(text, {.parse_special = !options.no_special})));
  }
  if (!json.is_array())
    return Error(label + ": expected a JSON list of ids, got " + dump_json(json).substr(0, 60));
  std::vector<int32_t> ids;
  for (const Json& item : json) {
    if (!item.is_number_integer() || item.get<double>() < 0 || item.get<double>() > INT32_MAX) {
      return Error(fmt::format("{}: expected a token id, got {}", label, dump_json(item).substr(0, 60)));
    }
    ids.push_back(item.get<int32_t>());
  }
  return dump_json(Json(tokenizer.decode(ids, options.no_special)));
}

Result<int> run_tokenize(const TokenizeOptions& options) {
  QN_TRY(const OpenedModel opened, open_model_text(options.model));
  QN_TRY(const auto tokenizer, opened.tokenizer());
  std::string line, out;
  constexpr size_t kFlush = 1 << 16;
  for (int64_t number = 1; std::getline(std::cin, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    auto converted = convert_line(*tokenizer, options, line, fmt::format("standard input: line {}", number));
    if (!converted.ok()) {
      QN_RETURN_IF_ERROR(write_out(out));
      return converted.error();
    }
    out += *converted + "\n";
    // A program at the other end of a pipe may wait for each answer.
    if (out.size() >= kFlush || std::cin.rdbuf()->in_avail() <= 0) {
      QN_RETURN_IF_ERROR(write_out(out));
      out.clear();
    }
  }
  QN_RETURN_IF_ERROR(write_out(out));
  return 0;
}

}  // namespace

void add_tokenize(const Program& program) {
  Command command =
      add_command(program, "tokenize", "Turn text into token ids, or back",
                  "Reads one JSON string per line of standard input and prints one JSON list "
                  "of ids for each; with --decode the "
                  "reverse. Special tokens such as <|im_start|> are recognised inside text "
                  "unless --no-special is given; when "
                  "decoding, --no-special leaves them out. A folder needs its tokenizer files only.",
                  {"# ids of a text\necho '\"Hello world\"' | qnext tokenize ./model",
                   "# and back\necho '[9707, 1879]' | qnext tokenize ./model --decode"});
  auto o = std::make_shared<TokenizeOptions>();
  add_model_argument(command, o->model);
  command.add_flag("--decode", o->decode, "Ids to text");
  command.add_flag("--no-special", o->no_special,
                   "Treat special tokens as plain text; when decoding, omit them");
  command.does([o] { return run_tokenize(*o); });
}

}  // namespace qnext
