// Tokens of an answer on their way to text, and text on its way to a terminal.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/session.h"
#include "sample/stop.h"
#include "text/detokenizer.h"
#include "text/tokenizer.h"

namespace qnext {

// Collects the text of an answer, without special tokens and ending before the first stop string.
class AnswerText {
 public:
  using Sink = std::function<Status(std::string_view piece)>;
  // `sink` gets text as soon as it is certain. The tokenizer outlives this object.
  AnswerText(const Tokenizer& tokenizer, std::vector<std::string> stops, Sink sink);

  // The next token. False when the answer ends here: at a stop string, or because the sink failed.
  bool push(int32_t token);
  // What was held back, at the end.
  Status finish();
  const std::string& text() const { return text_; }

 private:
  void pass(const std::string& piece);
  Detokenizer detokenizer_;
  StopMatcher stops_;
  Sink sink_;
  std::string text_;
  Status status_;
};

// Shows an answer on standard output. On a terminal, control characters are left out and thinking is dimmed.
class AnswerPrinter {
 public:
  // `thinking`: the answer begins inside a <think> block that the prompt opened.
  AnswerPrinter(bool terminal, bool thinking);
  Status print(std::string_view piece);
  // Ends the last line.
  Status finish();

 private:
  bool terminal_, thinking_;
  bool dimmed_ = false, line_open_ = false;
};

// Whether a rendered prompt ends by opening a <think> block.
bool opens_thinking(std::string_view prompt);

// `text` without what a terminal would obey: control characters but newline and tab.
std::string without_controls(std::string_view text);

// "prompt 12 tokens, 90.1 tokens/s; ..." for standard error.
std::string speed_line(const GenerateStats& stats);
// The fields of `--json` that `run` and `generate-ids` share.
Json stats_json(const GenerateStats& stats, std::span<const int32_t> tokens, uint64_t seed);

}  // namespace qnext
