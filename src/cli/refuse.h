// Keeping a command from writing over what it reads.
#pragma once

#include <string>

#include "base/result.h"

namespace qnext {

// An error when writing `out` would replace a file that belongs to the input `in`: the file itself, the
// configuration of a synth: model, weights and JSON of a folder, a part of a split GGUF file. "" is no input.
Status refuse_to_replace(const std::string& in, const std::string& out);

}  // namespace qnext
