// The filters, by what they work on. find_filter() in call.h looks through all of them.
#pragma once

#include <span>
#include <string>

#include "text/jinja/call.h"

namespace qnext::jinja {

std::span<const NamedOperation> text_filters();      // upper, trim, indent, ...
std::span<const NamedOperation> value_filters();     // default, int, tojson, ...
std::span<const NamedOperation> sequence_filters();  // first, join, sort, ...
std::span<const NamedOperation> choosing_filters();  // map, select, rejectattr, ...

// The value at an attribute path such as "function.name" or "0", or the value itself when `path` is null or
// none.
Value at_path(Runtime& runtime, const Value& value, const Value* path);

// Texts in lower case, so that they compare without regard to case; other values as they are.
Value without_case(Runtime& runtime, const Value& value, bool case_sensitive);

}  // namespace qnext::jinja
