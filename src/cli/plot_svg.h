// Line plots as SVG text.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

namespace qnext {

struct PlotLine {
  std::string label;
  std::vector<std::pair<double, double>> points;  // x rising; values below 0 are not shown
  bool dashed = false;
  int colour = 0;  // an index, of which there are few: the same for lines that belong together
};

struct Plot {
  std::string title, x_label, y_label;
  std::vector<PlotLine> lines;
};

// One plot above the other. x is logarithmic where its values span more than a decade and a half; 0 then
// stands where half the smallest other value would. y starts at 0.
std::string to_svg(std::span<const Plot> plots);

}  // namespace qnext
