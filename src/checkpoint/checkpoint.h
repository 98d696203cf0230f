// An opened model: configuration, weights, and the raw material for tokenizer, template and sampling
// defaults.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/files.h"
#include "checkpoint/gguf.h"
#include "checkpoint/model_config.h"
#include "checkpoint/tensor_source.h"

namespace qnext {

struct Checkpoint {
  ModelConfig config;
  std::shared_ptr<const TensorSource> tensors;
  // Hugging Face folders: the text of these files when present. GGUF: everything is in `metadata`.
  std::string folder;                            // "" unless a folder
  std::optional<Json> generation_config;         // generation_config.json
  std::shared_ptr<const GgufMetadata> metadata;  // null unless GGUF

  bool has_mtp() const;  // the tensors include a multi-token-prediction layer
};

// MODEL as on the command line: a Hugging Face folder, a GGUF file (or the first of a split one), or
// "synth:CONFIG.json[?seed=N]". Nothing is copied: weights stay in the file mapping.
Result<Checkpoint> open_checkpoint(const std::string& model);

// A GGUF image already in memory (the embedded model). `owner` keeps the bytes alive, may be null for static
// data.
Result<Checkpoint> open_gguf_image(std::span<const std::byte> image, std::shared_ptr<const void> owner,
                                   const std::string& label);

}  // namespace qnext
