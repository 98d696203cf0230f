#include "checkpoint/checkpoint.h"

#include "checkpoint/reading_support.h"

namespace qnext {
namespace {

using namespace reading;

TEST(Checkpoint, OpensAFolder) {
  const Checkpoint c = must(open_checkpoint(kGolden + "tiny"));
  EXPECT_EQ(c.folder, kGolden + "tiny");
  EXPECT_EQ(c.config.hidden_size, 64);
  EXPECT_TRUE(c.has_mtp());
  EXPECT_FALSE(c.generation_config.has_value());
  EXPECT_EQ(c.metadata, nullptr);
  EXPECT_EQ(c.config.eos_tokens, std::vector<int64_t>{0});
}

TEST(Checkpoint, HasMtpOnlyWithItsTensors) {
  const TempFolder folder;
  folder.write("config.json", must(read_file(kGolden + "tiny/config.json")));
  folder.write(
      "model.safetensors",
      safetensors(R"({"model.norm.weight":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}})", "ab"));
  EXPECT_FALSE(must(open_checkpoint(folder.path())).has_mtp());
}

TEST(Checkpoint, GenerationConfigAddsEndTokens) {
  const TempFolder folder;
  folder.write("config.json", must(read_file(kGolden + "tiny/config.json")));
  folder.write("model.safetensors", safetensors("{}", ""));
  folder.write("generation_config.json", R"({"eos_token_id":[7,8],"temperature":0.7})");
  const Checkpoint c = must(open_checkpoint(folder.path()));
  EXPECT_EQ(c.config.eos_tokens, (std::vector<int64_t>{7, 8}));
  EXPECT_EQ((*c.generation_config)["temperature"], 0.7);
  folder.write("generation_config.json", R"({"eos_token_id":[-7]})");
  EXPECT_ERROR_HAS(open_checkpoint(folder.path()), "generation_config.json: field eos_token_id: -7 is not");
  folder.write("generation_config.json", "[]");
  EXPECT_ERROR_HAS(open_checkpoint(folder.path()), "generation_config.json: a JSON object is expected");
  folder.write("generation_config.json", "nonsense");
  EXPECT_ERROR_HAS(open_checkpoint(folder.path()), "generation_config.json: not valid JSON");
}

TEST(Checkpoint, ErrorsNameTheFile) {
  const TempFolder folder;
  EXPECT_ERROR_HAS(open_checkpoint(folder / "gone"), "gone: no such file or folder");
  EXPECT_ERROR_HAS(open_checkpoint(""), "no such file or folder");
  EXPECT_ERROR_HAS(open_checkpoint(folder.path()), "config.json: cannot open");
  EXPECT_ERROR_HAS(open_checkpoint(folder.write("m.gguf", "")), "m.gguf: not a GGUF file");
  EXPECT_ERROR_HAS(open_checkpoint(folder.write("m.safetensors", "")),
                   "give the folder that holds config.json");
  EXPECT_ERROR_HAS(open_checkpoint("/dev/null"), "/dev/null: is not a regular file");
  folder.write("config.json", "");
  EXPECT_ERROR_HAS(open_checkpoint(folder.path()), "config.json: not valid JSON");
  folder.write("config.json", std::string(100000, '['));
  EXPECT_ERROR_HAS(open_checkpoint(folder.path()), "config.json: JSON at byte 200 is nested deeper");
  folder.write("config.json", R"({"model_type":"gpt2","architectures":["GPT2LMHeadModel"]})");
  EXPECT_ERROR_HAS(open_checkpoint(folder.path()),
                   "config.json: field model_type: \"gpt2\" is not supported");
  const TempFolder bare;
  bare.write("config.json", must(read_file(kGolden + "tiny/config.json")));
  EXPECT_ERROR_HAS(open_checkpoint(bare.path()), "holds neither model.safetensors.index.json nor any");
  bare.write("model.safetensors", std::string(100, '\xff'));
  EXPECT_ERROR_HAS(open_checkpoint(bare.path()), "model.safetensors: not a safetensors file, or cut short");
}

TEST(Checkpoint, TruncatedAndFlippedShardsNeverCrash) {
  const TempFolder folder;
  for (const char* name :
       {"config.json", "model.safetensors.index.json", "model-00002-of-00002.safetensors"}) {
    folder.write(name, must(read_file(kGolden + "tiny/" + name)));
  }
  const std::string shard = must(read_file(kGolden + "tiny/model-00001-of-00002.safetensors"));
  const char* name = "model-00001-of-00002.safetensors";
  for (size_t size : {0, 7, 8, 9, 1000, 20000, 600000}) {
    folder.write(name, shard.substr(0, size));
    EXPECT_ERROR_HAS(open_checkpoint(folder.path()), "model-00001-of-00002.safetensors: ") << size;
  }
  folder.write(name, shard);
  EXPECT_TRUE(open_checkpoint(folder.path()).ok());
}

}  // namespace
}  // namespace qnext
