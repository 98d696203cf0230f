// `qnext finetune`, `qnext merge` and --lora.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "cli/models.h"

namespace qnext {
namespace {

constexpr const char* kSteps =
    "steps = 12\nlr = 0.01\nsequence_length = 64\nbatch_tokens = 128\nmicro_tokens = 64\n";

class Finetune : public ::testing::Test {
 protected:
  Finetune() : base_(small_model(scratch_, "base", true)) {
    std::string talk;
    for (int i = 0; i < 40; ++i) {
      const std::string n = std::to_string(i);
      talk += R"({"messages": [{"role": "user", "content": "Say )" + n +
              R"(."}, {"role": "assistant", "content": "Here it is: )" + n + "\"}]}\n";
    }
    scratch_.file("talk.jsonl", talk);
    scratch_.file("ids.json", "[5, 6, 7, 40, 41, 42]");
  }
  Ran finetune(const std::string& folder, const std::string& lora = "[lora]\nrank = 4\n",
               const std::string& train = kSteps, const RunOptions& options = {}) {
    const std::string recipe = "[base]\npath = \"base\"\n" + lora +
                               "[data]\nsources = [\"talk.jsonl\"]\nheld_out = 0.1\n[train]\n" + train +
                               "[output]\nfolder = \"" + folder + "\"\ncheckpoint_every = 4\n";
    return qnext({"finetune", scratch_.file(folder + ".toml", recipe), "-t", "2"}, options);
  }
  std::string logits(const std::string& model, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments{"logits", model,          "--tokens",  path("ids.json"),
                                       "-o",     path("logits"), "--backend", "ref"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ran ran = qnext(arguments);
    EXPECT_EQ(ran.code, 0) << ran.err;
    return read_all(path("logits"));
  }
  std::string path(const std::string& name) const { return scratch_.path(name); }

  Scratch scratch_;
  const std::string base_;
};

double last_loss(const std::string& log) {
  double last = 0;
  for (size_t at = 0; at < log.size(); at = log.find('\n', at) + 1) {
    const Json line = Json::parse(log.substr(at, log.find('\n', at) - at));
    if (line.contains("cross_entropy")) last = line["cross_entropy"];
  }
  return last;
}

double first_loss(const std::string& log) {
  return Json::parse(log.substr(0, log.find('\n')))["cross_entropy"];
}

TEST_F(Finetune, AnAdapterChangesTheModelAsItsMergedWeightsDo) {
  const Ran ran = finetune("out");
  ASSERT_EQ(ran.code, 0) << ran.err;
  const std::string log = read_all(path("out/log.jsonl")), adapter = path("out/step-000012");
  EXPECT_LT(last_loss(log), first_loss(log) - 0.05);
  EXPECT_FALSE(std::filesystem::exists(adapter + "/model.safetensors"));
  const Json config = Json::parse(read_all(adapter + "/adapter_config.json"));
  EXPECT_EQ(config["peft_type"], "LORA");
  EXPECT_EQ(config["r"], 4);
  EXPECT_EQ(config["lora_alpha"], 8);

  const Ran merged = qnext({"merge", base_, "--lora", adapter, "-o", path("merged")});
  ASSERT_EQ(merged.code, 0) << merged.err;
  const std::string with = logits(base_, {"--lora", adapter});
  EXPECT_EQ(with, logits(path("merged")));
  EXPECT_NE(with, logits(base_));
  const Ran answer =
      qnext({"generate-ids", base_, "--lora", adapter, "--tokens", path("ids.json"), "-n", "4"});
  EXPECT_EQ(answer.code, 0) << answer.err;
}

// The same weights: what is trained beside one of them goes with the other.
TEST_F(Finetune, AGgufFileTakesAdaptersAndIsTrained) {
  ASSERT_EQ(finetune("out").code, 0);
  const std::string gguf = small_gguf(scratch_, "g.gguf", true), adapter = path("out/step-000012");
  const auto answer = [&](const std::string& model, const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"generate-ids", model,    "--tokens", path("ids.json"), "-n",
                                       "12",           "--temp", "0",        "--ignore-eos"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ran ran = qnext(arguments);
    EXPECT_EQ(ran.code, 0) << ran.err;
    return ran.out;
  };
  EXPECT_EQ(answer(gguf, {"--lora", adapter}), answer(base_, {"--lora", adapter}));
  EXPECT_NE(answer(gguf, {"--lora", adapter}), answer(gguf, {}));
  const std::string recipe =
      "[base]\npath = \"g.gguf\"\n[tokenizer]\npath = \"base\"\n[data]\nsources = "
      "[\"talk.jsonl\"]\nheld_out = 0.1\n[train]\n" +
      std::string(kSteps) + "[output]\nfolder = \"from-gguf\"\n";
  const Ran ran = qnext({"finetune", scratch_.file("g.toml", recipe)});
  ASSERT_EQ(ran.code, 0) << ran.err;
  ASSERT_EQ(finetune("all", "").code, 0);
  const double one = first_loss(read_all(path("from-gguf/log.jsonl"))),
               other = first_loss(read_all(path("all/log.jsonl")));
  EXPECT_NEAR(one, other, 1e-4 * other);
}

TEST_F(Finetune, WithoutAnAdapterAllWeightsAreTrained) {
  const Ran ran = finetune("out", "");
  ASSERT_EQ(ran.code, 0) << ran.err;
  const std::string log = read_all(path("out/log.jsonl"));
  EXPECT_LT(last_loss(log), first_loss(log) - 0.05);
  EXPECT_NE(logits(path("out/step-000012")), logits(base_));
  EXPECT_EQ(read_all(path("out/step-000012/generation_config.json")),
            read_all(base_ + "/generation_config.json"));
}

TEST_F(Finetune, KilledRunsGoOnToTheSameBits) {
  ASSERT_EQ(finetune("whole").code, 0);
  RunOptions kill;
  kill.signal = 9;
  for (const char* moment : {"killed/log.jsonl", "killed/step-000004", "killed/step-000008"}) {
    kill.signal_when_file = path(moment);
    finetune("killed", "[lora]\nrank = 4\n", kSteps, kill);
  }
  const Ran ran = finetune("killed");
  ASSERT_EQ(ran.code, 0) << ran.err;
  for (const char* name :
       {"log.jsonl", "step-000012/adapter_model.safetensors", "step-000012/training_state.safetensors"}) {
    EXPECT_EQ(read_all(path("whole/" + std::string(name))), read_all(path("killed/" + std::string(name))))
        << name;
  }
  std::string weights = read_all(weights_of(base_));
  weights.back() = static_cast<char>(weights.back() ^ 1);
  write_all(weights_of(base_), weights);
  expect_error(finetune("killed"), 1, {"the weights of the base are others"});
}

TEST_F(Finetune, WrongRecipesSayWhatIsWrong) {
  const auto wrong = [&](const std::string& lora, const std::vector<std::string>& parts) {
    expect_error(finetune("wrong", lora), 1, parts);
  };
  wrong("[lora]\nrank = 0\n", {"wrong.toml:", "lora.rank", "0"});
  wrong("[lora]\nranks = 4\n", {"lora.ranks", "unknown"});
  wrong("[lora]\ntarget_modules = [\"x_proj\"]\n", {"lora.target_modules", "x_proj"});
  wrong("[lora]\ntarget_modules = []\n", {"lora.target_modules", "empty"});
  wrong("[model]\nhidden_size = 32\n", {"field model", "[base]"});
  wrong("[tokenizer]\nvocab_size = 300\n", {"field tokenizer", "[base]"});
  const auto recipe = [&](const std::string& text) {
    return scratch_.file("other.toml", text +
                                           "[data]\nsources = [\"talk.jsonl\"]\n[train]\nsteps = "
                                           "1\nsequence_length = 64\n[output]\nfolder = \"o\"\n");
  };
  expect_error(qnext({"finetune", recipe("[tokenizer]\nvocab_size = 300\n")}), 1, {"other.toml: field base"});
  expect_error(qnext({"train", recipe("[base]\npath = \"base\"\n")}), 1,
               {"other.toml: field base", "finetune"});
  expect_error(qnext({"train", recipe("[lora]\nrank = 2\n[tokenizer]\nvocab_size = 300\n")}), 1,
               {"field lora", "[base]"});
  expect_error(qnext({"finetune", recipe("[base]\npath = \"nothing\"\n")}), 1, {"base.path", "nothing"});
  small_gguf(scratch_, "g.gguf", true);
  expect_error(qnext({"finetune", recipe("[base]\npath = \"g.gguf\"\n")}), 1,
               {"tokenizer.path", "g.gguf is GGUF"});
}

TEST_F(Finetune, WrongAdaptersSayWhatIsWrong) {
  ASSERT_EQ(finetune("out").code, 0);
  const std::string adapter = path("out/step-000012"), config = adapter + "/adapter_config.json",
                    weights = adapter + "/adapter_model.safetensors";
  const auto run = [&](const std::string& model) {
    return qnext({"generate-ids", model, "--lora", adapter, "--tokens", path("ids.json"), "-n", "1"});
  };
  const std::string good = read_all(config), values = read_all(weights);
  const auto wrong_field = [&](const char* name, const Json& value, const std::vector<std::string>& parts) {
    Json changed = Json::parse(good);
    changed[name] = value;
    write_json(config, changed);
    expect_error(run(base_), 1, parts);
    write_all(config, good);
  };
  wrong_field("peft_type", "IA3", {"adapter_config.json: field peft_type", "IA3"});
  wrong_field("use_dora", true, {"adapter_config.json: field use_dora"});
  wrong_field("lora_alpha", "x", {"adapter_config.json: field lora_alpha"});
  wrong_field("alpha_pattern", {{"q_.*", 3}}, {"adapter_config.json: field alpha_pattern"});
  const auto wrong_weights = [&](const std::function<void(Json&)>& edit,
                                 const std::vector<std::string>& parts) {
    edit_header(weights, edit);
    expect_error(run(base_), 1, parts);
    write_all(weights, values);
  };
  const auto renamed = [](const std::string& from, const std::string& to) {
    return [=](Json& header) {
      Json changed = Json::object();
      for (const auto& [name, value] : header.items()) {
        const size_t at = name.find(from);
        changed[at == name.npos ? name : std::string(name).replace(at, from.size(), to)] = value;
      }
      header = changed;
    };
  };
  wrong_weights(renamed("layers.0.", "layers.77."), {"adapter_model.safetensors: tensor", "layers.77."});
  wrong_weights(renamed("lora_B", "lora_C"), {"adapter_model.safetensors: tensor", "lora_"});
  wrong_weights(renamed("base_model.", "model."),
                {"adapter_model.safetensors: tensor", "not half of a pair"});
  const std::string gguf = small_gguf(scratch_, "g.gguf", true);
  expect_error(qnext({"merge", gguf, "--lora", adapter, "-o", path("merged")}), 1, {"g.gguf", "not GGUF"});
  expect_error(qnext({"generate-ids", base_, "--lora", path("none"), "--tokens", path("ids.json")}), 1,
               {"none/adapter_config.json", "No such file"});
  expect_error(qnext({"merge", base_, "--lora", adapter, "-o", base_}), 1, {"--output"});
}

}  // namespace
}  // namespace qnext
