#include "text/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "text/added_token_matcher.h"
#include "text/bpe.h"
#include "text/byte_level.h"
#include "text/nfc.h"
#include "text/pre_tokenizer.h"
#include "text/shown.h"
#include "text/utf8.h"

namespace qnext {

struct Tokenizer::Parts {
  std::unique_ptr<const BpeModel> model;
  PreTokenizer pre_tokenizer;
  std::unique_ptr<const Nfc> nfc;  // null: text is not normalised

  std::vector<AddedToken> added;                           // by rising id
  std::unordered_map<int32_t, std::string> added_bytes;    // what decoding gives
  std::unordered_map<std::string, int32_t> added_ids;      // by content
  std::vector<bool> special;                               // [vocab_size]
  std::unique_ptr<const AddedTokenMatcher> in_raw;         // those looked for in the text as it is
  std::unique_ptr<const AddedTokenMatcher> in_normalized;  // those looked for in the normalised text
  int32_t vocab_size = 0;
};

namespace {

// Checks ids as the Rust library gives them: an added token that the vocabulary has keeps its id there,
// others are numbered on from the end. A file that says otherwise would be loaded with other ids by that
// library.
Status check_added(const std::vector<AddedToken>& added, const Vocabulary& vocabulary) {
  std::unordered_set<std::string> contents;
  std::unordered_set<int32_t> ids;
  for (const AddedToken& token : added) {
    const auto wrong = [&](std::string_view what) {
      return Error(fmt::format("added token {}: {}", in_quotes(token.content), what));
    };
    if (token.content.empty()) return Error(fmt::format("added token {}: content is empty", token.id));
    if (token.id < 0 || token.id >= kMostTokens) {
      return wrong(fmt::format("id {} is outside 0..{}", token.id, kMostTokens - 1));
    }
    if (!contents.insert(token.content).second) return wrong("is there twice");
    if (!ids.insert(token.id).second)
      return wrong(fmt::format("id {} is that of another added token", token.id));
    const int32_t in_vocabulary = vocabulary.find_text(token.content);
    if (in_vocabulary >= 0 ? in_vocabulary != token.id : vocabulary.has(token.id)) {
      return wrong(in_vocabulary >= 0
                       ? fmt::format("id {}, but {} in the vocabulary", token.id, in_vocabulary)
                       : fmt::format("id {} is that of another token of the vocabulary", token.id));
    }
  }
  return {};
}

}  // namespace

Tokenizer::Tokenizer(std::unique_ptr<const Parts> parts) : parts_(std::move(parts)) {}
Tokenizer::~Tokenizer() = default;

Result<std::shared_ptr<const Tokenizer>> Tokenizer::create(const TokenizerSpec& spec,
                                                           const std::string& label) {
  auto parts = std::make_unique<Parts>();
  auto model = BpeModel::build(spec);
  if (!model.ok()) return model.error().in(label);
  parts->model = std::move(model).value();
  auto pre_tokenizer = PreTokenizer::create(spec.pre_tokenizer);
  if (!pre_tokenizer.ok()) return pre_tokenizer.error().in(label);
  parts->pre_tokenizer = std::move(pre_tokenizer).value();
  if (spec.nfc) parts->nfc = std::make_unique<const Nfc>();
  if (auto status = check_added(spec.added_tokens, parts->model->vocabulary()); !status.ok()) {
    return status.error().in(label);
  }

  parts->added = spec.added_tokens;
  std::sort(parts->added.begin(), parts->added.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  parts->vocab_size = std::max(spec.vocab_size, parts->model->vocabulary().id_end());
  if (!parts->added.empty()) parts->vocab_size = std::max(parts->vocab_size, parts->added.back().id + 1);
  if (parts->vocab_size > kMostTokens) {
    return Error(fmt::format("{}: vocab_size {} is above {}", label, parts->vocab_size, kMostTokens));
  }
  parts->special.resize(static_cast<size_t>(parts->vocab_size));
  std::vector<AddedTokenMatcher::Pattern> raw, normalized;
  for (const AddedToken& token : parts->added) {
    std::string content = token.content, buffer;
    if (token.normalized && parts->nfc) content = parts->nfc->normalize(token.content, buffer);
    parts->added_ids[token.content] = token.id;
    parts->added_bytes[token.id] = from_byte_level(content).value_or(content);
    parts->special[static_cast<size_t>(token.id)] = token.special;
    (token.normalized ? normalized : raw).push_back({content, &token});
  }
  parts->in_raw = std::make_unique<const AddedTokenMatcher>(std::move(raw));
  parts->in_normalized = std::make_unique<const AddedTokenMatcher>(std::move(normalized));
  return std::shared_ptr<const Tokenizer>(new Tokenizer(std::move(parts)));
}

// One call of encode(): the text on its way through the stages.
class Tokenizer::Encoder {
 public:
  Encoder(const Parts& parts, const EncodeOptions& options, std::vector<int32_t>& out)
      : parts_(parts), options_(options), out_(out) {}

  void text(std::string_view text) {
    cut(*parts_.in_raw, text, [&](std::string_view plain) {
      std::string buffer;
      if (parts_.nfc) plain = parts_.nfc->normalize(plain, buffer);
      cut(*parts_.in_normalized, plain, [&](std::string_view rest) { words(rest); });
    });
  }

 private:
  // Emits the added tokens of a text and hands on what lies between.
  template <class Next>
  void cut(const AddedTokenMatcher& matcher, std::string_view text, Next&& next) {
    for (const TextPart& part : matcher.split(text, options_.parse_special)) {
      if (part.token) {
        out_.push_back(part.token->id);
      } else {
        next(text.substr(part.begin, part.end - part.begin));
      }
    }
  }

  void words(std::string_view text) {
    parts_.pre_tokenizer.for_each_word(
        text, pre_tokenizer_, [&](std::string_view word) { parts_.model->encode(word, bpe_, out_); });
  }

  const Parts& parts_;
  const EncodeOptions& options_;
  std::vector<int32_t>& out_;
  PreTokenizer::Workspace pre_tokenizer_;
  BpeModel::Workspace bpe_;
};

std::vector<int32_t> Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  std::vector<int32_t> ids;
  if (text.empty()) return ids;
  ids.reserve(text.size() / 4 + 1);
  Encoder encoder(*parts_, options, ids);
  if (valid_utf8_prefix(text) == text.size()) {
    encoder.text(text);
  } else {
    std::string valid;
    append_valid_utf8(valid, text);
    encoder.text(valid);
  }
  return ids;
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special) const {
  std::string bytes, text;
  for (const int32_t id : ids) {
    if (!(skip_special && is_special(id))) bytes += token_bytes(id);
  }
  if (valid_utf8_prefix(bytes) == bytes.size()) return bytes;
  append_valid_utf8(text, bytes);
  return text;
}

std::string_view Tokenizer::token_bytes(int32_t id) const {
  if (const auto added = parts_->added_bytes.find(id); added != parts_->added_bytes.end())
    return added->second;
  const Vocabulary& vocabulary = parts_->model->vocabulary();
  return vocabulary.has(id) ? vocabulary.bytes(id) : std::string_view();
}

std::optional<int32_t> Tokenizer::find_token(std::string_view content) const {
  const std::string text(content);
  if (const auto added = parts_->added_ids.find(text); added != parts_->added_ids.end()) return added->second;
  const int32_t id = parts_->model->vocabulary().find_text(text);
  return id >= 0 ? std::optional(id) : std::nullopt;
}

int32_t Tokenizer::vocab_size() const { return parts_->vocab_size; }

bool Tokenizer::is_special(int32_t id) const {
  return id >= 0 && id < parts_->vocab_size && parts_->special[static_cast<size_t>(id)];
}

bool Tokenizer::is_padding(int32_t id) const {
  return id >= 0 && id < parts_->vocab_size && !parts_->model->vocabulary().has(id) &&
         !parts_->added_bytes.contains(id);
}

std::span<const AddedToken> Tokenizer::added_tokens() const { return parts_->added; }

}  // namespace qnext
