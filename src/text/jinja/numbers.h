// Numbers as text, the way Python writes and reads them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "text/jinja/value.h"

namespace qnext::jinja {

std::string print_integer(Int value);
// repr() of a Python float: the shortest digits that read back, "1.0", "1e-07", "inf", "nan".
std::string print_float(double value);

// int(text, base) and float(text): surrounding whitespace and underscores between digits are fine; nothing
// when the text is something else, or when the integer takes more than 127 bits. Base 0 reads 0x, 0o and 0b.
std::optional<Int> parse_integer(std::string_view text, int base = 10);
std::optional<double> parse_float(std::string_view text);

// A whole double of at least 2^64 and less than 1e21 as the integer that its shortest digits write; else
// nothing.
std::optional<Int> whole_beyond_64_bits(double value);

// The nearest integer towards zero; nothing when it is not finite or takes more than 127 bits.
std::optional<Int> truncate(double value);

}  // namespace qnext::jinja
