#include "cli/token_files.h"

#include <fmt/format.h>

#include "base/json.h"

namespace qnext {
namespace {

Result<std::vector<int32_t>> as_ids(const Json& json, int64_t vocab_size, const std::string& label) {
  if (!json.is_array()) return Error(label + ": expected a JSON list of token ids");
  std::vector<int32_t> ids;
  ids.reserve(json.size());
  for (size_t i = 0; i < json.size(); ++i) {
    const Json& item = json[i];
    // get<double>() does not wrap round where a huge unsigned number would as int64_t.
    if (!item.is_number_integer() || item.get<double>() < 0 ||
        item.get<double>() >= static_cast<double>(vocab_size)) {
      return Error(fmt::format("{}: element {}: expected a token id below {}, got {}", label, i, vocab_size,
                               dump_json(item).substr(0, 60)));
    }
    ids.push_back(item.get<int32_t>());
  }
  if (ids.empty()) return Error(label + ": the list of token ids is empty");
  return ids;
}

}  // namespace

Result<std::vector<int32_t>> read_token_list(const std::string& path, int64_t vocab_size) {
  QN_TRY(const Json json, read_json_file(path));
  return as_ids(json, vocab_size, path);
}

Result<std::vector<std::vector<int32_t>>> read_token_lists(const std::string& path, int64_t vocab_size) {
  QN_TRY(const Json json, read_json_file(path));
  std::vector<std::vector<int32_t>> lists;
  if (json.is_array() && !json.empty() && json.front().is_array()) {
    for (size_t i = 0; i < json.size(); ++i) {
      QN_TRY(lists.emplace_back(), as_ids(json[i], vocab_size, fmt::format("{}: list {}", path, i)));
    }
    return lists;
  }
  QN_TRY(lists.emplace_back(), as_ids(json, vocab_size, path));
  return lists;
}

}  // namespace qnext
