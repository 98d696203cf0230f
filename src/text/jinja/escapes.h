// The escapes of string literals in templates, which are those of Python.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace qnext::jinja {

// The value of a literal's text between its quotes; nothing, and `error`, when an escape is malformed. An
// escape that Python does not know stands for itself, backslash included.
std::optional<std::string> unescape(std::string_view text, std::string* error);

}  // namespace qnext::jinja
