// The configuration in the metadata of a GGUF file of architecture qwen3next; docs/formats.md lists the keys.
#pragma once

#include "base/result.h"
#include "checkpoint/gguf.h"
#include "checkpoint/model_config.h"

namespace qnext {

// Metadata does not say everything: which layers have experts, the vocabulary's size, tied embeddings and
// widths that early files leave out come from the tensors' names and shapes. block_count includes the
// multi-token-prediction block, ModelConfig::num_layers does not. Errors name key or tensor; another
// architecture is one.
Result<ModelConfig> config_from_gguf(const GgufFile& file);

}  // namespace qnext
