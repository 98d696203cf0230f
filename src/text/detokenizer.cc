#include "text/detokenizer.h"

#include <utility>

#include "text/utf8.h"

namespace qnext {

std::string Detokenizer::push(int32_t id) {
  if (skip_special_ && tokenizer_.is_special(id)) return {};
  held_ += tokenizer_.token_bytes(id);
  const std::string_view bytes = held_;
  const std::string_view whole = bytes.substr(0, bytes.size() - incomplete_utf8_suffix(bytes));
  std::string text;
  append_valid_utf8(text, whole);
  held_.erase(0, whole.size());
  return text;
}

std::string Detokenizer::finish() {
  std::string text;
  append_valid_utf8(text, std::exchange(held_, {}));
  return text;
}

}  // namespace qnext
