// Where the Unicode tables of the Rust tokenizer differ from those of PCRE2 and utf8proc. The Rust library
// splits words by Unicode 16.0 (Oniguruma 6.9) and normalises by Unicode 9.0 (its fork of
// unicode-normalization), so the same file gives the same ids only with the same two versions. See
// docs/tokenizer.md.
#pragma once

#include <span>
#include <string_view>

namespace qnext {

struct CodeRange {
  char32_t first, last;  // both inclusive
};

// A two-letter general category, and the characters that got it in Unicode 15.0, 15.1 and 16.0 (PCRE2 10.42
// has the tables of 14.0; a later PCRE2 has them twice, which does no harm). U+1171E, which Unicode 16.0
// moved from Mn to Mc, is in both.
struct LateCategory {
  std::string_view name;
  std::span<const CodeRange> ranges;
};
std::span<const LateCategory> late_categories();

// Characters assigned after Unicode 9.0 that combine, or lie between such characters. The Rust normaliser
// takes them for plain unassigned code points: they neither reorder nor compose, whatever stands beside them.
std::span<const CodeRange> late_combining();

}  // namespace qnext
