// Models for the tests of the program, and ways to spoil them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "cli/support.h"

namespace qnext {

// A configuration with every kind of layer, extents of 4 to 32, and a vocabulary of 320.
Json small_config();

// A byte-level BPE tokenizer.json: the 256 bytes, a few merges, <|im_start|>, <|im_end|> and <think>.
Json small_tokenizer();

// A folder with synthetic weights of small_config(), `name` in the scratch folder. With `text` also with
// tokenizer, chat template and generation_config.json.
std::string small_model(const Scratch& scratch, const std::string& name, bool text);
// The same model as a GGUF file.
std::string small_gguf(const Scratch& scratch, const std::string& name, bool text);

std::string read_all(const std::string& path);
void write_all(const std::string& path, const std::string& contents);
void write_json(const std::string& path, const Json& json);

// Rewrites a safetensors file with its JSON header changed; the data behind it stays.
void edit_header(const std::string& path, const std::function<void(Json& header)>& edit);
// The file of a folder written by `synth` or published in one shard.
std::string weights_of(const std::string& folder);

// The position in a GGUF file of the value's type of a key, and of the value.
size_t gguf_type_of(const std::string& image, const std::string& key);
size_t gguf_value_of(const std::string& image, const std::string& key);
// Overwrites bytes at a position with a little-endian number.
template <class T>
void put(std::string& image, size_t at, T value) {
  image.replace(at, sizeof(T), reinterpret_cast<const char*>(&value), sizeof(T));
}

}  // namespace qnext
