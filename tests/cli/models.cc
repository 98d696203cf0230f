#include "cli/models.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <sstream>

#include "base/files.h"

namespace qnext {
namespace {

constexpr const char* kTemplate =
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' "
    "}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

// The qwen2 expression, which GGUF has a name for.
constexpr const char* kWords =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

std::string utf8(int code_point) {
  if (code_point < 0x80) return std::string(1, static_cast<char>(code_point));
  return {static_cast<char>(0xc0 | code_point >> 6), static_cast<char>(0x80 | (code_point & 0x3f))};
}

// The character that byte-level vocabularies write a byte as.
std::string byte_character(int byte) {
  static int next = 0;
  if (byte == 0) next = 256;
  const bool plain = (byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173);
  return utf8(plain ? byte : next++);
}

void add_text(const std::string& folder) {
  write_json(folder + "/tokenizer.json", small_tokenizer());
  write_json(folder + "/tokenizer_config.json",
             {{"chat_template", kTemplate}, {"eos_token", "<|im_end|>"}, {"bos_token", nullptr}});
  write_json(
      folder + "/generation_config.json",
      {{"do_sample", true}, {"temperature", 0.7}, {"top_k", 20}, {"top_p", 0.8}, {"eos_token_id", {260}}});
}

}  // namespace

Json small_config() {
  return {{"architectures", {"Qwen3NextForCausalLM"}},
          {"model_type", "qwen3_next"},
          {"vocab_size", 320},
          {"hidden_size", 32},
          {"num_hidden_layers", 2},
          {"full_attention_interval", 2},
          {"num_attention_heads", 2},
          {"num_key_value_heads", 1},
          {"head_dim", 32},
          {"partial_rotary_factor", 0.25},
          {"rope_theta", 10000},
          {"linear_num_key_heads", 1},
          {"linear_num_value_heads", 2},
          {"linear_key_head_dim", 4},
          {"linear_value_head_dim", 4},
          {"linear_conv_kernel_dim", 4},
          {"intermediate_size", 32},
          {"num_experts", 4},
          {"num_experts_per_tok", 2},
          {"moe_intermediate_size", 32},
          {"shared_expert_intermediate_size", 32},
          {"max_position_embeddings", 256},
          {"rms_norm_eps", 1e-6},
          {"tie_word_embeddings", false},
          {"mlp_only_layers", {1}},
          {"num_nextn_predict_layers", 0},
          {"eos_token_id", 260}};
}

Json small_tokenizer() {
  Json vocab = Json::object();
  for (int byte = 0; byte < 256; ++byte) vocab[byte_character(byte)] = byte;
  vocab["he"] = 256;
  vocab["ll"] = 257;
  vocab["hell"] = 258;
  const auto added = [](int id, const char* content, bool special) {
    return Json{{"id", id},        {"content", content},   {"special", special}, {"lstrip", false},
                {"rstrip", false}, {"single_word", false}, {"normalized", false}};
  };
  Json words = {
      {"type", "Split"}, {"pattern", {{"Regex", kWords}}}, {"behavior", "Isolated"}, {"invert", false}};
  Json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
  return {{"version", "1.0"},
          {"added_tokens", Json::array({added(259, "<|im_start|>", true), added(260, "<|im_end|>", true),
                                        added(261, "<think>", false)})},
          {"normalizer", {{"type", "NFC"}}},
          {"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", Json::array({words, bytes})}}},
          {"decoder", {{"type", "ByteLevel"}}},
          {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", {"h e", "l l", "he ll"}}}}};
}

std::string small_model(const Scratch& scratch, const std::string& name, bool text) {
  write_json(scratch.path(name + "-config.json"), small_config());
  const std::string folder = scratch.path(name);
  const Ran ran = qnext({"synth", scratch.path(name + "-config.json"), "-o", folder});
  EXPECT_EQ(ran.code, 0) << ran.err;
  if (text) add_text(folder);
  return folder;
}

std::string small_gguf(const Scratch& scratch, const std::string& name, bool text) {
  const std::string folder = small_model(scratch, name + "-folder", text);
  const Ran ran = qnext({"convert", folder, "-o", scratch.path(name), "--type", "f32"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  return scratch.path(name);
}

std::string read_all(const std::string& path) {
  auto text = read_file(path);
  EXPECT_TRUE(text.ok()) << path;
  return text.ok() ? *text : "";
}

void write_all(const std::string& path, const std::string& contents) {
  std::ofstream(path, std::ios::binary) << contents;
}

void write_json(const std::string& path, const Json& json) { write_all(path, dump_json(json, 1)); }

void edit_header(const std::string& path, const std::function<void(Json& header)>& edit) {
  const std::string file = read_all(path);
  uint64_t size = 0;
  std::memcpy(&size, file.data(), sizeof size);
  auto header = parse_json(std::string_view(file).substr(8, size), path);
  ASSERT_TRUE(header.ok());
  edit(*header);
  const std::string text = dump_json(*header);
  std::string out(8, '\0');
  put<uint64_t>(out, 0, text.size());
  write_all(path, out + text + file.substr(8 + size));
}

std::string weights_of(const std::string& folder) { return folder + "/model-00001-of-00001.safetensors"; }

size_t gguf_type_of(const std::string& image, const std::string& key) {
  std::string length(8, '\0');
  put<uint64_t>(length, 0, key.size());
  const size_t at = image.find(length + key);
  EXPECT_NE(at, std::string::npos) << key;
  return at + 8 + key.size();
}

size_t gguf_value_of(const std::string& image, const std::string& key) {
  return gguf_type_of(image, key) + 4;
}

}  // namespace qnext
