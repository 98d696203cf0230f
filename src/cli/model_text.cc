#include "cli/model_text.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/files.h"
#include "text/tokenizer_gguf.h"
#include "text/tokenizer_json.h"

namespace qnext {
namespace {

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

std::string in_folder(const Checkpoint& checkpoint, const char* name) {
  return (std::filesystem::path(checkpoint.folder) / name).string();
}

// What a folder says about its tokenizer besides tokenizer.json.
struct TokenizerConfig {
  std::optional<std::string> chat_template, bos, eos, pad;
  bool add_bos = false;
};

// A special token is written as its text or as an object with the text in it.
Result<std::optional<std::string>> special_token(const JsonFields& fields, const char* name) {
  if (!fields.has(name)) return std::optional<std::string>();
  const Json& value = fields.json()[name];
  if (!value.is_object()) {
    QN_TRY(std::string text, fields.string(name));
    return std::optional(std::move(text));
  }
  QN_TRY(std::string text, JsonFields(value, fields.label() + ": " + name).string("content"));
  return std::optional(std::move(text));
}

// The template is a text, or a list of named ones of which "default" is meant.
Result<std::optional<std::string>> template_in(const JsonFields& fields) {
  if (!fields.has("chat_template")) return std::optional<std::string>();
  const Json& value = fields.json()["chat_template"];
  if (!value.is_array()) {
    QN_TRY(std::string text, fields.string("chat_template"));
    return std::optional(std::move(text));
  }
  for (const Json& item : value) {
    const JsonFields named(item, fields.label() + ": chat_template");
    QN_TRY(const std::string name, named.string("name"));
    if (name != "default") continue;
    QN_TRY(std::string text, named.string("template"));
    return std::optional(std::move(text));
  }
  return fields.wrong("chat_template", "a text or a list with a template named \"default\"");
}

Result<TokenizerConfig> read_tokenizer_config(const Checkpoint& checkpoint) {
  TokenizerConfig config;
  if (const std::string path = in_folder(checkpoint, "tokenizer_config.json"); exists(path)) {
    QN_TRY(const Json json, read_json_file(path));
    const JsonFields fields(json, path);
    QN_TRY(config.chat_template, template_in(fields));
    QN_TRY(config.bos, special_token(fields, "bos_token"));
    QN_TRY(config.eos, special_token(fields, "eos_token"));
    QN_TRY(config.pad, special_token(fields, "pad_token"));
    QN_TRY(config.add_bos, fields.boolean_or("add_bos_token", false));
  }
  // Newer folders keep the template in a file of its own, which counts where there are both.
  if (const std::string path = in_folder(checkpoint, "chat_template.jinja"); exists(path)) {
    QN_TRY(config.chat_template, read_file(path));
  }
  return config;
}

// Nothing when the folder has no tokenizer.json.
Result<std::optional<TokenizerSpec>> read_folder_tokenizer(const Checkpoint& checkpoint) {
  const std::string path = in_folder(checkpoint, "tokenizer.json");
  if (checkpoint.folder.empty() || !exists(path)) return std::optional<TokenizerSpec>();
  QN_TRY(const std::string text, read_file(path));
  QN_TRY(TokenizerSpec spec, tokenizer_spec_from_json(text, path));
  spec.vocab_size = static_cast<int32_t>(std::min<int64_t>(checkpoint.config.vocab_size, kMostTokens));
  return std::optional(std::move(spec));
}

Result<std::optional<TokenizerSpec>> read_gguf_tokenizer(const GgufMetadata& metadata) {
  if (!metadata.find("tokenizer.ggml.tokens")) return std::optional<TokenizerSpec>();
  QN_TRY(const std::string model, metadata.string("tokenizer.ggml.model"));
  if (model != "gpt2") {
    return metadata.wrong("tokenizer.ggml.model",
                          fmt::format("\"{}\" is not supported, only \"gpt2\"", model));
  }
  GgufVocabulary vocabulary;
  QN_TRY(vocabulary.pre, metadata.string("tokenizer.ggml.pre"));
  QN_TRY(vocabulary.tokens, metadata.strings("tokenizer.ggml.tokens"));
  QN_TRY(vocabulary.merges, metadata.strings("tokenizer.ggml.merges"));
  if (metadata.find("tokenizer.ggml.token_type")) {
    QN_TRY(vocabulary.token_types, metadata.integers("tokenizer.ggml.token_type"));
  }
  QN_TRY(TokenizerSpec spec, tokenizer_spec_from_gguf(std::move(vocabulary), metadata.label()));
  return std::optional(std::move(spec));
}

// The text of the token whose id is under `key`, when there is one.
Result<std::optional<std::string>> gguf_special_token(const GgufMetadata& metadata, const char* key) {
  QN_TRY(const int64_t id, metadata.integer_or(key, -1));
  const auto* tokens = metadata.find("tokenizer.ggml.tokens");
  const auto* list = tokens ? std::get_if<std::shared_ptr<const GgufArray>>(&tokens->value) : nullptr;
  if (id < 0 || !list || static_cast<uint64_t>(id) >= (*list)->strings.size())
    return std::optional<std::string>();
  return std::optional((*list)->strings[static_cast<size_t>(id)]);
}

Result<std::shared_ptr<const ChatTemplate>> parse_template(const std::optional<std::string>& source,
                                                           ChatTokens tokens, const std::string& label) {
  if (!source) return std::shared_ptr<const ChatTemplate>();
  QN_TRY(ChatTemplate parsed, ChatTemplate::parse(*source, std::move(tokens), label + ": chat template"));
  return std::shared_ptr<const ChatTemplate>(std::make_shared<ChatTemplate>(std::move(parsed)));
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> load_tokenizer(const Checkpoint& checkpoint,
                                                        const std::string& label) {
  std::optional<TokenizerSpec> spec;
  if (checkpoint.metadata) {
    QN_TRY(spec, read_gguf_tokenizer(*checkpoint.metadata));
  } else {
    QN_TRY(spec, read_folder_tokenizer(checkpoint));
  }
  if (!spec) return std::shared_ptr<const Tokenizer>();
  return Tokenizer::create(*spec, checkpoint.metadata ? label : in_folder(checkpoint, "tokenizer.json"));
}

Result<std::optional<int32_t>> load_end_token(const Checkpoint& checkpoint, const Tokenizer& tokenizer) {
  QN_TRY(const TokenizerConfig config, read_tokenizer_config(checkpoint));
  if (!config.eos) return std::optional<int32_t>();
  const auto id = tokenizer.find_token(*config.eos);
  if (!id) {
    return Error(fmt::format("{}: field eos_token: {} is no token of tokenizer.json",
                             in_folder(checkpoint, "tokenizer_config.json"), *config.eos));
  }
  return id;
}

Result<std::shared_ptr<const ChatTemplate>> load_chat_template(const Checkpoint& checkpoint,
                                                               const std::string& label) {
  if (checkpoint.metadata) {
    const GgufMetadata& metadata = *checkpoint.metadata;
    if (!metadata.find("tokenizer.chat_template")) return std::shared_ptr<const ChatTemplate>();
    QN_TRY(std::string source, metadata.string("tokenizer.chat_template"));
    ChatTokens tokens;
    QN_TRY(tokens.bos_token, gguf_special_token(metadata, "tokenizer.ggml.bos_token_id"));
    QN_TRY(tokens.eos_token, gguf_special_token(metadata, "tokenizer.ggml.eos_token_id"));
    return parse_template(std::move(source), std::move(tokens), label);
  }
  if (checkpoint.folder.empty()) return std::shared_ptr<const ChatTemplate>();
  QN_TRY(const TokenizerConfig config, read_tokenizer_config(checkpoint));
  return parse_template(config.chat_template, {.bos_token = config.bos, .eos_token = config.eos}, label);
}

Result<std::optional<GgufTokenizer>> tokenizer_for_gguf(const Checkpoint& checkpoint) {
  if (checkpoint.metadata) return std::optional<GgufTokenizer>();  // a GGUF file keeps its own
  QN_TRY(const auto spec, read_folder_tokenizer(checkpoint));
  if (!spec) return std::optional<GgufTokenizer>();
  const std::string label = in_folder(checkpoint, "tokenizer.json");
  QN_TRY(const auto tokenizer, Tokenizer::create(*spec, label));  // checks the whole
  QN_TRY(GgufVocabulary vocabulary, tokenizer_spec_to_gguf(*spec, label));
  QN_TRY(const TokenizerConfig config, read_tokenizer_config(checkpoint));
  GgufTokenizer out;
  out.pre = vocabulary.pre;
  out.tokens = std::move(vocabulary.tokens);
  out.token_types = std::move(vocabulary.token_types);
  out.merges = std::move(vocabulary.merges);
  out.add_bos = config.add_bos;
  out.chat_template = config.chat_template.value_or("");
  const auto id_of = [&](const std::optional<std::string>& content) {
    return content ? int64_t{tokenizer->find_token(*content).value_or(-1)} : int64_t{-1};
  };
  out.bos = id_of(config.bos);
  out.eos = id_of(config.eos);
  out.pad = id_of(config.pad);
  const auto& stops = checkpoint.config.eos_tokens;
  if (out.eos < 0 && !stops.empty()) out.eos = stops.front();
  return std::optional(std::move(out));
}

}  // namespace qnext
