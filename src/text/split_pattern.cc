#include "text/split_pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "text/unicode_data.h"
#include "text/utf8.h"

namespace qnext {
namespace {

// White_Space of Unicode, which PCRE2's \s widens by U+180E; and everything else.
constexpr const char* kSpace =
    "\\t-\\r\\x20\\x85\\xA0\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}";
constexpr const char* kNotSpace =
    "\\x00-\\x08\\x0E-\\x1F!-\\x84\\x86-\\x9F\\xA1-\\x{167F}\\x{1681}-\\x{1FFF}\\x{200B}-\\x{2027}\\x{202A}-"
    "\\x{202E}"
    "\\x{2030}-\\x{205E}\\x{2060}-\\x{2FFF}\\x{3001}-\\x{10FFFF}";
// What Oniguruma's \w has besides letters, letter numbers, marks, digits and connectors; outside brackets it
// takes digits and fractions of Latin-1 as well.
constexpr const char* kOtherWord =
    "\\x{24B6}-\\x{24E9}\\x{1F130}-\\x{1F149}\\x{1F150}-\\x{1F169}\\x{1F170}-\\x{1F189}";
constexpr const char* kLatinNumbers = "\\xB2\\xB3\\xB9\\xBC-\\xBE";

constexpr std::string_view kCategories[] = {
    "L",  "Lu", "Ll", "Lt", "Lm", "Lo", "M",  "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P",  "Pc", "Pd",
    "Ps", "Pe", "Pi", "Pf", "Po", "S",  "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp", "Cc", "Cf", "Co"};

// The members of a general category, for use between brackets.
std::string category_items(std::string_view name) {
  std::string items = fmt::format("\\p{{{}}}", name);
  for (const LateCategory& late : late_categories()) {
    if (late.name.substr(0, name.size()) != name) continue;
    for (const CodeRange range : late.ranges) {
      const auto first = static_cast<uint32_t>(range.first), last = static_cast<uint32_t>(range.last);
      items += fmt::format("\\x{{{:X}}}", first);
      if (last > first) items += fmt::format("-\\x{{{:X}}}", last);
    }
  }
  return items;
}

std::string word_items() {
  return category_items("L") + category_items("M") + category_items("Nd") + category_items("Nl") +
         category_items("Pc") + kOtherWord;
}

// A set of characters: what goes between the brackets, and whether the brackets are negated.
struct CharSet {
  std::string items;
  bool negated = false;
};

class Translator {
 public:
  explicit Translator(std::string_view in) : in_(in) {}

  Result<std::string> run() {
    while (at_ < in_.size()) QN_RETURN_IF_ERROR(step());
    return std::move(out_);
  }

 private:
  Error unsupported(std::string_view what) const {
    return Error(fmt::format("{} at byte {} of the expression is not supported", what, at_));
  }
  char peek(size_t ahead = 0) const { return at_ + ahead < in_.size() ? in_[at_ + ahead] : '\0'; }
  bool is_set_escape(size_t ahead) const {
    return peek(ahead) == '\\' && peek(ahead + 1) != '\0' &&
           std::string_view("sSdDwWhHpP").find(peek(ahead + 1)) != std::string_view::npos;
  }

  Status step() {
    switch (peek()) {
      case '\\':
        return is_set_escape(0) ? set_outside() : plain_escape();
      case '[':
        return bracket();
      case '(':
        return group();
      case '{':
        if (peek(1) == ',') return unsupported("{,n}");
        break;
    }
    out_ += in_[at_++];
    return {};
  }

  // "(", and what follows a question mark, as far as both syntaxes mean the same by it.
  Status group() {
    if (peek(1) == '*') return unsupported("(*");
    out_ += in_[at_++];
    if (peek() != '?') return {};
    size_t length = 1;
    if (std::string_view(":=!>").find(peek(1)) != std::string_view::npos && peek(1) != '\0') {
      length = 2;
    } else if (peek(1) == '<' && (peek(2) == '=' || peek(2) == '!')) {
      length = 3;
    } else {
      while (peek(length) == 'i' || peek(length) == '-') ++length;
      if (peek(length) != ':' && peek(length) != ')') return unsupported("this kind of group");
    }
    out_ += in_.substr(at_, length);
    at_ += length;
    return {};
  }

  // An escape that stands for one character or a position; `at_` is on the backslash.
  Status plain_escape() {
    const char c = peek(1);
    if (c == '\0') return unsupported("a backslash with nothing after it");
    if (c == 'x') return hexadecimal();
    if (c == 'u') return four_digits();
    if (c == 'v') {
      out_ += "\\x0B";
    } else if (std::string_view("rntfae").find(c) != std::string_view::npos ||
               (!in_brackets_ && std::string_view("AzZ").find(c) != std::string_view::npos)) {
      out_ += in_.substr(at_, 2);
    } else if (std::isalnum(static_cast<unsigned char>(c))) {
      return unsupported(fmt::format("\\{}", c));
    } else {
      if (static_cast<unsigned char>(c) < 0x80) out_ += '\\';
      out_ += c;
    }
    at_ += 2;
    return {};
  }

  // \x41 or \x{1F600}. Two digits above 7F would be a byte to Oniguruma.
  Status hexadecimal() {
    size_t end = at_ + 2;
    const bool braces = peek(2) == '{';
    if (braces) ++end;
    const size_t first = end;
    while (end < in_.size() && std::isxdigit(static_cast<unsigned char>(in_[end])) &&
           end - first < (braces ? 6u : 2u)) {
      ++end;
    }
    if (end == first || (braces && (end == in_.size() || in_[end] != '}'))) return unsupported("this \\x");
    return code_point(in_.substr(first, end - first), braces ? end + 1 : end, braces ? 0x10FFFF : 0x7F);
  }

  Status four_digits() {
    const std::string_view digits = in_.substr(std::min(at_ + 2, in_.size()), 4);
    for (const char c : digits) {
      if (!std::isxdigit(static_cast<unsigned char>(c))) return unsupported("this \\u");
    }
    if (digits.size() != 4) return unsupported("this \\u");
    return code_point(digits, at_ + 6, 0xFFFF);
  }

  Status code_point(std::string_view digits, size_t next, unsigned long highest) {
    const unsigned long value = std::stoul(std::string(digits), nullptr, 16);
    if (value > highest || (value >= 0xD800 && value < 0xE000)) return unsupported("this character code");
    out_ += fmt::format("\\x{{{:X}}}", value);
    at_ = next;
    return {};
  }

  // Reads \s, \P{L} and the like; `at_` is on the backslash.
  Result<CharSet> read_set() {
    const char letter = peek(1);
    const char kind = static_cast<char>(std::tolower(letter));
    CharSet set{.items = {}, .negated = kind != letter};
    if (kind == 'p') return read_property(set.negated);
    at_ += 2;
    if (kind == 's') {
      set.items = set.negated && in_brackets_ ? kNotSpace : kSpace;
      if (in_brackets_) set.negated = false;
    } else if (kind == 'd') {
      set.items = category_items("Nd");
    } else if (kind == 'h') {
      set.items = "0-9A-Fa-f";
    } else {
      set.items = word_items() + (in_brackets_ ? "" : kLatinNumbers);
    }
    return set;
  }

  Result<CharSet> read_property(bool negated) {
    const size_t close = in_.find('}', at_);
    if (peek(2) != '{' || close == in_.npos) return unsupported("\\p without a name in braces");
    std::string_view name = in_.substr(at_ + 3, close - at_ - 3);
    if (!name.empty() && name[0] == '^') {
      negated = !negated;
      name.remove_prefix(1);
    }
    if (std::find(std::begin(kCategories), std::end(kCategories), name) == std::end(kCategories)) {
      return unsupported(fmt::format("\\p{{{}}}, which is not a general category,", name.substr(0, 40)));
    }
    at_ = close + 1;
    return CharSet{.items = category_items(name), .negated = negated};
  }

  Status set_outside() {
    QN_TRY(const CharSet set, read_set());
    out_ += fmt::format("[{}{}]", set.negated ? "^" : "", set.items);
    return {};
  }

  // A class in brackets. Oniguruma lets them nest and intersect, PCRE2 does not.
  Status bracket() {
    out_ += in_[at_++];
    if (peek() == '^') out_ += in_[at_++];
    in_brackets_ = true;
    for (bool first = true; first || peek() != ']'; first = false) {
      if (at_ >= in_.size()) return unsupported("a class without its closing bracket");
      if (peek() == '[') return unsupported("a class inside a class");
      if (peek() == '&' && peek(1) == '&') return unsupported("an intersection of classes");
      if (is_set_escape(0)) {
        QN_RETURN_IF_ERROR(set_inside());
      } else if (peek() == '\\') {
        QN_RETURN_IF_ERROR(plain_escape());
      } else {
        if (peek() == '-' && is_set_escape(1)) out_ += '\\';  // no range: a set has no last character
        out_ += in_[at_++];
      }
    }
    in_brackets_ = false;
    out_ += in_[at_++];
    return {};
  }

  Status set_inside() {
    const size_t start = at_;
    QN_TRY(const CharSet set, read_set());
    if (set.negated) {
      at_ = start;
      return unsupported("a negated property inside a class");
    }
    out_ += set.items;
    if (peek() == '-' && peek(1) != ']') {  // not the beginning of a range
      out_ += "\\-";
      ++at_;
    }
    return {};
  }

  std::string_view in_;
  std::string out_;
  size_t at_ = 0;
  bool in_brackets_ = false;
};

}  // namespace

Result<std::string> pcre2_pattern(std::string_view onig) { return Translator(onig).run(); }

std::string literal_pattern(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x80 && std::ispunct(static_cast<unsigned char>(c))) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

}  // namespace qnext
