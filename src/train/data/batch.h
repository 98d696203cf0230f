#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace qnext::train {

/// What one optimiser step learns from: sequences that know nothing of each other (attention and recurrent
/// states start anew at each), one after the other without padding.
struct Batch {
  std::vector<int32_t> ids;  // [tokens]
  std::vector<int64_t>
      starts;  // [sequences + 1], first 0, last tokens: sequence s is ids[starts[s] .. starts[s + 1])
  std::vector<int32_t>
      targets;  // [tokens] the id to predict at each position, kNoTarget where no loss is taken

  static constexpr int32_t kNoTarget = -1;

  size_t tokens() const { return ids.size(); }
  size_t sequences() const { return starts.empty() ? 0 : starts.size() - 1; }
};

}  // namespace qnext::train
