// A folder as published on Hugging Face: model.safetensors.index.json with the shards it names, or
// model.safetensors, or (when there is neither) every *.safetensors file.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "base/result.h"
#include "checkpoint/tensor_source.h"

namespace qnext {

// Files of text that a folder may have beside weights and config.json: of its tokenizer, and how to generate.
inline constexpr std::array kTokenizerFiles{"tokenizer.json",      "tokenizer_config.json",
                                            "chat_template.jinja", "special_tokens_map.json",
                                            "vocab.json",          "merges.txt"};
inline constexpr const char* kGenerationFile = "generation_config.json";

// Maps all shards. Tensors come in order of file name and of the shard's header. The index is the authority
// where it names a tensor: it is an error when that tensor is not in the named shard, and a copy of it in
// another shard is not seen. Tensors of a shard that the index leaves out are kept. Shard names must be plain
// file names, so that an index cannot reach outside its folder.
Result<std::shared_ptr<const TensorSource>> open_hf_folder(const std::string& folder);

}  // namespace qnext
