// Small models and batches for the tests of training.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "base/thread_pool.h"
#include "checkpoint/model_config.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/synth_source.h"
#include "model/golden_support.h"
#include "train/grad/trainer.h"

namespace qnext::train::test {

using qnext::test::data;
using qnext::test::must;

inline ModelConfig config_of(const std::string& fixture) {
  const std::string path = data("golden/" + fixture + "/config.json");
  return must(ModelConfig::from_json(must(read_json_file(path)), path));
}

// Random ids; the last position of each sequence and each `skip`-th have no target (0: only the last).
inline Batch random_batch(const std::vector<int64_t>& lengths, int64_t vocab, uint64_t seed,
                          int64_t skip = 0) {
  Batch batch;
  batch.starts = {0};
  for (int64_t length : lengths) {
    const auto first = batch.ids.size();
    for (int64_t i = 0; i < length; ++i) {
      batch.ids.push_back(
          static_cast<int32_t>(random_bits(seed, 1, batch.ids.size()) % static_cast<uint64_t>(vocab)));
    }
    for (size_t i = first; i < batch.ids.size(); ++i) {
      const bool none = i + 1 == batch.ids.size() || (skip > 0 && static_cast<int64_t>(i) % skip == skip - 1);
      batch.targets.push_back(none ? Batch::kNoTarget : batch.ids[i + 1]);
    }
    batch.starts.push_back(static_cast<int64_t>(batch.ids.size()));
  }
  return batch;
}

// Weights with the synthetic rule: large enough that every path of the model matters.
inline std::vector<float> synthetic_values(const ModelConfig& config, const ParameterLayout& layout) {
  std::vector<float> values(static_cast<size_t>(layout.size()));
  must(load_parameters(layout, *make_synth_source(config, std::nullopt, "synth"), config, values.data()));
  return values;
}

}  // namespace qnext::train::test
