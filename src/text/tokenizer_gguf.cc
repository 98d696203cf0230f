#include "text/tokenizer_gguf.h"

#include <fmt/format.h>

#include <algorithm>

#include "text/shown.h"

namespace qnext {
namespace {

// What a name in tokenizer.ggml.pre stands for. The expressions are those of the tokenizer.json files of the
// models that llama.cpp's converter gives the name to.
struct PreTokenizerName {
  std::string_view name;
  std::string_view regex;
  bool nfc;
  bool ignore_merges;
};

constexpr std::string_view kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// The first that fits is the one that is written.
constexpr PreTokenizerName kNames[] = {
    {"qwen2", kQwen2, true, false},      {"deepseek-r1-qwen", kQwen2, true, false},
    {"llama-bpe", kLlama3, false, true}, {"llama3", kLlama3, false, true},
    {"llama-v3", kLlama3, false, true},  {"gpt-2", kGpt2, false, false}};

Result<std::pair<std::string, std::string>> split_merge(const std::string& merge, const std::string& where) {
  // The first character may be the space itself in no published file: the alphabet writes spaces as U+0120.
  const size_t space = merge.find(' ', 1);
  if (merge.empty() || space == std::string::npos || space + 1 == merge.size()) {
    return Error(
        fmt::format("{}: two tokens with a space between expected, got {}", where, in_quotes(merge)));
  }
  return std::pair(merge.substr(0, space), merge.substr(space + 1));
}

// GGUF has no place for the flags of added tokens, and writes a merge as one text.
Status check_writable(const TokenizerSpec& spec, const std::string& label) {
  for (const AddedToken& token : spec.added_tokens) {
    const char* flag = token.lstrip                   ? "lstrip"
                       : token.rstrip                 ? "rstrip"
                       : token.single_word            ? "single_word"
                       : token.normalized && spec.nfc ? "normalized"
                                                      : nullptr;
    if (flag) {
      return Error(
          fmt::format("{}: added token {}: GGUF cannot say {}", label, in_quotes(token.content), flag));
    }
  }
  for (size_t i = 0; i < spec.merges.size(); ++i) {
    const auto& [left, right] = spec.merges[i];
    if (left.find(' ') == left.npos && right.find(' ') == right.npos) continue;
    return Error(fmt::format("{}: merge {}: GGUF cannot hold the space in {}", label, i,
                             in_quotes(left.find(' ') != left.npos ? left : right)));
  }
  return {};
}

}  // namespace

Result<TokenizerSpec> tokenizer_spec_from_gguf(GgufVocabulary vocabulary, const std::string& label) {
  const auto wrong = [&](const char* key, const std::string& what) {
    return Error(fmt::format("{}: key tokenizer.ggml.{}: {}", label, key, what));
  };
  const auto known = std::find_if(std::begin(kNames), std::end(kNames),
                                  [&](const auto& item) { return item.name == vocabulary.pre; });
  if (known == std::end(kNames)) return wrong("pre", in_quotes(vocabulary.pre) + " is not supported");
  auto& [pre, tokens, types, merges] = vocabulary;
  if (tokens.size() > static_cast<size_t>(kMostTokens)) {
    return wrong("tokens", fmt::format("{} tokens, at most {} are supported", tokens.size(), kMostTokens));
  }
  if (!types.empty() && types.size() != tokens.size()) {
    return wrong("token_type", fmt::format("{} entries for {} tokens", types.size(), tokens.size()));
  }
  TokenizerSpec spec;
  spec.nfc = known->nfc;
  spec.ignore_merges = known->ignore_merges;
  spec.pre_tokenizer.push_back({.regex = std::string(known->regex)});
  spec.vocab_size = static_cast<int32_t>(tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) {
    const auto id = static_cast<int32_t>(i);
    const auto type = types.empty() ? GgufTokenType::normal : static_cast<GgufTokenType>(types[i]);
    switch (type) {
      case GgufTokenType::normal:
      case GgufTokenType::unknown:
      case GgufTokenType::byte:
        spec.vocab.push_back({std::move(tokens[i]), id});
        break;
      case GgufTokenType::control:
      case GgufTokenType::user_defined:
        spec.added_tokens.push_back(
            {.id = id, .content = std::move(tokens[i]), .special = type == GgufTokenType::control});
        break;
      case GgufTokenType::unused:
        break;
      default:
        return wrong("token_type", fmt::format("entry {}: {} is no type of token", i, types[i]));
    }
  }
  for (size_t i = 0; i < merges.size(); ++i) {
    QN_TRY(auto merge, split_merge(merges[i], fmt::format("{}: key tokenizer.ggml.merges[{}]", label, i)));
    spec.merges.push_back(std::move(merge));
  }
  return spec;
}

Result<GgufVocabulary> tokenizer_spec_to_gguf(const TokenizerSpec& spec, const std::string& label) {
  const auto fits = [&](const PreTokenizerName& item) {
    return spec.pre_tokenizer == std::vector<PreTokenizerStep>{{.regex = std::string(item.regex)}} &&
           spec.ignore_merges == item.ignore_merges && spec.nfc == item.nfc;
  };
  const auto known = std::find_if(std::begin(kNames), std::end(kNames), fits);
  if (known == std::end(kNames)) {
    return Error(label +
                 ": GGUF has no name for this combination of normalizer, pre_tokenizer and ignore_merges");
  }
  QN_RETURN_IF_ERROR(check_writable(spec, label));
  int32_t size = spec.vocab_size;
  for (const auto& token : spec.vocab) size = std::max(size, token.id + 1);
  for (const auto& token : spec.added_tokens) size = std::max(size, token.id + 1);
  GgufVocabulary out;
  out.pre = known->name;
  const auto unused = static_cast<int64_t>(GgufTokenType::unused);
  out.token_types.resize(static_cast<size_t>(size), unused);
  for (int32_t id = 0; id < size; ++id) out.tokens.push_back(fmt::format("[PAD{}]", id));
  const auto set = [&](int32_t id, const std::string& text, GgufTokenType type) {
    out.tokens[static_cast<size_t>(id)] = text;
    out.token_types[static_cast<size_t>(id)] = static_cast<int64_t>(type);
  };
  for (const auto& token : spec.vocab) set(token.id, token.text, GgufTokenType::normal);
  for (const auto& token : spec.added_tokens) {
    set(token.id, token.content, token.special ? GgufTokenType::control : GgufTokenType::user_defined);
  }
  for (const auto& [left, right] : spec.merges) out.merges.push_back(left + " " + right);
  return out;
}

}  // namespace qnext
