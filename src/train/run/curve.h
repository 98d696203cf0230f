// The log of a run as a picture.
#pragma once

#include <string>

#include "base/result.h"
#include "train/run/run_log.h"

namespace qnext::train {

// Cross-entropy of the steps (means of neighbouring ones where there are many) and of what is held out, and
// below them the learning rate; SVG.
std::string curve_svg(const LogContents& log, const std::string& title);

// Draws the log of a run beside it. The picture is replaced when the new one is whole.
Status write_curve(const std::string& log_path, const std::string& svg_path, const std::string& title);

}  // namespace qnext::train
