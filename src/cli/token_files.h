// Token ids from JSON files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace qnext {

// A JSON list of ids, each in [0, vocab_size). Errors name file and index.
Result<std::vector<int32_t>> read_token_list(const std::string& path, int64_t vocab_size);

// The same, or a list of such lists: separate sequences.
Result<std::vector<std::vector<int32_t>>> read_token_lists(const std::string& path, int64_t vocab_size);

}  // namespace qnext
