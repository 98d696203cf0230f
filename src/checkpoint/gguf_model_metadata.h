// The metadata of a GGUF file of architecture qwen3next.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf_writer.h"
#include "checkpoint/quantize_plan.h"

namespace qnext {

// The tokenizer in GGUF's terms. Ids are -1 when there is none.
struct GgufTokenizer {
  std::string model = "gpt2";        // byte-level BPE
  std::string pre = "qwen2";         // name of the pre-tokenizer's expression
  std::vector<std::string> tokens;   // by id, in the byte-to-character alphabet of GPT-2
  std::vector<int64_t> token_types;  // 1 normal, 3 control, 4 user-defined, 5 unused
  std::vector<std::string> merges;   // "left right"
  int64_t eos = -1, bos = -1, pad = -1;
  bool add_bos = false;
  std::string chat_template;  // "" when there is none
};

// Everything for a file made from a published checkpoint. generation_config.json goes in twice: what
// llama.cpp knows as general.sampling.*, and the whole text as qnext.generation_config.
GgufMetadataBuilder gguf_model_metadata(const Checkpoint& checkpoint, bool with_mtp, const std::string& name,
                                        const GgufTokenizer* tokenizer);

// What depends on the type of the tensors.
void set_file_type(GgufMetadataBuilder& metadata, GgufFileType type);

}  // namespace qnext
