#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "text/jinja/numbers.h"
#include "text/jinja/print.h"
#include "text/jinja/unicode.h"

namespace qnext::jinja {
namespace {

class JsonPrinter {
 public:
  JsonPrinter(Runtime& runtime, const JsonStyle& style) : runtime_(runtime), style_(style) {}

  std::string print(const Value& value) {
    add(value);
    runtime_.reserve_text(out_.size());
    return std::move(out_);
  }

 private:
  void add(const Value& value) {
    runtime_.spend();
    if (out_.size() > runtime_.limits().text) runtime_.reserve_text(out_.size());
    switch (value.kind()) {
      case Kind::none:
        out_ += "null";
        return;
      case Kind::boolean:
        out_ += value.boolean() ? "true" : "false";
        return;
      case Kind::integer:
        out_ += print_integer(value.integer());
        return;
      case Kind::number:
        number(value.number());
        return;
      case Kind::text:
        quoted(value.text());
        return;
      case Kind::object:
        break;
      case Kind::undefined:
        fail(fmt::format("tojson cannot print an undefined value: {}", value.reason()));
    }
    const Nesting level(runtime_);
    const auto* list = value.as<List>();
    if (list && list->form != List::Form::generator) return array(list->items);
    if (const auto* dict = value.as<Dict>()) return object(*dict);
    fail(fmt::format("tojson cannot print {}", describe(value)));
  }

  void number(double value) {
    if (std::isnan(value)) {
      out_ += "NaN";
    } else if (std::isinf(value)) {
      out_ += value < 0 ? "-Infinity" : "Infinity";
    } else {
      out_ += print_float(value);
    }
  }

  void quoted(std::string_view text) {
    runtime_.reserve_text(text.size());
    out_.push_back('"');
    for (size_t at = 0; at < text.size();) {
      const CodePoint c = decode(text, at);
      switch (c.value) {
        case '"':
          out_ += "\\\"";
          break;
        case '\\':
          out_ += "\\\\";
          break;
        case '\n':
          out_ += "\\n";
          break;
        case '\r':
          out_ += "\\r";
          break;
        case '\t':
          out_ += "\\t";
          break;
        case '\b':
          out_ += "\\b";
          break;
        case '\f':
          out_ += "\\f";
          break;
        default:
          character(c.value, text.substr(at, c.size));
      }
      at += c.size;
    }
    out_.push_back('"');
  }

  void character(int32_t value, std::string_view bytes) {
    if ((value >= 0 && value < 0x20) || (style_.ensure_ascii && value >= 0x7f && value < 0x10000)) {
      out_ += fmt::format("\\u{:04x}", value);
    } else if (style_.ensure_ascii && value >= 0x10000) {
      out_ += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + ((value - 0x10000) >> 10),
                          0xDC00 + ((value - 0x10000) & 0x3FF));
    } else {
      out_ += bytes;
    }
  }

  void new_line() {
    if (!style_.indented) return;
    out_.push_back('\n');
    for (int i = 0; i < depth_; ++i) out_ += style_.indent;
  }

  void array(const std::vector<Value>& items) {
    if (items.empty()) {
      out_ += "[]";
      return;
    }
    out_.push_back('[');
    ++depth_;
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += style_.item_separator;
      new_line();
      add(items[i]);
    }
    --depth_;
    new_line();
    out_.push_back(']');
  }

  void object(const Dict& dict) {
    if (dict.entries().empty()) {
      out_ += "{}";
      return;
    }
    std::vector<std::pair<std::string, const Value*>> members;
    members.reserve(dict.entries().size());
    for (const auto& [key, value] : dict.entries()) members.emplace_back(key_text(key), &value);
    if (style_.sort_keys) {
      std::stable_sort(members.begin(), members.end(),
                       [](const auto& a, const auto& b) { return a.first < b.first; });
    }
    out_.push_back('{');
    ++depth_;
    for (size_t i = 0; i < members.size(); ++i) {
      if (i > 0) out_ += style_.item_separator;
      new_line();
      quoted(members[i].first);
      out_ += style_.key_separator;
      add(*members[i].second);
    }
    --depth_;
    new_line();
    out_.push_back('}');
  }

  std::string key_text(const Value& key) {
    if (key.is_text()) return key.text();
    if (key.is_none()) return "null";
    if (key.is_boolean()) return key.boolean() ? "true" : "false";
    return key.is_integer() ? print_integer(key.integer()) : print_float(key.number());
  }

  Runtime& runtime_;
  const JsonStyle& style_;
  std::string out_;
  int depth_ = 0;
};

}  // namespace

std::string to_json(Runtime& runtime, const Value& value, const JsonStyle& style) {
  return JsonPrinter(runtime, style).print(value);
}

}  // namespace qnext::jinja
