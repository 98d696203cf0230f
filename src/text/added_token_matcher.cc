#include "text/added_token_matcher.h"

#include <utf8proc.h>

#include <algorithm>

#include "text/utf8.h"

namespace qnext {
namespace {

// White_Space of Unicode.
bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

// \w of Rust's regex library: Alphabetic, marks, decimal digits, connectors, joiners (UTS 18, annex C).
// Letters and marks younger than utf8proc's Unicode 15 are missed.
bool is_word(char32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      return c == 0x200C || c == 0x200D || (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) ||
             (c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189);
  }
}

// Where the last character before `end` begins; `end` is not 0.
size_t previous_character(std::string_view text, size_t end) {
  size_t at = end - 1;
  while (at > 0 && (static_cast<uint8_t>(text[at]) & 0xC0) == 0x80) --at;
  return at;
}

bool word_ends_at(std::string_view text, size_t end) {
  return end > 0 && is_word(decode_utf8(text, previous_character(text, end)).code);
}

bool word_begins_at(std::string_view text, size_t at) {
  return at < text.size() && is_word(decode_utf8(text, at).code);
}

size_t skip_space_backward(std::string_view text, size_t end) {
  while (end > 0) {
    const size_t before = previous_character(text, end);
    if (!is_space(decode_utf8(text, before).code)) break;
    end = before;
  }
  return end;
}

size_t skip_space_forward(std::string_view text, size_t at) {
  while (at < text.size()) {
    const Utf8Step step = decode_utf8(text, at);
    if (!is_space(step.code)) break;
    at += step.size;
  }
  return at;
}

}  // namespace

AddedTokenMatcher::AddedTokenMatcher(std::vector<Pattern> patterns) : patterns_(std::move(patterns)) {
  std::sort(patterns_.begin(), patterns_.end(), [](const auto& a, const auto& b) { return a.text < b.text; });
  for (const Pattern& pattern : patterns_) begins_[static_cast<uint8_t>(pattern.text.front())] = true;
}

// Narrows the sorted patterns to those that begin with ever more of the text; the first of them is the one
// that ends here, when one does.
const AddedTokenMatcher::Pattern* AddedTokenMatcher::longest_at(std::string_view text, size_t at) const {
  const Pattern* longest = nullptr;
  auto low = patterns_.begin(), high = patterns_.end();
  for (size_t length = 0; low != high && at + length < text.size(); ++length) {
    const char wanted = text[at + length];
    const auto byte_of = [length](const Pattern& p) {
      return p.text.size() <= length ? -1 : static_cast<int>(static_cast<uint8_t>(p.text[length]));
    };
    const int byte = static_cast<uint8_t>(wanted);
    low = std::partition_point(low, high, [&](const Pattern& p) { return byte_of(p) < byte; });
    high = std::partition_point(low, high, [&](const Pattern& p) { return byte_of(p) == byte; });
    if (low != high && low->text.size() == length + 1) longest = &*low;
  }
  return longest;
}

std::vector<TextPart> AddedTokenMatcher::split(std::string_view text, bool parse_special) const {
  std::vector<TextPart> parts;
  size_t done = 0;  // where the parts so far end
  for (size_t at = 0; at < text.size() && !patterns_.empty();) {
    if (!begins_[static_cast<uint8_t>(text[at])]) {
      ++at;
      continue;
    }
    const Pattern* found = longest_at(text, at);
    if (!found) {
      ++at;
      continue;
    }
    const AddedToken& token = *found->token;
    size_t begin = at, end = at + found->text.size();
    at = end;  // the search goes on behind the match, whatever becomes of it
    if (token.special && !parse_special) continue;
    if (token.single_word && (word_ends_at(text, begin) || word_begins_at(text, end))) continue;
    if (token.lstrip) begin = std::max(skip_space_backward(text, begin), done);
    if (token.rstrip) end = skip_space_forward(text, end);
    if (done < begin) parts.push_back({done, begin, nullptr});
    parts.push_back({begin, end, &token});
    done = end;
  }
  if (done != text.size()) parts.push_back({done, text.size(), nullptr});
  return parts;
}

}  // namespace qnext
