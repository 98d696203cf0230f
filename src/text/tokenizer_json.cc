#include "text/tokenizer_json.h"

#include <fmt/format.h>

#include "base/json.h"
#include "text/shown.h"
#include "text/split_pattern.h"

namespace qnext {
namespace {

// The expression of ByteLevel where it is not told to leave it out: GPT-2's.
constexpr const char* kByteLevelPattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// Takes model.vocab and model.merges out of the document while it is parsed.
class LargeMembers {
 public:
  LargeMembers(TokenizerSpec& spec, const std::string& label) : spec_(spec), label_(label) {}

  // See JsonVisitor.
  bool visit(int depth, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::key && depth <= 2) {
      const auto& name = value.get_ref<const std::string&>();
      if (depth == 1) in_model_ = name == "model";
      if (depth == 2)
        member_ = !in_model_         ? Member::other
                  : name == "vocab"  ? Member::vocab
                  : name == "merges" ? Member::merges
                                     : Member::other;
      return true;
    }
    if (depth < 3 || member_ == Member::other) return true;
    return member_ == Member::vocab ? visit_vocab(depth, event, value) : visit_merges(depth, event, value);
  }

  const std::optional<Error>& error() const { return error_; }

 private:
  using Event = Json::parse_event_t;
  enum class Member { other, vocab, merges };

  bool visit_vocab(int depth, Event event, Json& value) {
    if (event == Event::key) {
      token_ = value.get<std::string>();
    } else if (event == Event::value && depth == 3 && value.is_number_unsigned() &&
               value.get<uint64_t>() < static_cast<uint64_t>(kMostTokens)) {
      spec_.vocab.push_back({std::move(token_), value.get<int32_t>()});
    } else if (event == Event::value || event == Event::array_start || event == Event::object_start) {
      fail(fmt::format("model.vocab: token {}: an id from 0 to {} expected, got {}", in_quotes(token_),
                       kMostTokens - 1, event == Event::value ? shown(value) : "a list or object"));
    }
    return false;
  }

  // Each is ["left", "right"], or "left right" as files were written until 2024.
  bool visit_merges(int depth, Event event, Json& value) {
    const size_t index = spec_.merges.size();
    if (event == Event::value && !value.is_string()) {
      fail(fmt::format("model.merges[{}]: a string expected, got {}", index, shown(value)));
    } else if (event == Event::value && depth == 4) {
      pair_.push_back(value.get<std::string>());
    } else if (event == Event::value && depth == 3) {
      const auto& both = value.get_ref<const std::string&>();
      const size_t space = both.find(' ');
      if (space == std::string::npos || both.find(' ', space + 1) != std::string::npos) {
        fail(fmt::format("model.merges[{}]: two tokens with one space between expected, got {}", index,
                         shown(value)));
      } else {
        spec_.merges.emplace_back(both.substr(0, space), both.substr(space + 1));
      }
    } else if (event == Event::array_start && depth == 3) {
      pair_.clear();
      return true;
    } else if (event == Event::array_end && depth == 3) {
      if (pair_.size() != 2) {
        fail(fmt::format("model.merges[{}]: two tokens expected, got {}", index, pair_.size()));
      } else {
        spec_.merges.emplace_back(std::move(pair_[0]), std::move(pair_[1]));
      }
    } else if (event != Event::value) {
      fail(fmt::format("model.merges[{}]: two tokens expected", index));
    }
    return false;
  }

  void fail(const std::string& message) {
    if (!error_) error_ = Error(label_ + ": " + message);
  }

  TokenizerSpec& spec_;
  const std::string& label_;
  bool in_model_ = false;
  Member member_ = Member::other;
  std::string token_;
  std::vector<std::string> pair_;
  std::optional<Error> error_;
};

// The members of the document that are left.
class SpecReader {
 public:
  SpecReader(TokenizerSpec& spec, const std::string& label) : spec_(spec), label_(label) {}

  Status read(const Json& root) {
    if (!root.is_object()) return Error(label_ + ": an object expected");
    QN_RETURN_IF_ERROR(read_model(root));
    QN_RETURN_IF_ERROR(read_normalizer(root.value("normalizer", Json()), "normalizer"));
    QN_RETURN_IF_ERROR(read_pre_tokenizer(root.value("pre_tokenizer", Json()), "pre_tokenizer"));
    if (!byte_level_)
      return Error(label_ + ": pre_tokenizer: only tokenizers with a ByteLevel step are supported");
    QN_RETURN_IF_ERROR(check_decoder(root.value("decoder", Json()), "decoder"));
    return read_added_tokens(root.value("added_tokens", Json::array()));
  }

 private:
  Status read_model(const Json& root) {
    const auto model = root.find("model");
    if (model == root.end() || !model->is_object()) return Error(label_ + ": model: an object expected");
    const JsonFields fields(*model, label_ + ": model");
    QN_TRY(const std::string type, fields.string_or("type", "BPE"));
    if (type != "BPE") return unsupported("model.type", (*model)["type"]);
    for (const char* name : {"vocab", "merges"}) {
      const auto member = model->find(name);
      const bool as_expected = member != model->end() &&
                               (name == std::string_view("vocab") ? member->is_object() : member->is_array());
      if (!as_expected) return fields.wrong(name, name == std::string_view("vocab") ? "an object" : "a list");
    }
    for (const char* name : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      QN_TRY(const std::string text, fields.string_or(name, ""));
      if (!text.empty()) return unsupported(std::string("model.") + name, (*model)[name]);
    }
    QN_TRY(const double dropout, fields.number_or("dropout", 0));
    if (dropout != 0) return unsupported("model.dropout", (*model)["dropout"]);
    QN_TRY(const bool byte_fallback, fields.boolean_or("byte_fallback", false));
    if (byte_fallback) return unsupported("model.byte_fallback", (*model)["byte_fallback"]);
    QN_TRY(spec_.ignore_merges, fields.boolean_or("ignore_merges", false));
    QN_TRY(spec_.unk_token, fields.string_or("unk_token", ""));
    return {};
  }

  Status read_normalizer(const Json& json, const std::string& place) {
    if (json.is_null()) return {};
    QN_TRY(const std::string type, type_of(json, place));
    if (type == "NFC") {
      spec_.nfc = true;
      return {};
    }
    if (type != "Sequence") return unsupported(place + ".type", json["type"]);
    return for_each_in(json, "normalizers", place, [this](const Json& item, const std::string& where) {
      return read_normalizer(item, where);
    });
  }

  Status read_pre_tokenizer(const Json& json, const std::string& place) {
    if (json.is_null()) return {};
    QN_TRY(const std::string type, type_of(json, place));
    if (type == "Sequence") {
      return for_each_in(json, "pretokenizers", place, [this](const Json& item, const std::string& where) {
        return read_pre_tokenizer(item, where);
      });
    }
    if (byte_level_)
      return Error(fmt::format("{}: {}: a step after ByteLevel is not supported", label_, place));
    if (type == "ByteLevel") return read_byte_level(json, place);
    if (type == "Split") return read_split(json, place);
    return unsupported(place + ".type", json["type"]);
  }

  Status read_byte_level(const Json& json, const std::string& place) {
    const JsonFields fields(json, label_ + ": " + place);
    QN_TRY(const bool prefix_space, fields.boolean_or("add_prefix_space", true));
    QN_TRY(const bool use_regex, fields.boolean_or("use_regex", true));
    if (prefix_space) spec_.pre_tokenizer.push_back({.kind = PreTokenizerStep::Kind::prefix_space});
    if (use_regex) spec_.pre_tokenizer.push_back({.regex = kByteLevelPattern});
    byte_level_ = true;
    return {};
  }

  Status read_split(const Json& json, const std::string& place) {
    using Behavior = PreTokenizerStep::Behavior;
    static constexpr std::pair<const char*, Behavior> kBehaviors[] = {
        {"Isolated", Behavior::isolated},
        {"Removed", Behavior::removed},
        {"MergedWithPrevious", Behavior::merged_with_previous},
        {"MergedWithNext", Behavior::merged_with_next},
        {"Contiguous", Behavior::contiguous}};
    const JsonFields fields(json, label_ + ": " + place);
    PreTokenizerStep step;
    QN_TRY(const std::string behavior, fields.string("behavior"));
    const auto known = std::find_if(std::begin(kBehaviors), std::end(kBehaviors),
                                    [&](const auto& item) { return behavior == item.first; });
    if (known == std::end(kBehaviors)) return unsupported(place + ".behavior", json["behavior"]);
    step.behavior = known->second;
    QN_TRY(step.invert, fields.boolean_or("invert", false));
    const Json pattern = json.value("pattern", Json());
    if (!pattern.is_object()) return fields.wrong("pattern", "an object with Regex or String");
    const JsonFields pattern_fields(pattern, label_ + ": " + place + ".pattern");
    if (pattern_fields.has("String")) {
      QN_TRY(const std::string text, pattern_fields.string("String"));
      step.regex = literal_pattern(text);
    } else {
      QN_TRY(step.regex, pattern_fields.string("Regex"));
    }
    spec_.pre_tokenizer.push_back(std::move(step));
    return {};
  }

  // Bytes are put back together without asking the decoder, so it must be the one that does just that.
  Status check_decoder(const Json& json, const std::string& place) {
    if (json.is_null()) return {};
    QN_TRY(const std::string type, type_of(json, place));
    if (type == "ByteLevel") return {};
    if (type != "Sequence") return unsupported(place + ".type", json["type"]);
    return for_each_in(json, "decoders", place, [this](const Json& item, const std::string& where) {
      return check_decoder(item, where);
    });
  }

  Status read_added_tokens(const Json& list) {
    if (!list.is_array())
      return Error(fmt::format("{}: added_tokens: a list expected, got {}", label_, shown(list)));
    for (size_t i = 0; i < list.size(); ++i) {
      const std::string place = fmt::format("{}: added_tokens[{}]", label_, i);
      if (!list[i].is_object())
        return Error(fmt::format("{}: an object expected, got {}", place, shown(list[i])));
      const JsonFields fields(list[i], place);
      AddedToken token;
      QN_TRY(const int64_t id, fields.integer("id"));
      if (id < 0 || id >= kMostTokens) return fields.wrong("id", fmt::format("0 to {}", kMostTokens - 1));
      token.id = static_cast<int32_t>(id);
      QN_TRY(token.content, fields.string("content"));
      QN_TRY(token.special, fields.boolean_or("special", false));
      QN_TRY(token.lstrip, fields.boolean_or("lstrip", false));
      QN_TRY(token.rstrip, fields.boolean_or("rstrip", false));
      QN_TRY(token.single_word, fields.boolean_or("single_word", false));
      QN_TRY(token.normalized, fields.boolean_or("normalized", false));
      spec_.added_tokens.push_back(std::move(token));
    }
    return {};
  }

  Result<std::string> type_of(const Json& json, const std::string& place) const {
    if (!json.is_object())
      return Error(fmt::format("{}: {}: an object expected, got {}", label_, place, shown(json)));
    return JsonFields(json, label_ + ": " + place).string("type");
  }

  template <class Each>
  Status for_each_in(const Json& json, const char* name, const std::string& place, Each&& each) const {
    const auto list = json.find(name);
    if (list == json.end() || !list->is_array()) {
      return Error(fmt::format("{}: {}.{}: a list expected", label_, place, name));
    }
    for (size_t i = 0; i < list->size(); ++i) {
      QN_RETURN_IF_ERROR(each((*list)[i], fmt::format("{}.{}[{}]", place, name, i)));
    }
    return {};
  }

  Error unsupported(const std::string& place, const Json& value) const {
    return Error(fmt::format("{}: {}: {} is not supported", label_, place, shown(value)));
  }

  TokenizerSpec& spec_;
  const std::string& label_;
  bool byte_level_ = false;
};

}  // namespace

Result<TokenizerSpec> tokenizer_spec_from_json(std::string_view text, const std::string& label) {
  TokenizerSpec spec;
  LargeMembers large(spec, label);
  QN_TRY(const Json root,
         parse_json(text, label, [&large](int depth, Json::parse_event_t event, Json& value) {
           return large.visit(depth, event, value);
         }));
  QN_RETURN_IF_ERROR(SpecReader(spec, label).read(root));  // first, because it knows other kinds of models
  if (large.error()) return *large.error();
  return spec;
}

}  // namespace qnext
