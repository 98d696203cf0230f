// A folder for the files of a test, and a tokenizer of bytes with the special tokens of ChatML.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "text/byte_level.h"
#include "text/tokenizer.h"
#include "train/data/encode.h"

namespace qnext::train::test {

inline constexpr int32_t kEndOfText = 256, kTurn = 257, kEndOfTurn = 258;

// Ids 0 to 255 are the bytes; `more` tokens of no use follow, to make the vocabulary larger.
inline std::shared_ptr<const Tokenizer> byte_tokenizer(int32_t more = 0) {
  TokenizerSpec spec;
  for (int byte = 0; byte < 256; ++byte) {
    spec.vocab.push_back({to_byte_level(std::string(1, static_cast<char>(byte))), byte});
  }
  spec.pre_tokenizer.push_back({.regex = R"(\s+|\S+)"});
  spec.added_tokens.push_back({.id = kEndOfText, .content = "<|endoftext|>", .special = true});
  spec.added_tokens.push_back({.id = kTurn, .content = "<|im_start|>", .special = true});
  spec.added_tokens.push_back({.id = kEndOfTurn, .content = "<|im_end|>", .special = true});
  spec.vocab_size = 259 + more;
  auto made = Tokenizer::create(spec, "test");
  QN_CHECK(made.ok(), made.error().message());
  return *made;
}

inline TextFormat byte_format(int32_t more = 0) {
  TextFormat format;
  format.tokenizer = byte_tokenizer(more);
  format.end_of_text = kEndOfText;
  format.end_of_turn = {kEndOfTurn};
  return format;
}

class FolderTest : public testing::Test {
 protected:
  FolderTest() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::temp_directory_path() /
              (std::string("qnext_") + test->test_suite_name() + test->name() + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  ~FolderTest() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }
  std::filesystem::path folder_;
};

}  // namespace qnext::train::test
