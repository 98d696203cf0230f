#include "text/jinja/numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "text/jinja/unicode.h"

namespace qnext::jinja {
namespace {

__extension__ typedef unsigned __int128 Magnitude;

// The shortest digits d1 d2 d3... and the exponent of d1.d2d3... for a finite value above zero.
struct Decimal {
  std::string digits;
  int exponent;
};

Decimal shortest_decimal(double value) {
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  const std::string_view text(buffer, static_cast<size_t>(end - buffer));
  const size_t e = text.find('e');
  Decimal out{std::string(text.substr(0, 1)), std::atoi(std::string(text.substr(e + 1)).c_str())};
  if (e > 2) out.digits += text.substr(2, e - 2);
  return out;
}

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return 99;
}

// Removes underscores that stand between two digits; nothing when one stands elsewhere.
std::optional<std::string> without_underscores(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out.push_back(text[i]);
    } else if (i == 0 || i + 1 == text.size() || digit_value(text[i - 1]) > 35 ||
               digit_value(text[i + 1]) > 35) {
      return std::nullopt;
    }
  }
  return out;
}

bool take_prefix(std::string_view& text, int base) {
  const char marker = base == 16 ? 'x' : base == 8 ? 'o' : base == 2 ? 'b' : '\0';
  if (!marker || text.size() < 3 || text[0] != '0' || (text[1] | 0x20) != marker) return false;
  text.remove_prefix(2);
  return true;
}

}  // namespace

std::string print_integer(Int value) {
  const bool negative = value < 0;
  Magnitude rest = negative ? -static_cast<Magnitude>(value) : static_cast<Magnitude>(value);
  std::string out;
  do {
    out.push_back(static_cast<char>('0' + static_cast<int>(rest % 10)));
    rest /= 10;
  } while (rest != 0);
  if (negative) out.push_back('-');
  std::reverse(out.begin(), out.end());
  return out;
}

std::string print_float(double value) {
  if (std::isnan(value)) return "nan";
  std::string out = std::signbit(value) ? "-" : "";
  if (std::isinf(value)) return out + "inf";
  if (value == 0) return out + "0.0";
  const auto [digits, exponent] = shortest_decimal(std::fabs(value));
  const auto count = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    out += digits[0];
    if (count > 1) out.append(".").append(digits.substr(1));
    return fmt::format("{}e{}{:02}", out, exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  const auto zeros = [](int n) { return std::string(static_cast<size_t>(n), '0'); };
  if (exponent < 0) return fmt::format("{}0.{}{}", out, zeros(-exponent - 1), digits);
  if (count <= exponent + 1) return fmt::format("{}{}{}.0", out, digits, zeros(exponent + 1 - count));
  const auto point = static_cast<size_t>(exponent) + 1;
  return fmt::format("{}{}.{}", out, digits.substr(0, point), digits.substr(point));
}

std::optional<Int> parse_integer(std::string_view text, int base) {
  text = strip_space(text, Side::both);
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  if (base == 0) {
    base = 10;
    for (const int candidate : {16, 8, 2}) {
      if (take_prefix(text, candidate)) {
        base = candidate;
        break;
      }
    }
  } else {
    take_prefix(text, base);
  }
  const auto digits = without_underscores(text);
  if (base < 2 || base > 36 || !digits || digits->empty()) return std::nullopt;
  Int value = 0;
  for (const char c : *digits) {
    const int digit = digit_value(c);
    if (digit >= base) return std::nullopt;
    if (__builtin_mul_overflow(value, static_cast<Int>(base), &value) ||
        __builtin_add_overflow(value, static_cast<Int>(digit), &value)) {
      return std::nullopt;
    }
  }
  return negative ? -value : value;
}

std::optional<double> parse_float(std::string_view text) {
  text = strip_space(text, Side::both);
  const auto plain = without_underscores(text);
  if (!plain || plain->empty()) return std::nullopt;
  std::string_view number = *plain;
  const bool negative = number[0] == '-';
  if (number[0] == '-' || number[0] == '+') number.remove_prefix(1);
  const std::string word = lower(number);
  double value = 0;
  if (word == "inf" || word == "infinity") {
    value = HUGE_VAL;
  } else if (word == "nan") {
    value = std::nan("");
  } else {
    if (number.empty() || (!(number[0] >= '0' && number[0] <= '9') && number[0] != '.')) return std::nullopt;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (end != number.data() + number.size()) return std::nullopt;
    if (error == std::errc::result_out_of_range)
      value = std::strtod(std::string(number).c_str(), nullptr);
    else if (error != std::errc())
      return std::nullopt;
  }
  return negative ? -value : value;
}

std::optional<Int> whole_beyond_64_bits(double value) {
  const double size = std::fabs(value);
  if (!(size >= 18446744073709551616.0) || size >= 1e21) return std::nullopt;
  const auto [digits, exponent] = shortest_decimal(size);
  const std::string zeros(static_cast<size_t>(exponent) + 1 - digits.size(), '0');
  return parse_integer(fmt::format("{}{}{}", value < 0 ? "-" : "", digits, zeros));
}

std::optional<Int> truncate(double value) {
  if (!(std::fabs(value) < 1.7e38)) return std::nullopt;
  return static_cast<Int>(value);
}

}  // namespace qnext::jinja
