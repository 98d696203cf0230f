#include "cli/plot_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <set>

#include "base/svg.h"

namespace qnext {
namespace {

constexpr double kWidth = 860, kHeight = 400;  // of a plot
constexpr double kLeft = 78, kRight = 210, kTop = 40, kBottom = 56;
constexpr double kPlotWidth = kWidth - kLeft - kRight, kPlotHeight = kHeight - kTop - kBottom;
constexpr double kLogSpan = 30;  // largest x by smallest from which x is logarithmic
constexpr double kSpaceForTick = 46;

std::string tick_text(double value) {
  if (value >= 1024 && std::fmod(value, 1024) == 0) return fmt::format("{:.0f}k", value / 1024);
  return fmt::format("{:g}", value);
}

// The horizontal axis: which values occur, and where each lies.
class Horizontal {
 public:
  explicit Horizontal(const Plot& plot) {
    std::set<double> values;
    for (const PlotLine& line : plot.lines) {
      for (const auto& [x, y] : line.points) values.insert(x);
    }
    values_.assign(values.begin(), values.end());
    if (values_.empty()) values_.push_back(0);
    const auto positive = values.upper_bound(0);
    if (positive == values.end()) return;
    logarithmic_ = values_.back() / *positive >= kLogSpan;
    smallest_ = *positive / 2;
  }
  double at(double x) const {
    const double low = along(values_.front()), high = along(values_.back());
    return kLeft + (high > low ? (along(x) - low) / (high - low) : 0.5) * kPlotWidth;
  }
  // Values that occur, as many as there is room for.
  std::vector<double> ticks() const {
    std::vector<double> ticks;
    for (const double value : values_) {
      if (ticks.empty() || at(value) - at(ticks.back()) >= kSpaceForTick) ticks.push_back(value);
    }
    return ticks;
  }

 private:
  double along(double x) const { return logarithmic_ ? std::log2(std::max(x, smallest_)) : x; }
  std::vector<double> values_;
  bool logarithmic_ = false;
  double smallest_ = 0;
};

class Drawing {
 public:
  Drawing(const Plot& plot, double top, std::string& out) : plot_(plot), top_(top), out_(out), x_(plot) {
    double highest = 0;
    for (const PlotLine& line : plot.lines) {
      for (const auto& [x, y] : line.points) highest = std::max(highest, y);
    }
    step_ = svg::round_step(highest > 0 ? highest : 1, 6);
    high_ = std::max(1.0, std::ceil(highest / step_)) * step_;
  }
  void draw() {
    text(kLeft, top_ + 22, "start", plot_.title, " font-weight=\"bold\"");
    axes();
    for (size_t i = 0; i < plot_.lines.size(); ++i) line(plot_.lines[i], static_cast<double>(i));
  }

 private:
  double y_at(double y) const { return top_ + kTop + (1 - y / high_) * kPlotHeight; }

  template <class... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }
  void text(double x, double y, const char* anchor, const std::string& words, const std::string& more = "") {
    put("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y, anchor, more,
        svg::escaped(words));
  }
  void axes() {
    const double bottom = top_ + kTop + kPlotHeight;
    const int steps = static_cast<int>(std::lround(high_ / step_));
    for (int i = 0; i <= steps; ++i) {
      const double y = y_at(i * step_);
      put("<path d=\"M{} {:.1f}h{}\" stroke=\"#ddd\"/>\n", kLeft, y, kPlotWidth);
      text(kLeft - 8, y + 4, "end", tick_text(i * step_));
    }
    for (const double value : x_.ticks()) {
      put("<path d=\"M{:.1f} {:.1f}v5\" stroke=\"#444\"/>\n", x_.at(value), bottom);
      text(x_.at(value), bottom + 20, "middle", tick_text(value));
    }
    put("<path d=\"M{} {:.1f}V{:.1f}h{}\" fill=\"none\" stroke=\"#444\"/>\n", kLeft, top_ + kTop, bottom,
        kPlotWidth);
    text(kLeft + kPlotWidth / 2, bottom + 42, "middle", plot_.x_label);
    const double middle = top_ + kTop + kPlotHeight / 2;
    text(20, middle, "middle", plot_.y_label, fmt::format(" transform=\"rotate(-90 20 {:.1f})\"", middle));
  }
  void line(const PlotLine& line, double index) {
    const char* colour = svg::kColours[static_cast<size_t>(line.colour) % std::size(svg::kColours)];
    const char* dashes = line.dashed ? " stroke-dasharray=\"6 4\"" : "";
    std::string path;
    for (const auto& [x, y] : line.points) {
      path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? 'M' : 'L', x_.at(x), y_at(y));
      if (line.dashed && line.points.size() > 1) continue;
      put("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"/>\n", x_.at(x), y_at(y), colour);
    }
    put("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"{}/>\n", path, colour, dashes);
    const double x = kLeft + kPlotWidth + 14, y = top_ + kTop + 8 + 18 * index;
    put("<path d=\"M{} {:.1f}h24\" stroke=\"{}\" stroke-width=\"2\"{}/>\n", x, y, colour, dashes);
    text(x + 30, y + 4, "start", line.label);
  }

  const Plot& plot_;
  double top_;
  std::string& out_;
  Horizontal x_;
  double step_ = 1, high_ = 1;  // of y
};

}  // namespace

std::string to_svg(std::span<const Plot> plots) {
  const double height = kHeight * static_cast<double>(plots.size());
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
      "font-family=\"sans-serif\" font-size=\"12\" fill=\"#222\">\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"#fff\"/>\n",
      kWidth, height);
  for (size_t i = 0; i < plots.size(); ++i) Drawing(plots[i], kHeight * static_cast<double>(i), out).draw();
  return out + "</svg>\n";
}

}  // namespace qnext
