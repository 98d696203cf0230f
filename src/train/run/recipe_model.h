// The section [model] of a recipe; internal to the room.
#pragma once

#include <toml++/toml.h>
#include <string>

#include "base/result.h"
#include "train/run/recipe.h"

namespace qnext::train {

// Sets recipe.model and recipe.initializer_range. Fields are those of config.json, with defaults for a small
// model.
Status read_model(const toml::table& table, const std::string& path, Recipe& recipe);

}  // namespace qnext::train
