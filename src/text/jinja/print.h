// Values as text: str(), repr() and json.dumps() of Python.
#pragma once

#include <string>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace qnext::jinja {

// Appends what {{ value }} prints: texts as they are, undefined as nothing, other values as Python's str().
void append_text(Runtime& runtime, std::string& out, const Value& value);
std::string to_text(Runtime& runtime, const Value& value);

// Appends repr(value): texts in quotes with escapes.
void append_repr(Runtime& runtime, std::string& out, const Value& value);

struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  bool indented = false;
  std::string indent;  // one level of it
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};

// json.dumps(). Fails on values that JSON does not have, such as undefined.
std::string to_json(Runtime& runtime, const Value& value, const JsonStyle& style);

}  // namespace qnext::jinja
