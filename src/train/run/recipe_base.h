// The sections of a recipe that are about a checkpoint to start from; internal to the room.
#pragma once

#include <toml++/toml.h>

#include <string>

#include "base/result.h"
#include "train/run/recipe.h"

namespace qnext::train {

// [base] and [lora]: opens the checkpoint, whose configuration becomes the recipe's, and whose tokenizer
// where it is a folder.
Status read_base(const toml::table& table, const std::string& path, Recipe& recipe);
Status read_lora(const toml::table& table, const std::string& path, Recipe& recipe);

}  // namespace qnext::train
