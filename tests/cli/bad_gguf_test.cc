// GGUF files: damaged containers, keys that are absent or of another type, tensors that do not fit.
#include <gtest/gtest.h>

#include "cli/models.h"

namespace qnext {
namespace {

constexpr uint32_t kU32 = 4, kF32 = 6, kBool = 7, kArray = 9;

class BadGguf : public ::testing::Test {
 protected:
  BadGguf() : file_(small_gguf(scratch_, "m.gguf", true)), original_(read_all(file_)) {
    ids_ = scratch_.file("ids.json", "[1, 2]");
  }
  Ran with(const std::string& image, const std::string& command = "inspect") {
    write_all(file_, image);
    if (command == "generate-ids") {
      return qnext({"generate-ids", file_, "--tokens", ids_, "-n", "1", "--backend", "ref"});
    }
    if (command == "quantize")
      return qnext({"quantize", file_, "-o", scratch_.path("o.gguf"), "--type", "q8_0"});
    return qnext({"inspect", file_});
  }
  // The file with another name in the place of a key: as long, so that nothing else moves.
  std::string without(const std::string& key) {
    std::string image = original_;
    image[gguf_type_of(image, key) - 1] ^= 1;
    return image;
  }
  template <class T>
  std::string changed(const std::string& key, T value) {
    std::string image = original_;
    put(image, gguf_value_of(image, key), value);
    return image;
  }

  Scratch scratch_;
  std::string file_, original_, ids_;
};

TEST_F(BadGguf, Container) {
  expect_error(with(""), 1, {"m.gguf: not a GGUF file"});
  expect_error(with("GGUF"), 1, {"m.gguf: cut short"});
  expect_error(with("PK\3\4 this is a zip"), 1, {"m.gguf: not a GGUF file"});
  std::string image = original_;
  put<uint32_t>(image, 4, 1);
  expect_error(with(image), 1, {"m.gguf: GGUF version 1 is not supported"});
  put<uint32_t>(image, 4, 0x03000000);
  expect_error(with(image), 1, {"big-endian"});
  for (const size_t at : {8, 16}) {
    for (const uint64_t count : {UINT64_MAX, uint64_t{1} << 40, uint64_t{100000}}) {
      image = original_;
      put(image, at, count);
      expect_error(with(image), 1, {"m.gguf: "});
    }
  }
}

TEST_F(BadGguf, CutShort) {
  for (size_t size = 5; size < original_.size(); size += original_.size() / 40) {
    expect_error(with(original_.substr(0, size)), 1, {"m.gguf: "});
  }
}

TEST_F(BadGguf, AbsentKeys) {
  for (const char* key :
       {"general.architecture", "qwen3next.block_count", "qwen3next.embedding_length",
        "qwen3next.context_length", "qwen3next.attention.layer_norm_rms_epsilon",
        "qwen3next.attention.head_count", "qwen3next.attention.head_count_kv",
        "qwen3next.attention.key_length", "qwen3next.rope.dimension_count", "qwen3next.rope.freq_base",
        "qwen3next.ssm.conv_kernel", "qwen3next.ssm.state_size", "qwen3next.ssm.group_count",
        "qwen3next.ssm.time_step_rank", "qwen3next.ssm.inner_size"}) {
    expect_error(with(without(key)), 1, {std::string("m.gguf: key ") + key + ": is missing"});
  }
}

TEST_F(BadGguf, WrongTypes) {
  for (const char* key :
       {"qwen3next.block_count", "qwen3next.attention.head_count", "qwen3next.ssm.state_size"}) {
    std::string image = original_;
    put(image, gguf_type_of(image, key), kF32);
    expect_error(with(image), 1, {std::string("m.gguf: key ") + key + ": an integer is expected"});
    put<uint32_t>(image, gguf_type_of(image, key), 99);
    expect_error(with(image), 1, {std::string("key ") + key, "99"});
    put(image, gguf_type_of(image, key), kArray);
    expect_error(with(image), 1, {"m.gguf: "});
    put(image, gguf_type_of(image, key), kBool);
    expect_error(with(image), 1, {"m.gguf: "});
  }
  std::string image = original_;
  put(image, gguf_type_of(image, "general.architecture"), kU32);
  expect_error(with(image), 1, {"m.gguf: "});
}

TEST_F(BadGguf, ImpossibleValues) {
  for (const char* key :
       {"qwen3next.block_count", "qwen3next.embedding_length", "qwen3next.context_length",
        "qwen3next.attention.head_count", "qwen3next.attention.head_count_kv",
        "qwen3next.attention.key_length", "qwen3next.rope.dimension_count", "qwen3next.ssm.conv_kernel",
        "qwen3next.ssm.state_size", "qwen3next.ssm.group_count", "qwen3next.ssm.time_step_rank",
        "qwen3next.expert_used_count"}) {
    for (const uint32_t value : {uint32_t{0}, UINT32_MAX}) {
      expect_error_or_success(with(changed(key, value), "generate-ids"));
    }
  }
  expect_error(with(changed<uint32_t>("qwen3next.block_count", 0)), 1, {"qwen3next.block_count: 0"});
  expect_error(with(changed<uint32_t>("qwen3next.expert_used_count", 9)), 1, {"9 is more than"});
  expect_error(with(changed<float>("qwen3next.rope.freq_base", 0)), 1, {"rope_theta"});
  expect_error(with(changed<uint32_t>("qwen3next.block_count", 3), "generate-ids"), 1,
               {"m.gguf: tensor blk.2.", "missing"});
  std::string image = original_;
  image.replace(image.find("qwen3next", gguf_value_of(image, "general.architecture")), 9, "qwen9next");
  expect_error(with(image), 1, {"key general.architecture: \"qwen9next\" is not supported"});
}

TEST_F(BadGguf, Tensors) {
  // The first tensor's description: name, rank, extents, type, offset.
  std::string name(8, '\0');
  put<uint64_t>(name, 0, sizeof "token_embd.weight" - 1);
  const size_t at = original_.find(name + "token_embd.weight") + 8 + sizeof "token_embd.weight" - 1;
  const auto tensor = [&](size_t offset, auto value) {
    std::string image = original_;
    put(image, at + offset, value);
    return with(image);
  };
  const std::string what = "m.gguf: tensor token_embd.weight";
  expect_error(tensor(0, uint32_t{9}), 1, {"m.gguf: "});
  expect_error(tensor(4, uint64_t{64}), 1, {"m.gguf: "});
  expect_error(tensor(4, uint64_t{1} << 62), 1, {what});
  expect_error(tensor(4, UINT64_MAX), 1, {what});
  expect_error(tensor(20, uint32_t{77}), 1, {what, "77"});
  expect_error(tensor(24, uint64_t{1} << 60), 1, {what});
  expect_error(tensor(24, uint64_t{1}), 1, {what});
  std::string image = original_;
  image[at - 1] ^= 1;
  expect_error(with(image), 1, {"tensor token_embd.weight is missing"});
}

TEST_F(BadGguf, FlippedBits) {
  uint32_t random = 3;
  const size_t header = original_.find("output_norm.weight") + 200;
  for (int i = 0; i < 150; ++i) {
    random = random * 1664525 + 1013904223;
    std::string image = original_;
    const size_t at = (random >> 8) % (i % 4 == 0 ? image.size() : header);
    image[at] = static_cast<char>(image[at] ^ (1 << (random & 7)));
    expect_error_or_success(with(image, i % 3 == 0 ? "inspect" : i % 3 == 1 ? "generate-ids" : "quantize"));
  }
}

TEST_F(BadGguf, Vocabulary) {
  RunOptions input;
  input.input = "\"hello\"\n";
  const auto tokenize = [&](const std::string& image) {
    write_all(file_, image);
    return qnext({"tokenize", file_}, input);
  };
  EXPECT_EQ(tokenize(original_).code, 0);
  expect_error(tokenize(without("tokenizer.ggml.tokens")), 1, {"m.gguf: the model has no tokenizer"});
  expect_error(tokenize(without("tokenizer.ggml.merges")), 1, {"key tokenizer.ggml.merges"});
  expect_error(tokenize(without("tokenizer.ggml.pre")), 1, {"key tokenizer.ggml.pre"});
  std::string image = original_;
  image[gguf_value_of(image, "tokenizer.ggml.pre") + 8] = 'x';
  expect_error(tokenize(image), 1, {"tokenizer.ggml.pre", "xwen2"});
  image = original_;
  image[gguf_value_of(image, "tokenizer.ggml.model") + 8] = 'x';
  expect_error(tokenize(image), 1, {"tokenizer.ggml.model", "xpt2"});
  image = original_;
  image[gguf_value_of(image, "tokenizer.ggml.merges") + 20] = 'Z';  // of the first merge, "h e"
  expect_error(tokenize(image), 1, {"m.gguf: merge 0", "Z"});
}

TEST_F(BadGguf, SplitFiles) {
  std::string key(8, '\0');
  // A part that has nothing but the keys that say which one it is.
  const std::string split = scratch_.path("s-00001-of-00002.gguf");
  std::string image("GGUF\3\0\0\0\0\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0", 24);
  const auto add = [&](const std::string& name, uint16_t value) {
    put<uint64_t>(key, 0, name.size());
    image += key + name + std::string("\2\0\0\0", 4) + std::string(reinterpret_cast<const char*>(&value), 2);
  };
  add("split.count", 2);
  add("split.no", 0);
  write_all(split, image);
  expect_error(qnext({"inspect", split}), 1, {"s-00002-of-00002.gguf: cannot open"});
  write_all(scratch_.path("s-00002-of-00002.gguf"), image);
  expect_error(qnext({"inspect", split}), 1, {"s-00002-of-00002.gguf: key split.no: 0 where 1 is due"});
  write_all(scratch_.path("other.gguf"), image);
  expect_error(qnext({"inspect", scratch_.path("other.gguf")}), 1, {"split.count", "-00001-of-00002.gguf"});
}

}  // namespace
}  // namespace qnext
