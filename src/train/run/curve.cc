#include "train/run/curve.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/svg.h"

namespace qnext::train {
namespace {

constexpr double kWidth = 860, kLeft = 78, kRight = 150, kTop = 40;
constexpr double kAcross = kWidth - kLeft - kRight;
constexpr double kLossHeight = 300, kBetween = 26, kRateHeight = 80, kBottom = 56;
constexpr double kHeight = kTop + kLossHeight + kBetween + kRateHeight + kBottom;
constexpr size_t kMostPoints = 600;
constexpr const char *kTrained = svg::kColours[0], *kHeldOut = svg::kColours[1], *kRate = svg::kColours[2];

using Points = std::vector<std::pair<double, double>>;

// Of at most kMostPoints stretches of neighbours, the means. What is no number is left out.
Points thinned(const Points& points) {
  const size_t group = (points.size() + kMostPoints - 1) / kMostPoints;
  Points out;
  for (size_t begin = 0; begin < points.size(); begin += group) {
    const size_t end = std::min(points.size(), begin + group);
    double x = 0, y = 0;
    for (size_t i = begin; i < end; ++i) {
      x += points[i].first;
      y += points[i].second;
    }
    const double n = static_cast<double>(end - begin);
    if (std::isfinite(y)) out.emplace_back(x / n, y / n);
  }
  return out;
}

double highest(const Points& points, double least) {
  for (const auto& [x, y] : points) least = std::max(least, y);
  return least;
}

class Drawing {
 public:
  explicit Drawing(double steps) : steps_(std::max(steps, 1.0)) {
    put("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
        "font-family=\"sans-serif\" font-size=\"12\" fill=\"#222\">\n"
        "<rect width=\"{0}\" height=\"{1}\" fill=\"#fff\"/>\n",
        kWidth, kHeight);
  }

  void text(double x, double y, const char* anchor, const std::string& words, const std::string& more = "") {
    put("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y, anchor, more,
        svg::escaped(words));
  }

  // A panel for values from 0 to `high`; lines go into the one that was opened last.
  void panel(double top, double height, double high, int ticks, const std::string& label) {
    const double step = svg::round_step(high > 0 ? high : 1, ticks);
    const auto count = static_cast<int>(std::max(1.0, std::ceil(high / step - 1e-9)));
    top_ = top;
    height_ = height;
    high_ = count * step;
    for (int i = 0; i <= count; ++i) {
      put("<path d=\"M{} {:.1f}h{}\" stroke=\"#ddd\"/>\n", kLeft, y_at(i * step), kAcross);
      text(kLeft - 8, y_at(i * step) + 4, "end", fmt::format("{:.6g}", i * step));
    }
    put("<path d=\"M{} {:.1f}v{:.1f}h{}\" fill=\"none\" stroke=\"#444\"/>\n", kLeft, top, height, kAcross);
    const double middle = top + height / 2;
    text(20, middle, "middle", label, fmt::format(" transform=\"rotate(-90 20 {:.1f})\"", middle));
  }

  void line(const Points& points, const char* colour, const std::string& label, int place, bool circles) {
    std::string path;
    for (const auto& [x, y] : points) {
      path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? 'M' : 'L', x_at(x), y_at(y));
      if (circles || points.size() == 1) {
        put("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"/>\n", x_at(x), y_at(y), colour);
      }
    }
    if (path.empty()) return;
    put("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"/>\n", path, colour,
        circles ? 2.0 : 1.5);
    const double x = kLeft + kAcross + 14, y = top_ + 8 + 18 * place;
    put("<path d=\"M{:.1f} {:.1f}h24\" stroke=\"{}\" stroke-width=\"2\"/>\n", x, y, colour);
    text(x + 30, y + 4, "start", label);
  }

  void step_axis() {
    const double step = std::max(1.0, svg::round_step(steps_, 8)), bottom = top_ + height_;
    for (double value = 0; value <= steps_; value += step) {
      put("<path d=\"M{:.1f} {:.1f}v5\" stroke=\"#444\"/>\n", x_at(value), bottom);
      text(x_at(value), bottom + 20, "middle", fmt::format("{:.0f}", value));
    }
    text(kLeft + kAcross / 2, bottom + 42, "middle", "step");
  }

  std::string finish() { return out_ + "</svg>\n"; }

 private:
  template <class... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }
  double x_at(double step) const { return kLeft + step / steps_ * kAcross; }
  double y_at(double value) const { return top_ + (1 - value / high_) * height_; }

  double steps_, top_ = 0, height_ = 1, high_ = 1;
  std::string out_;
};

}  // namespace

std::string curve_svg(const LogContents& log, const std::string& title) {
  Points trained, held_out, rate;
  double steps = 0;
  for (const StepRecord& record : log.steps) {
    const auto step = static_cast<double>(record.step);
    trained.emplace_back(step, record.cross_entropy);
    rate.emplace_back(step, record.lr);
    steps = std::max(steps, step);
  }
  for (const Evaluation& evaluation : log.evaluations) {
    const auto step = static_cast<double>(evaluation.step);
    if (std::isfinite(evaluation.held_out)) held_out.emplace_back(step, evaluation.held_out);
    steps = std::max(steps, step);
  }
  trained = thinned(trained);
  rate = thinned(rate);
  Drawing drawing(steps);
  drawing.text(kLeft, 22, "start", title, " font-weight=\"bold\"");
  drawing.panel(kTop, kLossHeight, highest(held_out, highest(trained, 0)), 6,
                "cross-entropy (nats per token)");
  drawing.line(trained, kTrained, "training", 0, false);
  drawing.line(held_out, kHeldOut, "held out", 1, true);
  drawing.panel(kTop + kLossHeight + kBetween, kRateHeight, highest(rate, 0), 2, "learning rate");
  drawing.line(rate, kRate, "learning rate", 0, false);
  drawing.step_axis();
  return drawing.finish();
}

Status write_curve(const std::string& log_path, const std::string& svg_path, const std::string& title) {
  QN_TRY(const LogContents log, read_log(log_path));
  QN_TRY(auto file, AtomicFile::create(svg_path));
  file->write(curve_svg(log, title));
  return file->commit();
}

}  // namespace qnext::train
