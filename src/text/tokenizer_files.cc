#include "text/tokenizer_files.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <unordered_set>

#include "base/files.h"
#include "text/bpe_trainer.h"
#include "text/byte_level.h"
#include "text/chat_template.h"
#include "text/shown.h"
#include "text/tokenizer_gguf.h"

namespace qnext {
namespace {

constexpr const char* kEndOfText = "<|endoftext|>";
constexpr const char* kTurnStart = "<|im_start|>";
constexpr const char* kTurnEnd = "<|im_end|>";

Json byte_level_step() {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", false}, {"use_regex", false}};
}

const char* name_of(PreTokenizerStep::Behavior behavior) {
  static constexpr const char* kNames[] = {"Isolated", "Removed", "MergedWithPrevious", "MergedWithNext",
                                           "Contiguous"};
  return kNames[static_cast<int>(behavior)];
}

Json pre_tokenizer_json(const TokenizerSpec& spec) {
  Json steps = Json::array();
  for (const PreTokenizerStep& step : spec.pre_tokenizer) {
    QN_CHECK(step.kind == PreTokenizerStep::Kind::split, "only splits can be written");
    steps.push_back({{"type", "Split"},
                     {"pattern", {{"Regex", step.regex}}},
                     {"behavior", name_of(step.behavior)},
                     {"invert", step.invert}});
  }
  steps.push_back(byte_level_step());
  return {{"type", "Sequence"}, {"pretokenizers", std::move(steps)}};
}

Json flags_json(const AddedToken& token) {
  return {{"content", token.content}, {"single_word", token.single_word}, {"lstrip", token.lstrip},
          {"rstrip", token.rstrip},   {"normalized", token.normalized},   {"special", token.special}};
}

Json model_json(const TokenizerSpec& spec) {
  auto tokens = spec.vocab;
  std::sort(tokens.begin(), tokens.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  Json::object_t vocab;  // a list of members, filled without looking for equal names each time
  for (const auto& token : tokens) vocab.emplace_back(token.text, token.id);
  Json merges = Json::array();
  for (const auto& [left, right] : spec.merges) merges.push_back(Json::array({left, right}));
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", nullptr},
          {"continuing_subword_prefix", ""},
          {"end_of_word_suffix", ""},
          {"fuse_unk", false},
          {"byte_fallback", false},
          {"ignore_merges", spec.ignore_merges},
          {"vocab", std::move(vocab)},
          {"merges", std::move(merges)}};
}

Status check_added(const TokenizerSpec& spec) {
  std::unordered_set<std::string> learnt, added;
  for (const auto& token : spec.vocab) learnt.insert(token.text);
  for (const AddedToken& token : spec.added_tokens) {
    const std::string name = "added token " + in_quotes(token.content);
    if (learnt.contains(token.content)) return Error(name + " is also a token that the text gives");
    if (!added.insert(token.content).second) return Error(name + " is there twice");
  }
  return {};
}

Status write_files(const std::string& folder, const TokenizerSpec& spec) {
  QN_TRY(const auto tokenizer, AtomicFile::create(folder + "/tokenizer.json"));
  QN_TRY(const auto config, AtomicFile::create(folder + "/tokenizer_config.json"));
  tokenizer->write(dump_json(tokenizer_json(spec), 1) + "\n");
  config->write(dump_json(tokenizer_config_json(spec), 1) + "\n");
  QN_RETURN_IF_ERROR(tokenizer->commit());
  return config->commit();
}

}  // namespace

TokenizerSpec qwen_words_spec() {
  auto spec = tokenizer_spec_from_gguf({.pre = "qwen2", .tokens = {}, .token_types = {}, .merges = {}},
                                       "the words of Qwen");
  QN_CHECK(spec.ok(), spec.error().message());
  return std::move(spec).value();
}

std::vector<AddedToken> chatml_tokens() {
  std::vector<AddedToken> tokens;
  for (const char* content : {kEndOfText, kTurnStart, kTurnEnd}) {
    tokens.push_back({.content = content, .special = true});
  }
  for (const char* content : {"<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"}) {
    tokens.push_back({.content = content});
  }
  return tokens;
}

Result<TokenizerSpec> trained_tokenizer(const BpeTraining& trained, std::vector<AddedToken> added) {
  TokenizerSpec spec = qwen_words_spec();
  for (const std::string& bytes : trained.tokens) {
    spec.vocab.push_back({to_byte_level(bytes), static_cast<int32_t>(spec.vocab.size())});
  }
  const auto text_of = [&spec](int32_t id) { return spec.vocab[static_cast<size_t>(id)].text; };
  for (const auto& [left, right] : trained.merges) spec.merges.emplace_back(text_of(left), text_of(right));
  for (AddedToken& token : added)
    token.id = static_cast<int32_t>(spec.vocab.size() + (&token - added.data()));
  spec.added_tokens = std::move(added);
  QN_RETURN_IF_ERROR(check_added(spec));
  return spec;
}

Json tokenizer_json(const TokenizerSpec& spec) {
  Json added = Json::array();
  for (const AddedToken& token : spec.added_tokens) {
    Json entry = {{"id", token.id}};
    entry.update(flags_json(token));
    added.push_back(std::move(entry));
  }
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", std::move(added)},
          {"normalizer", spec.nfc ? Json{{"type", "NFC"}} : Json()},
          {"pre_tokenizer", pre_tokenizer_json(spec)},
          {"post_processor", nullptr},
          {"decoder", byte_level_step()},
          {"model", model_json(spec)}};
}

Json tokenizer_config_json(const TokenizerSpec& spec) {
  Json added = Json::object(), special = Json::array();
  for (const AddedToken& token : spec.added_tokens) {
    added[std::to_string(token.id)] = flags_json(token);
    if (token.special && token.content != kEndOfText) special.push_back(token.content);
  }
  return {{"add_bos_token", false},
          {"add_prefix_space", false},
          {"added_tokens_decoder", std::move(added)},
          {"additional_special_tokens", std::move(special)},
          {"bos_token", nullptr},
          {"chat_template", ChatTemplate::built_in_source()},
          {"clean_up_tokenization_spaces", false},
          {"eos_token", kTurnEnd},
          {"errors", "replace"},
          {"pad_token", kEndOfText},
          {"split_special_tokens", false},
          {"tokenizer_class", "Qwen2Tokenizer"},
          {"unk_token", nullptr}};
}

Status write_tokenizer_folder(const std::string& folder, const TokenizerSpec& spec) {
  namespace fs = std::filesystem;
  std::error_code failed;
  if (fs::is_directory(folder, failed)) return write_files(folder, spec);
  if (fs::exists(folder, failed)) return Error(folder + ": cannot write: is a file, not a folder");
  const fs::path target = fs::path(folder + "/").parent_path();  // without a slash at the end
  const fs::path unfinished = fmt::format("{}.{}.part", target.string(), ::getpid());
  fs::create_directories(unfinished, failed);
  if (failed) return Error(fmt::format("{}: cannot make the folder: {}", folder, failed.message()));
  Status written = write_files(unfinished.string(), spec);
  if (written.ok()) {
    fs::rename(unfinished, target, failed);
    if (failed) written = Error(fmt::format("{}: cannot make the folder: {}", folder, failed.message()));
  }
  if (!written.ok()) fs::remove_all(unfinished, failed);
  return written;
}

}  // namespace qnext
