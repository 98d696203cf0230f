#include "text/jinja/print.h"

#include <fmt/format.h>

#include "text/jinja/numbers.h"
#include "text/jinja/unicode.h"

namespace qnext::jinja {
namespace {

void append(Runtime& runtime, std::string& out, std::string_view text) {
  if (out.size() + text.size() > runtime.limits().text) runtime.reserve_text(out.size() + text.size());
  out += text;
}

void append_quoted(std::string& out, std::string_view text) {
  const bool single = text.find('\'') == std::string_view::npos || text.find('"') != std::string_view::npos;
  const char quote = single ? '\'' : '"';
  out.push_back(quote);
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode(text, at);
    if (c.value == quote || c.value == '\\') {
      out.push_back('\\');
      out.push_back(static_cast<char>(c.value));
    } else if (c.value == '\n') {
      out += "\\n";
    } else if (c.value == '\r') {
      out += "\\r";
    } else if (c.value == '\t') {
      out += "\\t";
    } else if (c.value < 0) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[at]));
    } else if (is_printable(c.value)) {
      out += text.substr(at, c.size);
    } else if (c.value < 0x100) {
      out += fmt::format("\\x{:02x}", c.value);
    } else if (c.value < 0x10000) {
      out += fmt::format("\\u{:04x}", c.value);
    } else {
      out += fmt::format("\\U{:08x}", c.value);
    }
    at += c.size;
  }
  out.push_back(quote);
}

void append_list(Runtime& runtime, std::string& out, const List& list) {
  const bool tuple = list.form == List::Form::tuple;
  out.push_back(tuple ? '(' : '[');
  for (size_t i = 0; i < list.items.size(); ++i) {
    if (i > 0) out += ", ";
    append_repr(runtime, out, list.items[i]);
  }
  if (tuple && list.items.size() == 1) out.push_back(',');
  out.push_back(tuple ? ')' : ']');
}

void append_dict(Runtime& runtime, std::string& out, const Dict& dict) {
  out.push_back('{');
  bool first = true;
  for (const auto& [key, value] : dict.entries()) {
    if (!first) out += ", ";
    first = false;
    append_repr(runtime, out, key);
    out += ": ";
    append_repr(runtime, out, value);
  }
  out.push_back('}');
}

void append_object(Runtime& runtime, std::string& out, const Value& value) {
  const Nesting level(runtime);
  if (const auto* list = value.as<List>()) {
    if (list->form == List::Form::generator) {
      out += "<generator>";
    } else {
      append_list(runtime, out, *list);
    }
  } else if (const auto* dict = value.as<Dict>()) {
    append_dict(runtime, out, *dict);
  } else if (const auto* space = value.as<Namespace>()) {
    out += "<Namespace ";
    append_dict(runtime, out, space->attributes);
    out.push_back('>');
  } else if (const auto* loop = value.as<Loop>()) {
    out += fmt::format("<LoopContext {}/{}>", loop->index + 1, loop->items ? loop->items->items.size() : 0);
  } else if (const auto* function = value.as<Function>()) {
    out += fmt::format("<function '{}'>", function->name);
  }
}

}  // namespace

void append_text(Runtime& runtime, std::string& out, const Value& value) {
  if (value.is_text()) {
    append(runtime, out, value.text());
  } else if (!value.is_undefined()) {
    append_repr(runtime, out, value);
  }
}

std::string to_text(Runtime& runtime, const Value& value) {
  if (value.is_text()) return value.text();
  std::string out;
  append_text(runtime, out, value);
  return out;
}

void append_repr(Runtime& runtime, std::string& out, const Value& value) {
  runtime.spend();
  runtime.reserve_text(value.is_text() ? value.text().size() : 0);
  switch (value.kind()) {
    case Kind::undefined:
      return append(runtime, out, "Undefined");
    case Kind::none:
      return append(runtime, out, "None");
    case Kind::boolean:
      return append(runtime, out, value.boolean() ? "True" : "False");
    case Kind::integer:
      return append(runtime, out, print_integer(value.integer()));
    case Kind::number:
      return append(runtime, out, print_float(value.number()));
    case Kind::text:
      return append_quoted(out, value.text());
    case Kind::object:
      return append_object(runtime, out, value);
  }
}

}  // namespace qnext::jinja
