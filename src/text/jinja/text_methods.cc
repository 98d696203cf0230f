// The methods of Python's str.
#include <fmt/format.h>

#include <algorithm>

#include "text/jinja/methods.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"
#include "text/jinja/unicode.h"

namespace qnext::jinja {
namespace {

template <std::string (*Map)(std::string_view)>
Value mapped(Runtime& runtime, const Value& self, const Arguments& arguments) {
  no_arguments("the method", arguments);
  runtime.reserve_text(self.text().size());
  return Value::text(Map(self.text()));
}

template <Side side>
Value strip(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("strip()", arguments, {"chars"});
  runtime.reserve_text(self.text().size());
  const bool space = !p.find(0) || p.at(0).is_none();
  const std::string_view rest =
      space ? strip_space(self.text(), side) : strip_any_of(self.text(), p.text(0), side);
  if (rest.size() == self.text().size()) return self;
  return Value::text(std::string(rest));
}

// The parts of `text` between runs of whitespace, at most `limit` splits counted from the left or the right.
std::vector<std::string_view> split_space(Runtime& runtime, std::string_view text, Int limit,
                                          bool from_right) {
  std::vector<std::string_view> parts;
  const Side near = from_right ? Side::right : Side::left;
  while (true) {
    runtime.spend();
    text = strip_space(text, near);
    if (text.empty()) break;
    if (limit >= 0 && static_cast<Int>(parts.size()) == limit) {
      parts.push_back(text);  // with the whitespace at its far end
      break;
    }
    size_t size = 0;
    while (size < text.size()) {
      const std::string_view rest = from_right ? text.substr(0, text.size() - size) : text.substr(size);
      const CodePoint c = from_right ? decode_last(rest) : decode(rest, 0);
      if (is_space(c.value)) break;
      size += c.size;
    }
    parts.push_back(from_right ? text.substr(text.size() - size) : text.substr(0, size));
    text = from_right ? text.substr(0, text.size() - size) : text.substr(size);
  }
  if (from_right) std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string_view> split_at(Runtime& runtime, std::string_view text, std::string_view separator,
                                       Int limit, bool from_right) {
  std::vector<std::string_view> parts;
  while (limit < 0 || static_cast<Int>(parts.size()) < limit) {
    runtime.spend();
    const size_t at = from_right ? text.rfind(separator) : text.find(separator);
    if (at == std::string_view::npos) break;
    const std::string_view before = text.substr(0, at);
    const std::string_view after = text.substr(at + separator.size());
    parts.push_back(from_right ? after : before);
    text = from_right ? before : after;
  }
  parts.push_back(text);
  if (from_right) std::reverse(parts.begin(), parts.end());
  return parts;
}

Value text_list(Runtime& runtime, const std::vector<std::string_view>& parts,
                List::Form form = List::Form::list) {
  std::vector<Value> items;
  items.reserve(parts.size());
  for (const std::string_view part : parts) items.push_back(runtime.part(part));
  return runtime.list(std::move(items), form);
}

template <bool from_right>
Value split(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p(from_right ? "rsplit()" : "split()", arguments, {"sep", "maxsplit"});
  runtime.reserve_text(self.text().size());
  const Int limit = p.integer(1, -1);
  if (!p.find(0) || p.at(0).is_none())
    return text_list(runtime, split_space(runtime, self.text(), limit, from_right));
  if (p.text(0).empty()) fail("split(): the separator is empty");
  return text_list(runtime, split_at(runtime, self.text(), p.text(0), limit, from_right));
}

Value split_lines(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("splitlines()", arguments, {"keepends"});
  const std::string& text = self.text();
  std::vector<std::string_view> parts;
  size_t line = 0;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode(text, at);
    size_t next = at + c.size;
    if (is_line_break(c.value)) {
      if (c.value == '\r' && next < text.size() && text[next] == '\n') ++next;
      runtime.spend();
      parts.push_back(std::string_view(text).substr(line, (p.flag(0, false) ? next : at) - line));
      line = next;
    }
    at = next;
  }
  if (line < text.size()) parts.push_back(std::string_view(text).substr(line));
  return text_list(runtime, parts);
}

// startswith and endswith take one text or a tuple of them, and bounds in characters.
template <bool at_end>
Value matches(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p(at_end ? "endswith()" : "startswith()", arguments, {"affix", "start", "end"}, 1);
  Value whole = self;
  if (p.find(1) || p.find(2)) whole = slice(runtime, self, p.find(1), p.find(2), nullptr);
  const std::string_view text = whole.text();
  const auto fits = [&](const Value& affix) {
    if (!affix.is_text()) p.wrong(0, "a string or a tuple of strings");
    const std::string& a = affix.text();
    return a.size() <= text.size() &&
           (at_end ? text.substr(text.size() - a.size()) : text.substr(0, a.size())) == a;
  };
  const auto* tuple = p.at(0).as<List>();
  if (tuple && tuple->form == List::Form::tuple) {
    return Value::boolean(std::any_of(tuple->items.begin(), tuple->items.end(), fits));
  }
  return Value::boolean(fits(p.at(0)));
}

template <bool from_right, bool must>
Value find(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p(must ? "index()" : "find()", arguments, {"sub", "start", "end"}, 1);
  const std::string_view text = self.text();
  runtime.reserve_text(text.size());
  const size_t count = length(text);
  const auto character = [&](size_t i, size_t fallback) {
    if (!p.find(i) || p.at(i).is_none()) return fallback;
    const Int at = p.integer(i, 0);
    const Int from_start = at < 0 ? at + static_cast<Int>(count) : at;
    return static_cast<size_t>(std::clamp<Int>(from_start, 0, static_cast<Int>(count) + 1));
  };
  const size_t start = character(1, 0);
  const size_t end = std::min(character(2, count), count);
  size_t found = std::string_view::npos;
  if (start <= end) {
    const size_t begin = byte_of(text, start);
    const std::string_view window = text.substr(begin, byte_of(text, end) - begin);
    found = from_right ? window.rfind(p.text(0)) : window.find(p.text(0));
    if (found != std::string_view::npos) found = start + length(window.substr(0, found));
  }
  if (found == std::string_view::npos && must) fail("index(): the string does not contain the other");
  return Value::integer(found == std::string_view::npos ? -1 : static_cast<Int>(found));
}

Value count(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("count()", arguments, {"sub"}, 1);
  runtime.reserve_text(self.text().size());
  if (p.text(0).empty()) return Value::integer(static_cast<Int>(length(self.text())) + 1);
  return Value::integer(static_cast<Int>(split_at(runtime, self.text(), p.text(0), -1, false).size()) - 1);
}

Value replace(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("replace()", arguments, {"old", "new", "count"}, 2);
  return Value::text(replace_text(runtime, self.text(), p.text(0), p.text(1), p.integer(2, -1)));
}

Value join(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("join()", arguments, {"iterable"}, 1);
  std::vector<std::string> parts;
  for (const Value& part : iterate(runtime, p.at(0))->items) {
    if (!part.is_text()) fail(fmt::format("join(): strings expected, got {}", describe(part)));
    runtime.spend();
    parts.push_back(part.text());
  }
  return Value::text(join_texts(runtime, self.text(), parts));
}

template <bool is_prefix>
Value remove_affix(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p(is_prefix ? "removeprefix()" : "removesuffix()", arguments, {"affix"}, 1);
  std::string_view text = self.text();
  const std::string& affix = p.text(0);
  if (affix.size() > text.size()) return self;
  if ((is_prefix ? text.substr(0, affix.size()) : text.substr(text.size() - affix.size())) != affix)
    return self;
  if (is_prefix)
    text.remove_prefix(affix.size());
  else
    text.remove_suffix(affix.size());
  return runtime.text(std::string(text));
}

template <bool from_right>
Value partition(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p(from_right ? "rpartition()" : "partition()", arguments, {"sep"}, 1);
  if (p.text(0).empty()) fail("partition(): the separator is empty");
  const std::string_view text = self.text();
  const std::string& separator = p.text(0);
  const size_t at = from_right ? text.rfind(separator) : text.find(separator);
  std::vector<std::string_view> parts;
  if (at == std::string_view::npos) {
    parts = from_right ? std::vector<std::string_view>{"", "", text}
                       : std::vector<std::string_view>{text, "", ""};
  } else {
    parts = {text.substr(0, at), separator, text.substr(at + separator.size())};
  }
  return text_list(runtime, parts, List::Form::tuple);
}

// ljust, rjust, center and zfill.
Value pad(Runtime& runtime, const Value& self, Int width, std::string_view fill, double share_left) {
  const Int missing = width - static_cast<Int>(length(self.text()));
  if (missing <= 0) return self;
  const Int limit = static_cast<Int>(runtime.limits().text) + 1;
  runtime.reserve_text(static_cast<size_t>(std::min(missing, limit)) * fill.size() + self.text().size());
  Int left = share_left == 0.5 ? missing / 2 + (missing & width & 1) : share_left > 0 ? missing : 0;
  std::string out;
  for (Int i = 0; i < left; ++i) out += fill;
  out += self.text();
  for (Int i = left; i < missing; ++i) out += fill;
  return Value::text(std::move(out));
}

template <int halves>
Value justify(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("the method", arguments, {"width", "fillchar"}, 1);
  const std::string_view fill = p.text(1, " ");
  if (length(fill) != 1) p.wrong(1, "one character");
  return pad(runtime, self, p.integer(0, 0), fill, halves / 2.0);
}

Value zero_fill(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Parameters p("zfill()", arguments, {"width"}, 1);
  const std::string& text = self.text();
  const bool sign = !text.empty() && (text[0] == '-' || text[0] == '+');
  const Value digits = Value::text(text.substr(sign ? 1 : 0));
  const Value filled = pad(runtime, digits, p.integer(0, 0) - (sign ? 1 : 0), "0", 1);
  return runtime.text(text.substr(0, sign ? 1 : 0) + filled.text());
}

// Whether every character belongs to a class, and there is one.
template <bool (*Belongs)(int32_t)>
Value all(Runtime& runtime, const Value& self, const Arguments& arguments) {
  no_arguments("the method", arguments);
  runtime.reserve_text(self.text().size());
  const std::string& text = self.text();
  for (size_t at = 0; at < text.size(); at += decode(text, at).size) {
    if (!Belongs(decode(text, at).value)) return Value::boolean(false);
  }
  return Value::boolean(!text.empty());
}

bool is_alphanumeric(int32_t c) { return is_alpha(c) || is_numeric(c) || is_digit(c); }

// Whether letters that have case are all of the wanted one, and there is one.
template <bool (*Wanted)(int32_t), bool (*Other)(int32_t)>
Value has_case(Runtime& runtime, const Value& self, const Arguments& arguments) {
  no_arguments("the method", arguments);
  runtime.reserve_text(self.text().size());
  const std::string& text = self.text();
  bool found = false;
  for (size_t at = 0; at < text.size(); at += decode(text, at).size) {
    const int32_t c = decode(text, at).value;
    if (Other(c)) return Value::boolean(false);
    found |= Wanted(c);
  }
  return Value::boolean(found);
}

Value format(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return runtime.text(format_braces(runtime, self.text(), arguments));
}

constexpr NamedOperation kMethods[] = {
    {"capitalize", mapped<capitalize>},
    {"casefold", mapped<lower>},
    {"center", justify<1>},
    {"count", count},
    {"endswith", matches<true>},
    {"find", find<false, false>},
    {"format", format},
    {"index", find<false, true>},
    {"isalnum", all<is_alphanumeric>},
    {"isalpha", all<is_alpha>},
    {"isdecimal", all<is_decimal>},
    {"isdigit", all<is_digit>},
    {"islower", has_case<is_lower, is_upper>},
    {"isnumeric", all<is_numeric>},
    {"isspace", all<is_space>},
    {"isupper", has_case<is_upper, is_lower>},
    {"join", join},
    {"ljust", justify<0>},
    {"lower", mapped<lower>},
    {"lstrip", strip<Side::left>},
    {"partition", partition<false>},
    {"removeprefix", remove_affix<true>},
    {"removesuffix", remove_affix<false>},
    {"replace", replace},
    {"rfind", find<true, false>},
    {"rindex", find<true, true>},
    {"rjust", justify<2>},
    {"rpartition", partition<true>},
    {"rsplit", split<true>},
    {"rstrip", strip<Side::right>},
    {"split", split<false>},
    {"splitlines", split_lines},
    {"startswith", matches<false>},
    {"strip", strip<Side::both>},
    {"title", mapped<title>},
    {"upper", mapped<upper>},
    {"zfill", zero_fill},
};

}  // namespace

Operation find_text_method(std::string_view name) {
  for (const NamedOperation& method : kMethods) {
    if (method.name == name) return method.apply;
  }
  return nullptr;
}

std::string replace_text(Runtime& runtime, std::string_view text, std::string_view from, std::string_view to,
                         Int count) {
  const auto limited = [&](Int done) { return count >= 0 && done >= count; };
  std::vector<size_t> places;  // where `from` stands; for an empty one, before every character and at the end
  if (from.empty()) {
    for (size_t at = 0; !limited(static_cast<Int>(places.size())); at += decode(text, at).size) {
      runtime.spend();
      places.push_back(at);
      if (at == text.size()) break;
    }
  } else {
    for (size_t at = text.find(from);
         at != std::string_view::npos && !limited(static_cast<Int>(places.size()));
         at = text.find(from, at + from.size())) {
      runtime.spend();
      places.push_back(at);
    }
  }
  const Int size =
      static_cast<Int>(text.size()) +
      static_cast<Int>(places.size()) * (static_cast<Int>(to.size()) - static_cast<Int>(from.size()));
  runtime.reserve_text(static_cast<size_t>(std::max<Int>(size, static_cast<Int>(text.size()))));
  std::string out;
  out.reserve(static_cast<size_t>(size));
  size_t copied = 0;
  for (const size_t place : places) {
    out += text.substr(copied, place - copied);
    out += to;
    copied = place + from.size();
  }
  out += text.substr(copied);
  return out;
}

std::string join_texts(Runtime& runtime, std::string_view separator, const std::vector<std::string>& parts) {
  Int size = static_cast<Int>(separator.size()) * static_cast<Int>(parts.size());
  for (const std::string& part : parts) size += static_cast<Int>(part.size());
  runtime.reserve_text(static_cast<size_t>(std::min<Int>(size, static_cast<Int>(runtime.limits().text) + 1)));
  std::string out;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += separator;
    out += parts[i];
  }
  return out;
}

}  // namespace qnext::jinja
