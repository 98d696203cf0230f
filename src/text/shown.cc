#include "text/shown.h"

#include "text/utf8.h"

namespace qnext {
namespace {

// At most `most` bytes, cut between characters.
std::string shortened(std::string_view text, size_t most) {
  if (text.size() <= most) return std::string(text);
  text = text.substr(0, most);
  text.remove_suffix(incomplete_utf8_suffix(text));
  return std::string(text) + "...";
}

}  // namespace

std::string in_quotes(std::string_view text, size_t most) { return dump_json(Json(shortened(text, most))); }

std::string shown(const Json& value, size_t most) { return shortened(dump_json(value), most); }

}  // namespace qnext
