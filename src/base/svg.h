// What pictures in SVG have in common.
#pragma once

#include <string>
#include <string_view>

namespace qnext::svg {

// Colours that are told apart also by those who do not see all (Okabe and Ito).
inline constexpr const char* kColours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                           "#e69f00", "#56b4e9", "#000000"};

// Text for between two tags.
std::string escaped(std::string_view text);

// 1, 2 or 5 times a power of ten, so that about `count` steps make `span`, which is above 0.
double round_step(double span, int count);

}  // namespace qnext::svg
