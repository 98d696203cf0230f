// `qnext train`.
#include <gtest/gtest.h>

#include <filesystem>

#include "cli/models.h"

namespace qnext {
namespace {

// Sections of a recipe that trains in well under a second; a line of [train] and one of [data] can be
// replaced.
struct Recipe {
  std::string model =
      "hidden_size = 32\nnum_hidden_layers = 2\nfull_attention_interval = 2\nnum_attention_heads = 2\n"
      "num_key_value_heads = 1\nhead_dim = 16\nlinear_num_key_heads = 1\nlinear_num_value_heads = 2\n"
      "linear_key_head_dim = 16\nlinear_value_head_dim = 16\nnum_experts = 4\nnum_experts_per_tok = 2\n"
      "moe_intermediate_size = 16\nshared_expert_intermediate_size = 16\n";
  std::string data = "sources = [\"talk.jsonl\", \"text.txt\"]\nheld_out = 0.1\n";
  std::string train = "steps = 12\nsequence_length = 64\nbatch_tokens = 128\nmicro_tokens = 64\n";

  std::string text(const std::string& folder) const {
    return "[model]\n" + model + "[tokenizer]\nvocab_size = 280\n[data]\n" + data + "[train]\n" + train +
           "[output]\nfolder = \"" + folder + "\"\ncheckpoint_every = 4\nevaluate_every = 6\n";
  }
};

class Train : public ::testing::Test {
 protected:
  Train() {
    std::string talk, text;
    for (int i = 0; i < 40; ++i) {
      const std::string n = std::to_string(i);
      talk += R"({"messages": [{"role": "user", "content": "Say )" + n +
              R"(."}, {"role": "assistant", "content": "Here it is: )" + n + "\"}]}\n";
      text += "The cat saw the dog " + n + " times.\n<|endoftext|>\n";
    }
    scratch_.file("talk.jsonl", talk);
    scratch_.file("text.txt", text);
  }
  Ran train(const Recipe& recipe, const std::string& folder, const RunOptions& options = {}) {
    return qnext({"train", scratch_.file(folder + ".toml", recipe.text(folder)), "-t", "2"}, options);
  }
  std::string path(const std::string& name) const { return scratch_.path(name); }

  Scratch scratch_;
};

TEST_F(Train, MakesAModelThatOtherCommandsRun) {
  const Ran ran = train({}, "out");
  ASSERT_EQ(ran.code, 0) << ran.err;
  for (const char* name :
       {"log.jsonl", "loss.svg", "step-000012/config.json", "step-000012/tokenizer.json"}) {
    EXPECT_TRUE(std::filesystem::exists(path("out/" + std::string(name)))) << name;
  }
  const std::string model = path("out/step-000012");
  EXPECT_EQ(qnext({"inspect", model, "--json"}).json()["parameters"].is_null(), false);
  const std::string question = scratch_.file("question", "Say 7.");
  const Ran answer = qnext({"run", model, "-f", question, "-n", "8", "--temp", "0"});
  EXPECT_EQ(answer.code, 0) << answer.err;
  const Ran gguf = qnext({"convert", model, "-o", path("model.gguf"), "--type", "q8_0"});
  EXPECT_EQ(gguf.code, 0) << gguf.err;
  EXPECT_EQ(train({}, "out").code, 0);  // finished: nothing more to do
}

TEST_F(Train, LearnsWhatItReads) {
  Recipe recipe;
  recipe.train = "steps = 60\nsequence_length = 64\nbatch_tokens = 512\nlr = 0.01\n";
  ASSERT_EQ(train(recipe, "out").code, 0);
  double first = 0, last = 0;
  const std::string log = read_all(path("out/log.jsonl"));
  for (size_t at = 0; at < log.size(); at = log.find('\n', at) + 1) {
    const Json line = Json::parse(log.substr(at, log.find('\n', at) - at));
    if (!line.contains("loss")) continue;
    last = line["cross_entropy"];
    if (first == 0) first = last;
  }
  EXPECT_GT(first, 5.0);  // log 280 is 5.6
  EXPECT_LT(last, 2.0);
}

TEST_F(Train, KilledRunsGoOnToTheSameBits) {
  ASSERT_EQ(train({}, "whole").code, 0);
  RunOptions kill;
  kill.signal = 9;
  for (const char* moment :
       {"killed/log.jsonl", "killed/step-000004", "killed/step-000008", "killed/step-000012"}) {
    kill.signal_when_file = path(moment);
    train({}, "killed", kill);
  }
  const Ran ran = train({}, "killed");
  ASSERT_EQ(ran.code, 0) << ran.err;
  for (const char* name :
       {"log.jsonl", "step-000012/model.safetensors", "step-000012/training_state.safetensors"}) {
    EXPECT_EQ(read_all(path("whole/" + std::string(name))), read_all(path("killed/" + std::string(name))))
        << name;
  }
}

TEST_F(Train, CtrlCLeavesACheckpoint) {
  Recipe recipe;
  recipe.train = "steps = 100000\nsequence_length = 64\nbatch_tokens = 128\n";
  RunOptions interrupt;
  interrupt.signal = 2;
  interrupt.signal_when_file = path("out/step-000004");
  const Ran ran = train(recipe, "out", interrupt);
  EXPECT_EQ(ran.code, 130) << ran.err;
  EXPECT_NE(ran.err.find("stopped after step"), ran.err.npos) << ran.err;
}

TEST_F(Train, WrongRecipesSayWhatIsWrong) {
  const auto wrong = [&](const char* section, const char* was, const char* is,
                         const std::vector<std::string>& parts) {
    Recipe recipe;
    std::string& text = section == std::string("model")  ? recipe.model
                        : section == std::string("data") ? recipe.data
                                                         : recipe.train;
    const size_t at = text.find(was);
    ASSERT_NE(at, text.npos) << was;
    text.replace(at, std::string(was).size(), is);
    expect_error(train(recipe, "wrong"), 1, parts);
  };
  scratch_.file("empty.txt", "");
  scratch_.file("bad.jsonl", "{\"messages\": 5}\n");
  wrong("train", "steps = 12", "stepz = 12", {"wrong.toml:", "train.stepz", "unknown"});
  wrong("model", "num_experts_per_tok = 2", "num_experts_per_tok = 5", {"model.num_experts_per_tok", "5"});
  wrong("train", "steps = 12", "steps = 12\nno_decay = [\"*.nothing\"]", {"train.no_decay", "*.nothing"});
  wrong("train", "steps = 12", "steps = 200\nlr = 10.0\nweight_decay = 10.0\nschedule = \"constant\"",
        {"step ", " is "});
  wrong("data", "text.txt", "none.txt", {"none.txt", "No such file"});
  wrong("data", "\"talk.jsonl\", \"text.txt\"", "\"empty.txt\"", {"empty.txt", "no text"});
  wrong("data", "talk.jsonl", "bad.jsonl", {"bad.jsonl:1", "messages"});
  expect_error(qnext({"train", path("none.toml")}), 1, {"none.toml", "No such file"});
}

TEST_F(Train, AChangedRecipeIsNotGoneOnWith) {
  ASSERT_EQ(train({}, "out").code, 0);
  Recipe recipe;
  recipe.train += "seed = 5\n";
  expect_error(train(recipe, "out"), 1, {"train.seed", "5"});
  scratch_.file("text.txt", read_all(path("text.txt")) + "Another text.\n");
  expect_error(train({}, "out"), 1, {"data"});
}

// With the same learning rates so far: the result is that of the longer run.
TEST_F(Train, AFinishedRunCanBeLengthened) {
  const auto of = [](int steps, const std::string& schedule) {
    Recipe recipe;
    recipe.train = "steps = " + std::to_string(steps) + "\nwarmup_steps = 3\nschedule = \"" + schedule +
                   "\"\nsequence_length = 64\nbatch_tokens = 128\nmicro_tokens = 64\n";
    return recipe;
  };
  ASSERT_EQ(train(of(12, "constant"), "out").code, 0);
  ASSERT_EQ(train(of(20, "constant"), "out").code, 0);
  ASSERT_EQ(train(of(20, "constant"), "whole").code, 0);
  for (const char* name : {"step-000020/model.safetensors", "step-000020/training_state.safetensors"}) {
    EXPECT_EQ(read_all(path("whole/" + std::string(name))), read_all(path("out/" + std::string(name))))
        << name;
  }
  ASSERT_EQ(train(of(12, "cosine"), "wave").code, 0);
  expect_error(train(of(20, "cosine"), "wave"), 1, {"train.steps", "20", "12"});
}

}  // namespace
}  // namespace qnext
