#include <fmt/format.h>

#include <algorithm>

#include "text/jinja/filters.h"
#include "text/jinja/methods.h"
#include "text/jinja/print.h"
#include "text/jinja/unicode.h"

namespace qnext::jinja {
namespace {

// The text of what a filter is applied to; text filters take any value.
Value as_text(Runtime& runtime, const Value& input) {
  if (input.is_text()) {
    runtime.reserve_text(input.text().size());
    return input;
  }
  return runtime.text(to_text(runtime, input));
}

template <std::string (*Map)(std::string_view)>
Value mapped(Runtime& runtime, const Value& input, const Arguments& arguments) {
  no_arguments("the filter", arguments);
  return Value::text(Map(as_text(runtime, input).text()));
}

// Jinja's own title(): words start after whitespace, hyphens and opening brackets, not after apostrophes.
std::string title_words(std::string_view text) {
  std::string out;
  size_t word = 0;
  for (size_t at = 0; at <= text.size();) {
    const bool end = at == text.size();
    const CodePoint c = end ? CodePoint{-1, 1} : decode(text, at);
    const bool breaks =
        !end && (is_space(c.value) ||
                 (c.value > 0 && c.value < 0x80 &&
                  std::string_view("-({[<").find(static_cast<char>(c.value)) != std::string_view::npos));
    if (end || breaks) {
      out += capitalize(text.substr(word, at - word));
      if (breaks) out += text.substr(at, c.size);
      word = at + c.size;
    }
    at += c.size;
  }
  return out;
}

Value trim(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("filter 'trim'", arguments, {"chars"});
  const Value text = as_text(runtime, input);
  const bool space = !p.find(0) || p.at(0).is_none();
  const std::string_view rest =
      space ? strip_space(text.text(), Side::both) : strip_any_of(text.text(), p.text(0), Side::both);
  return rest.size() == text.text().size() ? text : Value::text(std::string(rest));
}

Value replace(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("filter 'replace'", arguments, {"old", "new", "count"}, 2);
  const Int count = p.find(2) && p.at(2).is_none() ? -1 : p.integer(2, -1);
  return Value::text(replace_text(runtime, as_text(runtime, input).text(), to_text(runtime, p.at(0)),
                                  to_text(runtime, p.at(1)), count));
}

Value indent(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Parameters p("filter 'indent'", arguments, {"width", "first", "blank"});
  std::string prefix;
  if (p.find(0) && p.at(0).is_text()) {
    prefix = p.text(0);
  } else {
    const Int width = std::clamp<Int>(p.integer(0, 4), 0, static_cast<Int>(runtime.limits().text) + 1);
    runtime.reserve_text(static_cast<size_t>(width));
    prefix.assign(static_cast<size_t>(width), ' ');
  }
  const Value text = as_text(runtime, input);
  const Value ended =
      runtime.text(text.text() + "\n");  // as Jinja does, so that a final line break stays one
  const Value lines = find_text_method("splitlines")(runtime, ended, {});
  const auto& items = lines.as<List>()->items;
  const Int size =
      static_cast<Int>(text.text().size()) + static_cast<Int>(items.size()) * static_cast<Int>(prefix.size());
  runtime.reserve_text(static_cast<size_t>(std::min(size, static_cast<Int>(runtime.limits().text) + 1)));
  std::string out = p.flag(1, false) ? prefix : "";
  for (size_t i = 0; i < items.size(); ++i) {
    const std::string& line = items[i].text();
    if (i > 0) out.push_back('\n');
    if (i > 0 && (p.flag(2, false) || !line.empty())) out += prefix;
    out += line;
  }
  return Value::text(std::move(out));
}

Value escape(Runtime& runtime, const Value& input, const Arguments& arguments) {
  no_arguments("filter 'escape'", arguments);
  const Value text = as_text(runtime, input);
  std::string out;
  for (const char c : text.text()) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out.push_back(c);
    }
  }
  return runtime.text(std::move(out));
}

Value format(Runtime& runtime, const Value& input, const Arguments& arguments) {
  if (!arguments.positional.empty() && !arguments.named.empty()) {
    fail("filter 'format' takes either positional or named arguments");
  }
  return runtime.text(format_percent(runtime, as_text(runtime, input).text(), arguments));
}

Value same_text(Runtime& runtime, const Value& input, const Arguments& arguments) {
  no_arguments("the filter", arguments);
  return as_text(runtime, input);
}

// Without autoescaping, text that is marked safe is text like any other.
Value safe(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return same_text(runtime, input, arguments);
}

Value word_count(Runtime& runtime, const Value& input, const Arguments& arguments) {
  no_arguments("filter 'wordcount'", arguments);
  const Value text = as_text(runtime, input);
  Int count = 0;
  bool inside = false;
  for (size_t at = 0; at < text.text().size();) {
    const CodePoint c = decode(text.text(), at);
    const bool word = is_alpha(c.value) || is_numeric(c.value) || c.value == '_';
    count += word && !inside;
    inside = word;
    at += c.size;
  }
  return Value::integer(count);
}

constexpr NamedOperation kTextFilters[] = {
    {"capitalize", mapped<capitalize>},
    {"e", escape},
    {"escape", escape},
    {"format", format},
    {"indent", indent},
    {"lower", mapped<lower>},
    {"replace", replace},
    {"safe", safe},
    {"string", same_text},
    {"title", mapped<title_words>},
    {"trim", trim},
    {"upper", mapped<upper>},
    {"wordcount", word_count},
};

}  // namespace

std::span<const NamedOperation> text_filters() { return kTextFilters; }

}  // namespace qnext::jinja
