// The files of a checkpoint beside the weights that other programs expect.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "checkpoint/model_config.h"

namespace qnext::train {

// config.json: the configuration, with what loaders and trainers look for besides.
Json published_config(const ModelConfig& config, double initializer_range);

// tokenizer.json, tokenizer_config.json, chat_template.jinja and the like of a tokenizer's folder, as far as
// they are there (the first must be), and a generation_config.json that names the tokens which end an answer:
// with `keep_generation` the folder's own, if it has one.
Result<std::vector<std::pair<std::string, std::string>>> published_files(const std::string& tokenizer_folder,
                                                                         const ModelConfig& config,
                                                                         bool keep_generation);

}  // namespace qnext::train
