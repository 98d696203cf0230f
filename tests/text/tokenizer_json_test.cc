#include "text/tokenizer_json.h"

#include <gtest/gtest.h>

#include <functional>

#include "text/byte_level.h"
#include "text/support.h"

namespace qnext {
namespace {

using namespace text_tests;

// A whole tokenizer.json: 256 bytes, "ab", "abc" and "<x>".
Json document() {
  Json vocab = Json::object();
  for (int byte = 0; byte < 256; ++byte) {
    vocab[to_byte_level(std::string(1, static_cast<char>(byte)))] = byte;
  }
  vocab["ab"] = 256;
  vocab["abc"] = 257;
  return Json::parse(R"({
    "version": "1.0", "truncation": null, "padding": null,
    "added_tokens": [{"id": 258, "content": "<x>", "single_word": false, "lstrip": false, "rstrip": true,
                      "normalized": false, "special": true}],
    "normalizer": {"type": "NFC"},
    "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
      {"type": "Split", "pattern": {"Regex": "\\s+"}, "behavior": "Isolated", "invert": false},
      {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false}]},
    "post_processor": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false},
    "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "",
              "end_of_word_suffix": "", "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
              "vocab": {}, "merges": [["a", "b"], ["ab", "c"]]}})")
      .patch(Json::array({{{"op", "replace"}, {"path", "/model/vocab"}, {"value", vocab}}}));
}

TokenizerSpec read(const Json& json) {
  auto spec = tokenizer_spec_from_json(json.dump(), "t.json");
  EXPECT_TRUE(spec.ok()) << spec.error().message();
  return spec.ok() ? *spec : TokenizerSpec();
}

// The message, for a document that is changed at one place. It is one line and begins with the label.
std::string error_at(const std::string& pointer, const Json& value) {
  Json json = document();
  if (value.is_discarded()) {
    json = json.patch(Json::array({{{"op", "remove"}, {"path", pointer}}}));
  } else {
    json[Json::json_pointer(pointer)] = value;
  }
  const auto spec = tokenizer_spec_from_json(json.dump(), "t.json");
  if (spec.ok()) return "no error";
  const std::string& message = spec.error().message();
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  EXPECT_EQ(message.rfind("t.json: ", 0), 0u) << message;
  return message.substr(8);
}
std::string error_at(const std::string& pointer, const char* value) {
  return error_at(pointer, Json::parse(value));
}
const Json kRemoved = Json(Json::value_t::discarded);

TEST(TokenizerJson, ReadsEveryField) {
  const TokenizerSpec spec = read(document());
  EXPECT_EQ(spec.vocab.size(), 258u);
  EXPECT_EQ(spec.vocab.back(), (TokenizerSpec::Token{"abc", 257}));
  ASSERT_EQ(spec.merges.size(), 2u);
  EXPECT_EQ(spec.merges[1], std::pair(std::string("ab"), std::string("c")));
  ASSERT_EQ(spec.added_tokens.size(), 1u);
  EXPECT_EQ(spec.added_tokens[0], (AddedToken{.id = 258, .content = "<x>", .special = true, .rstrip = true}));
  EXPECT_TRUE(spec.nfc);
  EXPECT_FALSE(spec.ignore_merges);
  EXPECT_EQ(spec.pre_tokenizer, std::vector<PreTokenizerStep>{{.regex = "\\s+"}});
  EXPECT_EQ(tokens(*make(spec), "abc ab<x> c"), (std::vector<std::string>{"abc", " ", "ab", "<x>", "c"}));
}

TEST(TokenizerJson, MergesMayBePairsOrTexts) {
  Json json = document();
  json["model"]["merges"] = {"a b", "ab c"};
  const TokenizerSpec texts = read(json), pairs = read(document());
  EXPECT_EQ(texts.merges, pairs.merges);
  // A pair may have a space in a token, which the text cannot write.
  json["model"]["merges"] = Json::parse(R"([["a b", "c"]])");
  EXPECT_EQ(read(json).merges[0].first, "a b");
  // Both spellings in one file.
  json["model"]["merges"] = Json::parse(R"(["a b", ["ab", "c"]])");
  EXPECT_EQ(read(json).merges, pairs.merges);
}

TEST(TokenizerJson, FieldsThatMayBeAbsent) {
  Json json = document();
  for (const char* name :
       {"version", "truncation", "padding", "added_tokens", "normalizer", "post_processor", "decoder"}) {
    json.erase(name);
  }
  for (const char* name : {"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
                           "fuse_unk", "byte_fallback", "ignore_merges", "type"}) {
    json["model"].erase(name);
  }
  const TokenizerSpec spec = read(json);
  EXPECT_FALSE(spec.nfc);
  EXPECT_TRUE(spec.added_tokens.empty());
  EXPECT_EQ(spec.vocab.size(), 258u);
}

TEST(TokenizerJson, NormalizerMayBeASequence) {
  Json json = document();
  json["normalizer"] = Json::parse(R"({"type": "Sequence", "normalizers": []})");
  EXPECT_FALSE(read(json).nfc);
  json["normalizer"] = Json::parse(R"({"type": "Sequence", "normalizers": [{"type": "NFC"}]})");
  EXPECT_TRUE(read(json).nfc);
}

TEST(TokenizerJson, ByteLevelAloneBringsItsOwnExpression) {
  Json json = document();
  json["pre_tokenizer"] = {{"type", "ByteLevel"}};
  const TokenizerSpec spec = read(json);
  ASSERT_EQ(spec.pre_tokenizer.size(), 2u);
  EXPECT_EQ(spec.pre_tokenizer[0].kind, PreTokenizerStep::Kind::prefix_space);
  EXPECT_EQ(tokens(*make(spec), "ab'll 12"),
            (std::vector<std::string>{" ", "ab", "'", "l", "l", " ", "1", "2"}));
}

TEST(TokenizerJson, SplitBehaviors) {
  using Behavior = PreTokenizerStep::Behavior;
  const std::pair<const char*, Behavior> names[] = {{"Isolated", Behavior::isolated},
                                                    {"Removed", Behavior::removed},
                                                    {"MergedWithPrevious", Behavior::merged_with_previous},
                                                    {"MergedWithNext", Behavior::merged_with_next},
                                                    {"Contiguous", Behavior::contiguous}};
  for (const auto& [name, behavior] : names) {
    Json json = document();
    Json& split = json["pre_tokenizer"]["pretokenizers"][0];
    split["behavior"] = name;
    split["invert"] = true;
    split["pattern"] = {{"String", "a.b"}};
    const TokenizerSpec spec = read(json);
    EXPECT_EQ(spec.pre_tokenizer[0],
              (PreTokenizerStep{.regex = "a\\.b", .behavior = behavior, .invert = true}));
  }
}

TEST(TokenizerJson, NotADocument) {
  for (const char* text : {"", "[]", "3", "null", "{", "{\"model\": {\"vocab\": {\"a\": 1", "\xff"}) {
    const auto spec = tokenizer_spec_from_json(text, "t.json");
    ASSERT_FALSE(spec.ok()) << text;
    EXPECT_EQ(spec.error().message().rfind("t.json: ", 0), 0u) << spec.error().message();
  }
  EXPECT_EQ(tokenizer_spec_from_json("[]", "t.json").error().message(), "t.json: an object expected");
  EXPECT_EQ(tokenizer_spec_from_json("{}", "t.json").error().message(), "t.json: model: an object expected");
}

TEST(TokenizerJson, ErrorsOfTheModel) {
  EXPECT_EQ(error_at("/model", "[]"), "model: an object expected");
  EXPECT_EQ(error_at("/model/type", "\"Unigram\""), "model.type: \"Unigram\" is not supported");
  EXPECT_EQ(error_at("/model/type", "7"), "model: field type: a string expected, got 7");
  EXPECT_EQ(error_at("/model/dropout", "0.1"), "model.dropout: 0.1 is not supported");
  EXPECT_EQ(error_at("/model/byte_fallback", "true"), "model.byte_fallback: true is not supported");
  EXPECT_EQ(error_at("/model/byte_fallback", "1"),
            "model: field byte_fallback: true or false expected, got 1");
  EXPECT_EQ(error_at("/model/ignore_merges", "\"no\""),
            "model: field ignore_merges: true or false expected, got \"no\"");
  EXPECT_EQ(error_at("/model/unk_token", "0"), "model: field unk_token: a string expected, got 0");
  EXPECT_EQ(error_at("/model/continuing_subword_prefix", "\"##\""),
            "model.continuing_subword_prefix: \"##\" is not supported");
  EXPECT_EQ(error_at("/model/end_of_word_suffix", "\"</w>\""),
            "model.end_of_word_suffix: \"</w>\" is not supported");
  EXPECT_EQ(error_at("/model/vocab", kRemoved), "model: field vocab is missing (an object expected)");
  EXPECT_EQ(error_at("/model/merges", kRemoved), "model: field merges is missing (a list expected)");
  EXPECT_EQ(error_at("/model/vocab", "3"), "model: field vocab: an object expected, got 3");
  EXPECT_EQ(error_at("/model/merges", "\"a b\""), "model: field merges: a list expected, got \"a b\"");
}

// A file of another kind says so, rather than what its lists do not look like.
TEST(TokenizerJson, OtherModelsAreNamed) {
  const char* unigram =
      R"({"model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["a", -1.5]]}})";
  EXPECT_EQ(tokenizer_spec_from_json(unigram, "t.json").error().message(),
            "t.json: model.type: \"Unigram\" is not supported");
  EXPECT_EQ(error_at("/model/vocab", R"([["a", 0]])").substr(0, 36), "model: field vocab: an object expect");
  EXPECT_EQ(error_at("/model/merges", R"({"a": "b"})").substr(0, 36), "model: field merges: a list expected");
}

TEST(TokenizerJson, ErrorsOfTheVocabulary) {
  const std::string expected = "model.vocab: token \"ab\": an id from 0 to 2097151 expected, got ";
  for (const char* wrong : {"-1", "2097152", "1.5", "\"3\"", "null", "true", "18446744073709551615"}) {
    EXPECT_EQ(error_at("/model/vocab/ab", wrong), expected + wrong);
  }
  EXPECT_EQ(error_at("/model/vocab/ab", "[1]"), expected + "a list or object");
  EXPECT_EQ(error_at("/model/vocab/ab", R"({"id": 1})"), expected + "a list or object");
}

TEST(TokenizerJson, ErrorsOfMerges) {
  EXPECT_EQ(error_at("/model/merges/1", "\"abc\""),
            "model.merges[1]: two tokens with one space between expected, got \"abc\"");
  EXPECT_EQ(error_at("/model/merges/1", "\"a b c\""),
            "model.merges[1]: two tokens with one space between expected, got \"a b c\"");
  EXPECT_EQ(error_at("/model/merges/0", "5"), "model.merges[0]: a string expected, got 5");
  EXPECT_EQ(error_at("/model/merges/0", "null"), "model.merges[0]: a string expected, got null");
  EXPECT_EQ(error_at("/model/merges/0", R"(["a"])"), "model.merges[0]: two tokens expected, got 1");
  EXPECT_EQ(error_at("/model/merges/0", R"(["a", "b", "c"])"), "model.merges[0]: two tokens expected, got 3");
  EXPECT_EQ(error_at("/model/merges/0", R"(["a", 7])"), "model.merges[0]: a string expected, got 7");
  EXPECT_EQ(error_at("/model/merges/0", R"([["a"], "b"])"), "model.merges[0]: two tokens expected");
  EXPECT_EQ(error_at("/model/merges/0", R"({"a": "b"})"), "model.merges[0]: two tokens expected");
}

TEST(TokenizerJson, ErrorsOfTheNormalizer) {
  EXPECT_EQ(error_at("/normalizer", "\"NFC\""), "normalizer: an object expected, got \"NFC\"");
  EXPECT_EQ(error_at("/normalizer", "{}"), "normalizer: field type is missing (a string expected)");
  EXPECT_EQ(error_at("/normalizer/type", "\"NFKC\""), "normalizer.type: \"NFKC\" is not supported");
  EXPECT_EQ(error_at("/normalizer", R"({"type": "Sequence"})"), "normalizer.normalizers: a list expected");
  EXPECT_EQ(
      error_at("/normalizer", R"({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Strip"}]})"),
      "normalizer.normalizers[1].type: \"Strip\" is not supported");
}

TEST(TokenizerJson, ErrorsOfThePreTokenizer) {
  const std::string split = "/pre_tokenizer/pretokenizers/0";
  const std::string at = "pre_tokenizer.pretokenizers[0]";
  const char* none = "pre_tokenizer: only tokenizers with a ByteLevel step are supported";
  EXPECT_EQ(error_at("/pre_tokenizer", "null"), none);
  EXPECT_EQ(error_at("/pre_tokenizer", kRemoved), none);
  EXPECT_EQ(error_at("/pre_tokenizer/pretokenizers/1", kRemoved), none);
  EXPECT_EQ(error_at("/pre_tokenizer/pretokenizers", "{}"), "pre_tokenizer.pretokenizers: a list expected");
  EXPECT_EQ(error_at("/pre_tokenizer", "4"), "pre_tokenizer: an object expected, got 4");
  EXPECT_EQ(error_at("/pre_tokenizer/type", "\"Metaspace\""),
            "pre_tokenizer.type: \"Metaspace\" is not supported");
  EXPECT_EQ(error_at("/pre_tokenizer/pretokenizers/2", R"({"type": "Digits", "individual_digits": true})"),
            "pre_tokenizer.pretokenizers[2]: a step after ByteLevel is not supported");
  EXPECT_EQ(error_at("/pre_tokenizer/pretokenizers/1/use_regex", "3"),
            "pre_tokenizer.pretokenizers[1]: field use_regex: true or false expected, got 3");
  EXPECT_EQ(error_at(split + "/behavior", "\"Kept\""), at + ".behavior: \"Kept\" is not supported");
  EXPECT_EQ(error_at(split + "/behavior", kRemoved), at + ": field behavior is missing (a string expected)");
  EXPECT_EQ(error_at(split + "/invert", "0"), at + ": field invert: true or false expected, got 0");
  EXPECT_EQ(error_at(split + "/pattern", kRemoved),
            at + ": field pattern is missing (an object with Regex or String expected)");
  EXPECT_EQ(error_at(split + "/pattern", "\"\\\\s\""),
            at + ": field pattern: an object with Regex or String expected, got \"\\\\s\"");
  EXPECT_EQ(error_at(split + "/pattern", R"({"Glob": "*"})"),
            at + ".pattern: field Regex is missing (a string expected)");
  EXPECT_EQ(error_at(split + "/pattern/Regex", "1"), at + ".pattern: field Regex: a string expected, got 1");
}

TEST(TokenizerJson, ErrorsOfTheDecoder) {
  EXPECT_EQ(error_at("/decoder/type", "\"Metaspace\""), "decoder.type: \"Metaspace\" is not supported");
  EXPECT_EQ(
      error_at("/decoder", R"({"type": "Sequence", "decoders": [{"type": "ByteLevel"}, {"type": "Fuse"}]})"),
      "decoder.decoders[1].type: \"Fuse\" is not supported");
  EXPECT_EQ(error_at("/decoder", R"({"type": "Sequence", "decoders": [{"type": "ByteLevel"}]})"), "no error");
}

TEST(TokenizerJson, ErrorsOfAddedTokens) {
  EXPECT_EQ(error_at("/added_tokens", "{}"), "added_tokens: a list expected, got {}");
  EXPECT_EQ(error_at("/added_tokens/0", "\"<x>\""), "added_tokens[0]: an object expected, got \"<x>\"");
  EXPECT_EQ(error_at("/added_tokens/0/id", "-1"), "added_tokens[0]: field id: 0 to 2097151 expected, got -1");
  EXPECT_EQ(error_at("/added_tokens/0/id", "2097152"),
            "added_tokens[0]: field id: 0 to 2097151 expected, got 2097152");
  EXPECT_EQ(error_at("/added_tokens/0/id", kRemoved),
            "added_tokens[0]: field id is missing (an integer expected)");
  EXPECT_EQ(error_at("/added_tokens/0/content", "null"),
            "added_tokens[0]: field content is missing (a string expected)");
  for (const char* flag : {"special", "lstrip", "rstrip", "single_word", "normalized"}) {
    EXPECT_EQ(error_at(std::string("/added_tokens/0/") + flag, "1"),
              std::string("added_tokens[0]: field ") + flag + ": true or false expected, got 1");
  }
}

}  // namespace
}  // namespace qnext
