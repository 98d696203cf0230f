// Methods of values: "text".strip(), dict.items() and so on.
#pragma once

#include <string_view>

#include "text/jinja/call.h"
#include "text/jinja/runtime.h"

namespace qnext::jinja {

// Null when strings, dicts or lists have no such method here.
Operation find_text_method(std::string_view name);
Operation find_dict_method(std::string_view name);
Operation find_list_method(std::string_view name);

// Python's methods that change a dict or a list, which the sandbox of chat templates hides.
bool is_hidden_dict_method(std::string_view name);
bool is_hidden_list_method(std::string_view name);

// Python's str % values and str.format().
std::string format_percent(Runtime& runtime, std::string_view format, const Arguments& arguments);
std::string format_braces(Runtime& runtime, std::string_view format, const Arguments& arguments);

// text.replace(from, to, count); a negative count replaces all.
std::string replace_text(Runtime& runtime, std::string_view text, std::string_view from, std::string_view to,
                         Int count);
// separator.join(parts)
std::string join_texts(Runtime& runtime, std::string_view separator, const std::vector<std::string>& parts);

}  // namespace qnext::jinja
