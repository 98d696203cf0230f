// Making GGUF files: from a published checkpoint, or from a GGUF file with other types.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/thread_pool.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf_model_metadata.h"
#include "checkpoint/quantize_plan.h"

namespace qnext {

struct ConvertOptions {
  GgufFileType type = GgufFileType::kBF16;
  bool panels = false;                       // matrices in the layout that the CPU's kernels map as it is
  bool drop_mtp = false;                     // leave out the multi-token-prediction block
  std::string name;                          // general.name; for published checkpoints only
  const GgufTokenizer* tokenizer = nullptr;  // for published checkpoints only; a GGUF keeps its own
  std::function<void(int64_t done, int64_t total)> progress;  // in elements; may be null
};

// Writes `path`, which appears only when whole. Tensors are read, quantised by all threads and written a few
// megabytes at a time. Weights that are not finite are errors that name the tensor.
Status convert_to_gguf(const Checkpoint& checkpoint, const std::string& path, const ConvertOptions& options,
                       ThreadPool& pool);

}  // namespace qnext
