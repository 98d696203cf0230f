// Where results go: files that appear only when whole, full disks, folders that cannot be written,
// interruptions.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "cli/models.h"

namespace qnext {
namespace {

namespace fs = std::filesystem;

// Unmounts at the end.
struct SmallDisk {
  explicit SmallDisk(const std::string& where, const char* size) : path(where) {
    fs::create_directory(path);
    mounted = ::mount("none", path.c_str(), "tmpfs", 0, size) == 0;
  }
  ~SmallDisk() {
    if (mounted) ::umount(path.c_str());
  }
  std::string path;
  bool mounted = false;
};

TEST(Output, CannotBeWritten) {
  const Scratch scratch;
  const std::string ids = scratch.file("ids.json", "[1, 2]");
  const std::string none = scratch.path("none/out"), folder = scratch.path("folder");
  fs::create_directory(folder);
  for (const std::string& out : {none, folder}) {
    expect_error(qnext({"convert", tiny(), "-o", out}), 1, {out + ": cannot write"});
    expect_error(qnext({"logits", tiny(), "--tokens", ids, "-o", out}), 1, {out + ": cannot write"});
  }
  expect_error(qnext({"synth", tiny() + "/config.json", "-o", ids}), 1, {"ids.json: cannot make the folder"});
  EXPECT_EQ(scratch.names(), (std::vector<std::string>{"folder", "ids.json"}));
}

TEST(Output, ReadOnlyFolder) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write anywhere";
  const Scratch scratch;
  fs::create_directory(scratch.path("folder"));
  ::chmod(scratch.path("folder").c_str(), 0500);
  expect_error(qnext({"convert", tiny(), "-o", scratch.path("folder/out")}), 1,
               {"cannot write: Permission denied"});
}

TEST(Output, FullDevice) {
  const Scratch scratch;
  const std::string ids = scratch.file("ids.json", "[1, 2]");
  RunOptions full;
  full.stdout_path = "/dev/full";
  const std::vector<std::vector<std::string>> all = {
      {"inspect", tiny()},
      {"inspect", tiny(), "--json"},
      {"generate-ids", tiny(), "--tokens", ids, "-n", "1", "--json"},
      {"perplexity", tiny(), "--tokens", ids},
      {"bench", tiny(), "--prompt", "4", "--generate", "0", "--repeat", "1"},
      {"--help"},
      {"--version"}};
  for (const auto& arguments : all) {
    expect_error(qnext(arguments, full), 1, {"standard output: cannot write: No space left on device"});
  }
  // A device stays what it is.
  expect_error(qnext({"convert", tiny(), "-o", "/dev/full"}), 1, {"/dev/full: cannot write: No space left"});
  expect_error(qnext({"logits", tiny(), "--tokens", ids, "-o", "/dev/full"}), 1, {"/dev/full: cannot write"});
  EXPECT_EQ(qnext({"convert", tiny(), "-o", "/dev/null"}).code, 0);
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST(Output, LinkStaysALink) {
  const Scratch scratch;
  const std::string file = scratch.file("o.gguf", "old"), link = scratch.path("link");
  fs::create_symlink(file, link);
  EXPECT_EQ(qnext({"convert", tiny(), "-o", link}).code, 0);
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(read_all(file).substr(0, 4), "GGUF");
  fs::remove(file);
  EXPECT_EQ(qnext({"convert", tiny(), "-o", link}).code, 0);  // a link to nothing is replaced
  EXPECT_EQ(read_all(link).substr(0, 4), "GGUF");
}

TEST(Output, FullDisk) {
  const Scratch scratch;
  const SmallDisk disk(scratch.path("disk"), "size=256k");
  if (!disk.mounted) GTEST_SKIP() << "needs the right to mount";
  const std::string ids = scratch.file("ids.json", dump_json(Json(std::vector<int>(600, 7))));
  expect_error(qnext({"convert", tiny(), "-o", disk.path + "/o.gguf"}), 1,
               {"o.gguf: cannot write: No space left"});
  expect_error(qnext({"synth", tiny() + "/config.json", "-o", disk.path + "/folder"}), 1,
               {"safetensors: cannot write: No space left"});
  expect_error(qnext({"logits", tiny(), "--tokens", ids, "-o", disk.path + "/o"}), 1,
               {"cannot write: No space left"});
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(disk.path)) files += entry.is_regular_file();
  EXPECT_EQ(files, 0);
}

TEST(Output, IsNotTheInput) {
  const Scratch scratch;
  const std::string model = small_model(scratch, "m", true), gguf = scratch.path("m.gguf");
  ASSERT_EQ(qnext({"convert", model, "-o", gguf}).code, 0);
  const std::string before = read_all(gguf), ids = scratch.file("ids.json", "[1, 2]");
  const auto refused = [](const Ran& ran) { expect_error(ran, 1, {"to read; give another"}); };
  refused(qnext({"quantize", gguf, "-o", gguf}));
  refused(qnext({"quantize", gguf, "-o",
                 scratch.path("../") + fs::path(gguf).parent_path().filename().string() + "/m.gguf"}));
  refused(qnext({"convert", model, "-o", weights_of(model)}));
  refused(qnext({"convert", model, "-o", model + "/config.json"}));
  refused(qnext({"convert", "synth:" + model + "/config.json", "-o", model + "/config.json"}));
  refused(qnext({"synth", model + "/config.json", "-o", model}));
  refused(qnext({"logits", gguf, "--tokens", ids, "-o", gguf}));
  refused(qnext({"logits", gguf, "--tokens", ids, "-o", ids}));
  EXPECT_EQ(read_all(gguf), before);
  EXPECT_EQ(qnext({"convert", model, "-o", gguf, "--type", "f32"}).code, 0);  // another file is replaced
  EXPECT_NE(read_all(gguf), before);
}

// A model that takes seconds to write, so that there is time to interrupt.
std::string large_config(const Scratch& scratch) {
  Json config = small_config();
  config["hidden_size"] = 512;
  config["num_hidden_layers"] = 8;
  config["num_experts"] = 256;
  config["moe_intermediate_size"] = 256;
  config["mlp_only_layers"] = Json::array();
  config["max_position_embeddings"] = 100000;
  return scratch.file("config.json", dump_json(config));
}

struct Command {
  const char* name;
  std::vector<std::string> arguments;
  std::string output, beginning;  // what appears when whole, and the beginning of a temporary file's path
};

std::vector<Command> long_commands(const Scratch& scratch) {
  const std::string config = large_config(scratch), synth = "synth:" + config;
  const std::string gguf = scratch.path("o.gguf"), folder = scratch.path("folder"),
                    logits = scratch.path("o.st");
  const std::string ids = scratch.file("ids.json", dump_json(Json(std::vector<int>(20000, 7))));
  return {{"convert", {"convert", synth, "-o", gguf, "--type", "q4_0"}, gguf, gguf + "."},
          {"quantize", {"quantize", synth, "-o", gguf, "--type", "q4_0"}, gguf, gguf + "."},
          {"synth", {"synth", config, "-o", folder}, folder + "/config.json", folder + "/model-"},
          {"logits",
           {"logits", "synth:" + tiny() + "/config.json", "--tokens", ids, "-o", logits},
           logits,
           logits + "."}};
}

class Interrupted : public ::testing::TestWithParam<int> {};

TEST_P(Interrupted, LeavesNoHalfFile) {
  const Scratch scratch;
  std::vector<Command> commands = long_commands(scratch);
  for (Command& command : commands) {
    if (std::string(command.name) == "logits") {  // more tokens than the published context
      Json config = *parse_json(read_all(tiny() + "/config.json"), "tiny");
      config["max_position_embeddings"] = 100000;
      command.arguments[1] = "synth:" + scratch.file("tiny.json", dump_json(config));
    }
    RunOptions options;
    options.signal = GetParam();
    options.signal_when_file = command.beginning;
    const Ran ran = qnext(command.arguments, options);
    EXPECT_EQ(ran.code, GetParam() == SIGKILL ? 128 + SIGKILL : 130) << command.name << ": " << ran.err;
    EXPECT_EQ(ran.out + ran.err, "") << command.name;
    EXPECT_FALSE(fs::exists(command.output)) << command.name;
    int left = 0;
    for (const auto& entry : fs::recursive_directory_iterator(scratch.path(""))) {
      left += entry.path().string().ends_with(".part");
    }
    if (GetParam() != SIGKILL) {
      EXPECT_EQ(left, 0) << command.name;
    }
  }
  // What a killed run left behind is in no later run's way.
  EXPECT_EQ(qnext({"convert", tiny(), "-o", scratch.path("o.gguf")}).code, 0);
  EXPECT_EQ(qnext({"inspect", scratch.path("o.gguf")}).code, 0);
  EXPECT_EQ(qnext({"synth", tiny() + "/config.json", "-o", scratch.path("folder")}).code, 0);
  EXPECT_EQ(qnext({"inspect", scratch.path("folder")}).code, 0);
}

INSTANTIATE_TEST_SUITE_P(
    By, Interrupted, ::testing::Values(SIGINT, SIGTERM, SIGKILL), [](const auto& signal) {
      return std::string(signal.param == SIGINT ? "SIGINT" : signal.param == SIGTERM ? "SIGTERM" : "SIGKILL");
    });

// The first interruption of an answer ends it and prints what there is.
TEST(Interrupt, EndsAnAnswer) {
  const Scratch scratch;
  const std::string model = small_model(scratch, "m", true);
  Json config = small_config();
  config["max_position_embeddings"] = 1000000;
  write_json(model + "/config.json", config);
  RunOptions options;
  options.signal = SIGINT;
  options.signal_when_file = scratch.path("ids.json");  // at once, but a run of a million tokens is not over
  const std::string ids = scratch.file("ids.json", "[1, 2, 3]");
  const Ran ran = qnext({"generate-ids", model, "--tokens", ids, "--ignore-eos", "--json"}, options);
  EXPECT_EQ(ran.code, 130) << ran.err;
}

}  // namespace
}  // namespace qnext
