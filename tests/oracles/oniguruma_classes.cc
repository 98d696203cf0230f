// Compares the classes of split_pattern.h with those of Oniguruma, for every code point. Not part of the
// build: it needs Oniguruma 6.9.10 (Unicode 16.0), which the Rust library brings along and Debian 12 does not
// have.
//
//   ONIG=folder with the sources of Oniguruma and libonig.a
//   g++ -std=c++20 -O2 -Isrc -I$ONIG/src tests/oracles/oniguruma_classes.cc
//   build/release/src/text/libqnext_text.a \
//     build/release/src/base/libqnext_base.a $ONIG/libonig.a -lpcre2-8 -lfmt -lutf8proc -o oniguruma_classes
#include <oniguruma.h>

#include <cstdio>
#include <string>

#include "text/split_regex.h"
#include "text/utf8.h"

namespace {

// Each matches one character or does not.
constexpr const char* kPatterns[] = {"\\s",
                                     "\\S",
                                     "\\d",
                                     "\\D",
                                     "\\w",
                                     "\\W",
                                     "\\h",
                                     "\\H",
                                     ".",
                                     "[\\s]",
                                     "[\\S]",
                                     "[^\\s]",
                                     "[\\d]",
                                     "[^\\d]",
                                     "[\\w]",
                                     "[^\\w]",
                                     "[\\h]",
                                     "[^\\s\\p{L}\\p{N}]",
                                     "[^\\r\\n\\p{L}\\p{N}]",
                                     "\\p{L}",
                                     "\\p{Lu}",
                                     "\\p{Ll}",
                                     "\\p{Lt}",
                                     "\\p{Lm}",
                                     "\\p{Lo}",
                                     "\\p{M}",
                                     "\\p{Mn}",
                                     "\\p{Mc}",
                                     "\\p{Me}",
                                     "\\p{N}",
                                     "\\p{Nd}",
                                     "\\p{Nl}",
                                     "\\p{No}",
                                     "\\p{P}",
                                     "\\p{Pc}",
                                     "\\p{Pd}",
                                     "\\p{Ps}",
                                     "\\p{Pe}",
                                     "\\p{Pi}",
                                     "\\p{Pf}",
                                     "\\p{Po}",
                                     "\\p{S}",
                                     "\\p{Sm}",
                                     "\\p{Sc}",
                                     "\\p{Sk}",
                                     "\\p{So}",
                                     "\\p{Z}",
                                     "\\p{Zs}",
                                     "\\p{Zl}",
                                     "\\p{Zp}",
                                     "\\p{Cc}",
                                     "\\p{Cf}",
                                     "\\p{Co}",
                                     "\\P{L}",
                                     "\\p{^N}",
                                     "(?i:[a-z])",
                                     "(?i:s|t|re|ve|m|ll|d)"};

}  // namespace

int main() {
  OnigEncoding utf8 = ONIG_ENCODING_UTF8;
  onig_initialize(&utf8, 1);
  long compared = 0, different = 0;
  for (const std::string pattern : kPatterns) {
    regex_t* theirs = nullptr;
    const auto bytes = reinterpret_cast<const OnigUChar*>(pattern.data());
    const int status = onig_new(&theirs, bytes, bytes + pattern.size(), ONIG_OPTION_NONE, utf8,
                                ONIG_SYNTAX_ONIGURUMA, nullptr);
    const auto ours = qnext::SplitRegex::compile(pattern);
    if (status != ONIG_NORMAL || !ours.ok()) {
      std::printf("%s does not compile\n", pattern.c_str());
      return 2;
    }
    qnext::SplitRegex::Workspace workspace;
    for (char32_t code = 0; code < 0x110000; ++code) {
      if (code >= 0xD800 && code < 0xE000) continue;
      std::string text;
      qnext::append_utf8(text, code);
      const auto begin = reinterpret_cast<const OnigUChar*>(text.data()), end = begin + text.size();
      const bool they_match = onig_match(theirs, begin, end, begin, nullptr, ONIG_OPTION_NONE) == end - begin;
      bool we_match = false;
      ours->for_each_span(text, workspace, [&](qnext::MatchSpan span) { we_match |= span.matched; });
      ++compared;
      if (they_match == we_match) continue;
      ++different;
      std::printf("%s: U+%04X\n", pattern.c_str(), static_cast<unsigned>(code));
    }
    onig_free(theirs);
  }
  std::printf("%ld compared, %ld differ\n", compared, different);
}
