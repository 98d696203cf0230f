#include "train/run/run_checkpoint.h"

#include <sys/mount.h>
#include <sys/resource.h>

#include <csignal>

#include "base/files.h"
#include "base/random.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/manifest.h"
#include "tensor/float_formats.h"
#include "train/data/support.h"
#include "train/run/published_files.h"
#include "train/run/recipe.h"

namespace qnext::train {
namespace {

namespace fs = std::filesystem;

// A tiny model's masters and moments, different at every step.
struct State {
  explicit State(int64_t step) {
    const auto recipe = parse_recipe(R"([model]
hidden_size = 8
num_hidden_layers = 4
num_attention_heads = 2
head_dim = 8
linear_num_key_heads = 1
linear_num_value_heads = 2
linear_key_head_dim = 4
linear_value_head_dim = 4
num_experts = 4
num_experts_per_tok = 2
moe_intermediate_size = 4
shared_expert_intermediate_size = 4
[tokenizer]
path = "t"
[data]
sources = "a"
[train]
steps = 100
[output]
folder = "o"
)",
                                     "r.toml");
    QN_CHECK(recipe.ok(), recipe.error().message());
    config = *recipe->model_config(20, {3});
    checkpoint.standing = {step, 5, "fingerprint", recipe->essence()};
    checkpoint.config = published_config(config, recipe->initializer_range);
    checkpoint.files = {{"tokenizer.json", "{}"}};
    for (const NamedShape& shape : published_tensors(config, true)) {
      values.emplace_back(static_cast<size_t>(shape.shape.elements()));
      for (size_t i = 0; i < values.back().size(); ++i) {
        values.back()[i] =
            static_cast<float>(random_unit(static_cast<uint64_t>(step), values.size(), i)) - 0.5f;
      }
      const std::vector<size_t> dims(shape.shape.dims().begin(), shape.shape.dims().end());
      checkpoint.weights.push_back({shape.name, dims, values.back()});
      checkpoint.moments.push_back({"m." + shape.name, dims, values.back()});
    }
  }
  // Where the state is read back to.
  std::vector<StateTarget> targets(const std::vector<StateTensor>& like,
                                   std::vector<std::vector<float>>& room) const {
    std::vector<StateTarget> out;
    room.reserve(like.size());
    for (const StateTensor& tensor : like) {
      room.emplace_back(tensor.values.size());
      out.push_back({tensor.name, tensor.shape, room.back()});
    }
    return out;
  }
  ModelConfig config;
  std::vector<std::vector<float>> values;
  RunCheckpoint checkpoint;
};

class RunCheckpointTest : public test::FolderTest {
 protected:
  std::string out() const { return folder_.string(); }
  void save(int64_t step, int64_t keep = 9) {
    const State state(step);
    const Status status = write_run_checkpoint(out(), state.checkpoint, keep);
    ASSERT_TRUE(status.ok()) << status.error().message();
  }
  std::vector<int64_t> steps() const {
    std::vector<int64_t> found;
    for (const auto& [step, folder] : run_checkpoints(out())) found.push_back(step);
    return found;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder_))
      found.push_back(entry.path().filename().string());
    std::sort(found.begin(), found.end());
    return found;
  }
  int64_t newest() {
    warnings_.clear();
    const auto saved = open_newest(out(), [&](const std::string& text) { warnings_.push_back(text); });
    if (!saved.ok()) return -2;
    return *saved ? (*saved)->standing().step : -1;
  }
  std::vector<std::string> warnings_;
};

TEST_F(RunCheckpointTest, GivesBackTheSameBits) {
  save(123);
  EXPECT_EQ(names(), (std::vector<std::string>{"step-000123"}));
  const auto saved = SavedRun::open(path("step-000123"));
  ASSERT_TRUE(saved.ok()) << saved.error().message();
  const State state(123);
  EXPECT_EQ(saved->standing().step, 123);
  EXPECT_EQ(saved->standing().seed, 5u);
  EXPECT_EQ(saved->standing().data, "fingerprint");
  EXPECT_TRUE(same_essence(state.checkpoint.standing.recipe, saved->standing().recipe, 3, "x").ok());
  std::vector<std::vector<float>> masters, moments;
  const auto weights = state.targets(state.checkpoint.weights, masters);
  const auto rest = state.targets(state.checkpoint.moments, moments);
  const Status restored = saved->restore(weights, rest);
  ASSERT_TRUE(restored.ok()) << restored.error().message();
  EXPECT_EQ(masters, state.values);
  EXPECT_EQ(moments, state.values);
}

TEST_F(RunCheckpointTest, IsACheckpointInThePublishedLayout) {
  save(7);
  const auto opened = open_checkpoint(path("step-000007"));
  ASSERT_TRUE(opened.ok()) << opened.error().message();
  const State state(7);
  EXPECT_EQ(opened->config, state.config);
  EXPECT_TRUE(opened->has_mtp());
  ASSERT_EQ(opened->tensors->entries().size(), state.values.size());
  const auto tensor = opened->tensors->load(state.checkpoint.weights[3].name);
  ASSERT_EQ(tensor->dtype, DType::kBF16);
  const auto* bits = reinterpret_cast<const uint16_t*>(tensor->data);
  for (size_t i = 0; i < state.values[3].size(); ++i) EXPECT_EQ(bits[i], float_to_bf16(state.values[3][i]));
  EXPECT_EQ(*read_file(path("step-000007/tokenizer.json")), "{}");
}

TEST_F(RunCheckpointTest, KeepsTheNewest) {
  for (const int64_t step : {10, 20, 30, 40}) save(step, 2);
  EXPECT_EQ(steps(), (std::vector<int64_t>{30, 40}));
  save(25, 3);  // of a run that went back: what came later is of no more use
  EXPECT_EQ(steps(), (std::vector<int64_t>{25}));
  save(25, 3);
  EXPECT_EQ(newest(), 25);
  EXPECT_EQ(names().size(), 1u);
}

TEST_F(RunCheckpointTest, ADamagedOneIsLeftOut) {
  save(1);
  save(2);
  save(3);
  const std::string file = path("step-000003/training_state.safetensors");
  std::string bytes = *read_file(file);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 4);
  std::ofstream(file, std::ios::binary) << bytes;
  EXPECT_EQ(newest(), 2);
  ASSERT_EQ(warnings_.size(), 1u);
  EXPECT_EQ(warnings_[0],
            file + ": has changed since it was written (another checksum); this checkpoint is left out");
  fs::resize_file(path("step-000002/model.safetensors"), 100);
  EXPECT_EQ(newest(), 1);
  EXPECT_EQ(warnings_.size(), 2u);
  EXPECT_NE(warnings_[1].find("model.safetensors: 100 bytes, and "), std::string::npos);
  std::ofstream(path("step-000001/training_state.json")) << "{";
  EXPECT_EQ(newest(), -2);
  EXPECT_EQ(warnings_.size(), 3u);
}

TEST_F(RunCheckpointTest, OfMissingFilesAndForeignFoldersNoneIsTaken) {
  EXPECT_EQ(newest(), -1);
  fs::create_directories(path("step-x"));
  fs::create_directories(path("step-000009.part"));
  EXPECT_EQ(newest(), -1);
  save(1);
  fs::create_directories(path("step-000005"));
  EXPECT_EQ(newest(), 1);
  EXPECT_EQ(warnings_.size(), 1u);
  fs::copy(path("step-000001"), path("step-000004"), fs::copy_options::recursive);
  EXPECT_EQ(newest(), 1);
  EXPECT_EQ(run_checkpoints(path("none")).size(), 0u);
}

TEST_F(RunCheckpointTest, RestoreWantsEveryNameAndShape) {
  save(1);
  const auto saved = SavedRun::open(path("step-000001"));
  const State state(1);
  std::vector<std::vector<float>> masters, moments;
  auto weights = state.targets(state.checkpoint.weights, masters);
  auto rest = state.targets(state.checkpoint.moments, moments);
  const auto message = [&] { return saved->restore(weights, rest).error().message(); };
  const StateTarget last = rest.back();
  rest.pop_back();
  EXPECT_NE(message().find("tensors, where "), std::string::npos);
  rest.push_back(last);
  rest.back().name = "other";
  EXPECT_NE(message().find("tensor optimizer.other: missing"), std::string::npos);
  rest.back() = last;
  weights[0].shape.push_back(1);
  EXPECT_NE(message().find("is expected"), std::string::npos);
}

TEST_F(RunCheckpointTest, AFailedWriteLeavesTheLastOne) {
  save(1, 1);
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit tight{4096, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &tight);
  const State state(2);
  const Status status = write_run_checkpoint(out(), state.checkpoint, 1);
  setrlimit(RLIMIT_FSIZE, &before);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message().find("step-000002 is not written: "), std::string::npos);
  EXPECT_NE(status.error().message().find("cannot write: File too large"), std::string::npos);
  EXPECT_EQ(names(), (std::vector<std::string>{"step-000001"}));
  EXPECT_EQ(newest(), 1);
}

TEST_F(RunCheckpointTest, AFullDiskLeavesTheLastOne) {
  const State first(1);
  ASSERT_TRUE(write_run_checkpoint(out(), first.checkpoint, 1).ok());
  int64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
    if (entry.is_regular_file()) bytes += static_cast<int64_t>(entry.file_size());
  }
  fs::remove_all(path("step-000001"));
  const std::string size = "size=" + std::to_string(bytes * 3 / 2 / 4096 * 4096);
  if (::mount("qnext-test", out().c_str(), "tmpfs", 0, size.c_str()) != 0)
    GTEST_SKIP() << "cannot mount a tmpfs";
  save(1, 1);
  const State second(2);
  const Status status = write_run_checkpoint(out(), second.checkpoint, 1);
  EXPECT_EQ(names(), (std::vector<std::string>{"step-000001"}));
  EXPECT_EQ(newest(), 1);
  ::umount(out().c_str());
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message().find("No space left on device"), std::string::npos)
      << status.error().message();
}

TEST_F(RunCheckpointTest, OnlyTheSameRunGoesOn) {
  const Standing saved = State(5).checkpoint.standing;
  Standing now = saved;
  now.step = 0;
  EXPECT_TRUE(same_run(now, saved, "f").ok());
  now.data = "other";
  EXPECT_EQ(same_run(now, saved, "f").error().message(),
            "the data, the tokenizer or how the data is held out is another than in f");
  now.recipe["train"]["lr"] = 5;
  EXPECT_EQ(same_run(now, saved, "f").error().message(), "field train.lr: 5, and 0.001 in f");
}

TEST_F(RunCheckpointTest, ARunHoldsItsFolder) {
  fs::create_directories(path("run/step-000003.part"));
  std::ofstream(path("run/step-000003.part/model.safetensors")) << "half";
  auto first = RunLock::take(path("run"));
  ASSERT_TRUE(first.ok()) << first.error().message();
  EXPECT_FALSE(fs::exists(path("run/step-000003.part")));
  EXPECT_EQ(RunLock::take(path("run")).error().message(),
            path("run") + ": another run is writing to this folder");
  first->reset();
  EXPECT_TRUE(RunLock::take(path("run")).ok());
  write("file", "x");
  EXPECT_FALSE(RunLock::take(path("file")).ok());
}

TEST_F(RunCheckpointTest, FilesOfTheTokenizerAreTakenAsTheyAre) {
  const State state(1);
  EXPECT_NE(published_files(out(), state.config, false).error().message().find("tokenizer.json"),
            std::string::npos);
  write("tokenizer.json", "{ }");
  write("chat_template.jinja", "{{ x }}");
  const auto files = published_files(out(), state.config, false);
  ASSERT_TRUE(files.ok());
  ASSERT_EQ(files->size(), 3u);
  EXPECT_EQ((*files)[0].second, "{ }");
  EXPECT_EQ((*files)[1].first, "chat_template.jinja");
  const auto generation = parse_json((*files)[2].second, "g");
  EXPECT_EQ((*generation)["eos_token_id"], Json::array({3}));
}

}  // namespace
}  // namespace qnext::train
