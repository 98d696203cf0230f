#include "train/run/recipe.h"

#include <gtest/gtest.h>

namespace qnext::train {
namespace {

const std::string kSmallest = R"([tokenizer]
path = "tok"
[data]
sources = "stories.txt"
[train]
steps = 1000
[output]
folder = "out"
)";

Recipe good(const std::string& text) {
  auto recipe = parse_recipe(text, "runs/r.toml");
  EXPECT_TRUE(recipe.ok()) << recipe.error().message();
  return std::move(recipe).value();
}

std::string error(const std::string& text) {
  const auto recipe = parse_recipe(text, "r.toml");
  return recipe.ok() ? "no error" : recipe.error().message();
}

// The smallest recipe with lines put behind the header of a section.
std::string with(const std::string& section, const std::string& lines) {
  std::string text = kSmallest;
  const size_t at = text.find("[" + section + "]\n");
  if (at == text.npos) return text + "[" + section + "]\n" + lines;
  return text.insert(at + section.size() + 3, lines);
}

TEST(Recipe, TheSmallestHasDefaults) {
  const Recipe r = good(kSmallest);
  EXPECT_EQ(r.tokenizer.path, "runs/tok");
  ASSERT_EQ(r.data.sources.size(), 1u);
  EXPECT_EQ(r.data.sources[0].path, "runs/stories.txt");
  EXPECT_EQ(r.data.sources[0].name, "stories");
  EXPECT_EQ(r.output.folder, "runs/out");
  EXPECT_EQ(r.train.schedule.kind, Schedule::Kind::kCosine);
  EXPECT_EQ(r.train.schedule.steps, 1000);
  EXPECT_EQ(r.train.schedule.warmup, 20);
  EXPECT_DOUBLE_EQ(r.train.schedule.final_lr, r.train.schedule.lr / 10);
  EXPECT_EQ(r.train.batch_tokens, 16 * r.train.sequence_length);
  EXPECT_DOUBLE_EQ(r.train.mtp_loss, 0.1);
  EXPECT_DOUBLE_EQ(r.train.aux_loss, 0.001);
  EXPECT_FALSE(r.train.aux_loss_each_layer);
  const auto config = r.model_config(4096, {7});
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_EQ(config->vocab_size, 4096);
  EXPECT_EQ(config->eos_tokens, (std::vector<int64_t>{7}));
  EXPECT_EQ(config->num_mtp_layers, 1);
  EXPECT_EQ(config->attention_layers(), 2);
}

TEST(Recipe, EveryFieldIsRead) {
  const Recipe r = good(R"(
[model]
hidden_size = 64
num_hidden_layers = 4
num_experts = 16
num_experts_per_tok = 1
tie_word_embeddings = true
rope_theta = 10000
num_nextn_predict_layers = 0
initializer_range = 0.01
vocab_size = 5000
eos_token_id = [1, 2]
[tokenizer]
vocab_size = 4096
[data]
sources = [
  {path = "/abs/a.jsonl", name = "talk", weight = 2.5},
  "b.txt",
  {path = "c", separator = "", learn = "all"},
]
held_out = 0.05
held_out_tokens = 1000
[train]
tokens = 1000001
batch_tokens = 1000
micro_tokens = 500
sequence_length = 250
lr = 0.003
final_lr = 0
schedule = "wsd"
warmup_steps = 7
decay_steps = 300
weight_decay = 0
no_decay = ["*norm.weight", "lm_head.*"]
beta1 = 0.8
beta2 = 0.99
epsilon = 1e-6
clip = 0
aux_loss = 0.01
aux_loss_over = "layer"
z_loss = 1e-4
recompute = true
seed = 42
[output]
folder = "/abs/out"
checkpoint_every = 10
keep = 1
evaluate_every = 0
)");
  EXPECT_EQ(r.data.sources[0].path, "/abs/a.jsonl");
  EXPECT_EQ(r.data.sources[0].name, "talk");
  EXPECT_DOUBLE_EQ(r.data.sources[0].weight, 2.5);
  EXPECT_EQ(r.data.sources[1].separator, "<|endoftext|>");
  EXPECT_EQ(r.data.sources[2].separator, "");
  EXPECT_EQ(r.data.sources[1].learn, Learn::kAnswers);
  EXPECT_EQ(r.data.sources[2].learn, Learn::kAll);
  EXPECT_DOUBLE_EQ(r.data.held_out_share, 0.05);
  EXPECT_EQ(r.data.held_out_tokens, 1000);
  const TrainRecipe& t = r.train;
  EXPECT_EQ(t.schedule.steps, 1001);
  EXPECT_EQ(t.schedule.kind, Schedule::Kind::kWsd);
  EXPECT_EQ(t.schedule.warmup, 7);
  EXPECT_EQ(t.schedule.decay, 300);
  EXPECT_DOUBLE_EQ(t.schedule.lr, 0.003);
  EXPECT_DOUBLE_EQ(t.schedule.final_lr, 0);
  EXPECT_EQ(t.micro_tokens, 500);
  EXPECT_DOUBLE_EQ(t.weight_decay, 0);
  EXPECT_DOUBLE_EQ(t.beta1, 0.8);
  EXPECT_DOUBLE_EQ(t.beta2, 0.99);
  EXPECT_DOUBLE_EQ(t.epsilon, 1e-6);
  EXPECT_DOUBLE_EQ(t.clip, 0);
  EXPECT_DOUBLE_EQ(t.aux_loss, 0.01);
  EXPECT_TRUE(t.aux_loss_each_layer);
  EXPECT_DOUBLE_EQ(t.z_loss, 1e-4);
  EXPECT_DOUBLE_EQ(t.mtp_loss, 0);
  EXPECT_TRUE(t.recompute);
  EXPECT_EQ(t.seed, 42u);
  EXPECT_FALSE(t.decays("model.layers.3.input_layernorm.weight"));
  EXPECT_FALSE(t.decays("lm_head.weight"));
  EXPECT_TRUE(t.decays("model.embed_tokens.weight"));
  EXPECT_EQ(r.output.keep, 1);
  EXPECT_EQ(r.output.checkpoint_every, 10);
  const auto config = r.model_config(4096, {7});
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->vocab_size, 5000);
  EXPECT_EQ(config->eos_tokens, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(config->num_mtp_layers, 0);
  EXPECT_DOUBLE_EQ(config->router_aux_loss_coef, 0.01);
  EXPECT_DOUBLE_EQ(r.initializer_range, 0.01);
  EXPECT_TRUE(config->tie_embeddings);
}

TEST(Recipe, HeldOutMayBeFilesAndSourcesTables) {
  const Recipe r = good(R"([tokenizer]
path = "tok"
[[data.sources]]
path = "a.txt"
weight = 2
[[data.sources]]
path = "b.txt"
[data]
held_out = ["v.txt", {path = "w.txt"}]
[train]
steps = 5
[output]
folder = "out"
)");
  EXPECT_EQ(r.data.sources.size(), 2u);
  ASSERT_EQ(r.data.held_out.size(), 2u);
  EXPECT_EQ(r.data.held_out[1].name, "w");
}

TEST(Recipe, ErrorsNameFileLineFieldAndValue) {
  const struct {
    std::string text, message;
  } cases[] = {
      {"[train", "r.toml:1: not valid TOML: "},
      {"[trian]\n",
       "r.toml:1: field trian: unknown; known here: base, data, lora, model, output, tokenizer, train"},
      {"train = 5\n", "r.toml:1: field train: a section [train] expected, got 5"},
      {with("train", "lrr = 0.1\n"), "r.toml:6: field train.lrr: unknown; known here: aux_loss, "},
      {with("train", "lr = \"high\"\n"), "r.toml:6: field train.lr: a number expected, got \"high\""},
      {with("train", "lr = -1\n"), "r.toml:6: field train.lr: -1 is not between 1e-12 and 10"},
      {with("train", "lr = nan\n"), "r.toml:6: field train.lr: nan is not between"},
      {with("train", "final_lr = 1.0\n"), "r.toml:6: field train.final_lr: 1 is not between 0 and 0.001"},
      {with("train", "tokens = 5\n"), "r.toml:7: field train.steps: one of steps and tokens is expected"},
      {with("train", "schedule = \"linear\"\n"),
       "r.toml:6: field train.schedule: \"linear\" is none of cosine, wsd, constant"},
      {with("train", "aux_loss_over = \"expert\"\n"),
       "r.toml:6: field train.aux_loss_over: \"expert\" is none of layer, model"},
      {with("train", "decay_steps = 5\n"), "r.toml:6: field train.decay_steps: schedule cosine has none"},
      {with("train", "schedule = \"constant\"\nfinal_lr = 0.0001\n"),
       "r.toml:7: field train.final_lr: schedule constant has none"},
      {with("train", "warmup_steps = 1001\n"),
       "r.toml:6: field train.warmup_steps: 1001 is not between 0 and 1000"},
      {with("train", "schedule = \"wsd\"\nwarmup_steps = 600\ndecay_steps = 500\n"),
       "r.toml:8: field train.decay_steps: 500 and warmup_steps 600 are more than the 1000 steps"},
      {with("train", "sequence_length = 0\n"),
       "r.toml:6: field train.sequence_length: 0 is not between 2 and"},
      {with("train", "sequence_length = 8192\n"),
       "r.toml:6: field train.sequence_length: 8192 is more than max_position_embeddings, 4096"},
      {with("train", "micro_tokens = 100\n"),
       "r.toml:6: field train.micro_tokens: 100 is less than a sequence, whose sequence_length is 1024"},
      {with("train", "micro_tokens = 2048\nbatch_tokens = 1024\n"),
       "r.toml:7: field train.batch_tokens: 1024 is less than micro_tokens, 2048"},
      {with("train", "no_decay = \"*\"\n"),
       "r.toml:6: field train.no_decay: a list of texts expected, got \"*\""},
      {with("train", "seed = -1\n"), "r.toml:6: field train.seed: -1 is not between 0 and"},
      {with("train", "recompute = 1\n"), "r.toml:6: field train.recompute: true or false expected, got 1"},
      {with("train", "clip = 2024-01-01\n"),
       "r.toml:6: field train.clip: a number expected, got \"2024-01-01\""},
      {with("model", "hidden_sise = 64\n"), "r.toml:10: field model.hidden_sise: unknown"},
      {with("model", "hidden_size = 0\n"), "r.toml:10: field model.hidden_size: 0 is not between 1 and"},
      {with("model", "hidden_size = \"big\"\n"),
       "r.toml:10: field model.hidden_size: an integer expected, got \"big\""},
      {with("model", "num_experts = 2\n"),
       "r.toml:9: field model.num_experts_per_tok: 4 is more than num_experts 2"},
      {with("model", "num_attention_heads = 3\n"),
       "r.toml:10: field model.num_attention_heads: 3 is not a multiple of num_key_value_heads 2"},
      {with("model", "model_type = \"llama\"\n"),
       "r.toml:10: field model.model_type: \"llama\" is not supported"},
      {with("model", "num_nextn_predict_layers = 0\n") + "", "no error"},
      {with("model", "rope_scaling = {rope_type = \"yarn\", factor = 0.5}\n"),
       "r.toml:10: field model.rope_scaling.factor: 0.5 is not a number from 1"},
      {with("tokenizer", "vocab_size = 300\n"),
       "r.toml:3: field tokenizer.path: one of path (of a tokenizer) and vocab_size (to train one) is "
       "expected"},
      {with("data", "held_out = 1.5\n"), "r.toml:4: field data.held_out: 1.5 is not between 0 and 0.9"},
      {with("data", "held_out = [5]\n"),
       "r.toml:4: field data.held_out: a path or a table with one expected, got 5"},
      {with("data", "held_out = []\n"), "r.toml:4: field data.held_out: an empty list"},
      {with("data", "held_out = [{path = \"a\", wait = 1}]\n"),
       "r.toml:4: field data.held_out.wait: unknown"},
      {with("data", "held_out = [{path = \"a\", weight = 0}]\n"),
       "r.toml:4: field data.held_out.weight: 0 is not above 0"},
      {with("data", "held_out = [\"x/a.txt\", \"y/a.txt\"]\n"),
       "r.toml:4: field data.held_out: two sources are called a"},
      {with("output", "keep = 0\n"), "r.toml:8: field output.keep: 0 is not between 1 and"},
      {"[tokenizer]\npath = \"t\"\n[train]\nsteps = 1\n[output]\nfolder = \"o\"\n",
       "r.toml: field data.sources: missing (paths of text or JSONL files expected)"},
      {"[tokenizer]\npath = \"t\"\n[data]\nsources = \"a\"\n[train]\nsteps = 1\n[output]\nfolder = \"\"\n",
       "r.toml:8: field output.folder: is empty"},
  };
  for (const auto& [text, message] : cases) {
    const std::string got = error(text);
    EXPECT_TRUE(got.starts_with(message)) << text << "\nexpected " << message << "\ngot      " << got;
  }
}

TEST(Recipe, TheMtpLossNeedsTheLayer) {
  EXPECT_NE(error(with("model", "num_nextn_predict_layers = 0\n[train2]\n")).find("unknown"),
            std::string::npos);
  std::string text = with("train", "mtp_loss = 0.3\n");
  EXPECT_EQ(error(text + "[model]\nnum_nextn_predict_layers = 0\n"),
            "r.toml:6: field train.mtp_loss: 0.3, but num_nextn_predict_layers is 0");
}

TEST(Recipe, TheVocabularyHoldsTheTokenizer) {
  const Recipe r = good(with("model", "vocab_size = 100\n"));
  EXPECT_EQ(r.model_config(101, {}).error().message(),
            "runs/r.toml: field model.vocab_size: 100 is less than the tokenizer's 101");
}

TEST(Recipe, EssencesDifferInANamedField) {
  const Json one = good(kSmallest).essence();
  const auto back = parse_json(dump_json(one), "x");
  EXPECT_TRUE(same_essence(one, *back, 3, "there").ok());
  EXPECT_TRUE(same_essence(good(with("output", "keep = 9\n")).essence(), one, 3, "there").ok());
  EXPECT_EQ(same_essence(good(with("train", "lr = 0.002\n")).essence(), one, 3, "there").error().message(),
            "field train.final_lr: 0.0002, and 0.0001 in there");
  EXPECT_EQ(
      same_essence(good(with("model", "vocab_size = 300\n")).essence(), one, 3, "there").error().message(),
      "field model.vocab_size: 300, and null in there");
  EXPECT_FALSE(same_essence(one, Json(5), 3, "there").ok());
}

TEST(Recipe, AFileThatIsNotThereIsAnError) {
  EXPECT_EQ(read_recipe("/nowhere/r.toml").error().message(),
            "/nowhere/r.toml: cannot open: No such file or directory");
}

}  // namespace
}  // namespace qnext::train
