#include "cli/answer.h"

#include <fmt/format.h>

#include "cli/output.h"

namespace qnext {
namespace {
constexpr std::string_view kOpen = "<think>", kClose = "</think>";
constexpr std::string_view kDim = "\x1b[2m", kNormal = "\x1b[0m";
}  // namespace

AnswerText::AnswerText(const Tokenizer& tokenizer, std::vector<std::string> stops, Sink sink)
    : detokenizer_(tokenizer), stops_(std::move(stops)), sink_(std::move(sink)) {}

void AnswerText::pass(const std::string& piece) {
  if (piece.empty() || !status_.ok()) return;
  text_ += piece;
  status_ = sink_(piece);
}

bool AnswerText::push(int32_t token) {
  pass(stops_.push(detokenizer_.push(token)));
  return status_.ok() && !stops_.stopped();
}

Status AnswerText::finish() {
  pass(stops_.push(detokenizer_.finish()));
  pass(stops_.finish());
  return status_;
}

AnswerPrinter::AnswerPrinter(bool terminal, bool thinking) : terminal_(terminal), thinking_(thinking) {}

Status AnswerPrinter::print(std::string_view piece) {
  if (!piece.empty()) line_open_ = piece.back() != '\n';
  if (!terminal_) return write_out(piece);
  std::string out;
  const std::string shown = without_controls(piece);
  if (shown.find(kOpen) != std::string::npos) thinking_ = true;
  if (thinking_ && !dimmed_) out += kDim;
  dimmed_ = thinking_;
  out += shown;
  if (dimmed_ && shown.find(kClose) != std::string::npos) {
    thinking_ = dimmed_ = false;
    out += kNormal;
  }
  return write_out(out);
}

Status AnswerPrinter::finish() {
  std::string out;
  if (dimmed_) out += kNormal;
  if (line_open_) out += "\n";
  dimmed_ = line_open_ = false;
  return out.empty() ? Status{} : write_out(out);
}

bool opens_thinking(std::string_view prompt) {
  while (!prompt.empty() && (prompt.back() == '\n' || prompt.back() == ' ')) prompt.remove_suffix(1);
  return prompt.size() >= kOpen.size() && prompt.substr(prompt.size() - kOpen.size()) == kOpen;
}

std::string without_controls(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f) continue;
    // U+0080 to U+009F, which some terminals obey as well.
    if (c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) {
      ++i;
      continue;
    }
    out += text[i];
  }
  return out;
}

std::string speed_line(const GenerateStats& s) {
  std::string line = fmt::format("prompt {} tokens", s.prompt_tokens);
  if (s.reused_tokens > 0) line += fmt::format(" ({} reused)", s.reused_tokens);
  return line + fmt::format(
                    ", {:.1f} tokens/s; generated {} tokens, {:.1f} tokens/s; first token after {:.0f} ms; "
                    "peak memory {}",
                    s.prompt_tokens_per_second(), s.generated_tokens, s.generated_tokens_per_second(),
                    1000 * s.first_token_seconds, human_bytes(peak_memory_bytes()));
}

Json stats_json(const GenerateStats& s, std::span<const int32_t> tokens, uint64_t seed) {
  return {{"tokens", std::vector<int32_t>(tokens.begin(), tokens.end())},
          {"finish_reason", finish_name(s.finish)},
          {"prompt_tokens", s.prompt_tokens},
          {"prompt_tokens_per_s", s.prompt_tokens_per_second()},
          {"generated_tokens", s.generated_tokens},
          {"generated_tokens_per_s", s.generated_tokens_per_second()},
          {"time_to_first_token_ms", 1000 * s.first_token_seconds},
          {"peak_memory_bytes", peak_memory_bytes()},
          {"seed", seed}};
}

}  // namespace qnext
