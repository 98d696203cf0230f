// Untrusted text and values in error messages: short, on one line, and valid UTF-8.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace qnext {

// The text in quotes, with escapes as in JSON. Of more than `most` bytes only the beginning: "abc...".
std::string in_quotes(std::string_view text, size_t most = 60);

// The value as JSON, likewise shortened.
std::string shown(const Json& value, size_t most = 80);

}  // namespace qnext
