// What a training run is to do: the file that `qnext train` or `qnext finetune` is given, read and checked.
// docs/train.md describes it for people.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "checkpoint/model_config.h"
#include "train/data/records.h"
#include "train/run/schedule.h"

namespace qnext::train {

// [tokenizer]: one of the two.
struct TokenizerRecipe {
  std::string path;        // a folder with tokenizer.json; "" to train one
  int64_t vocab_size = 0;  // of the one that is trained on the sources, special tokens included
};

// [data]
struct DataRecipe {
  std::vector<Source> sources;
  std::vector<Source> held_out;
  double held_out_share = 0;
  int64_t held_out_tokens = 0;
};

// Tensors that do not decay unless a recipe says otherwise: those whose neutral value is not 0.
inline const std::vector<std::string> kNoDecay{"*.A_log", "*.dt_bias", "*.linear_attn.norm.weight"};

// [train]
struct TrainRecipe {
  int64_t batch_tokens = 0;     // most of an optimiser step
  int64_t micro_tokens = 0;     // most of a forward and backward pass
  int64_t sequence_length = 0;  // most of a sequence
  Schedule schedule;
  double weight_decay = 0, beta1 = 0, beta2 = 0, epsilon = 0;
  std::vector<std::string> no_decay;              // patterns with * and ? on the published names of tensors
  double clip = 0;                                // largest norm of the whole gradient; 0 for no limit
  double aux_loss = 0, z_loss = 0, mtp_loss = 0;  // factors of the losses beside the cross-entropy
  bool aux_loss_each_layer = false;               // or one over the rows of all layers together
  bool recompute = false;                         // activations anew in the backward pass, to save memory
  uint64_t seed = 0;

  // Whether the tensor of this published name decays.
  bool decays(const std::string& tensor) const;
};

// [output]
struct OutputRecipe {
  std::string folder;
  int64_t checkpoint_every = 0, evaluate_every = 0;  // in steps; 0 for the end only
  int64_t keep = 0;                                  // newest checkpoints, from 1
};

// [lora]: an adapter is trained instead of the weights.
struct LoraRecipe {
  int64_t rank = 0;  // 0: none
  double alpha = 0;
  std::vector<std::string> target_modules;
};

struct Recipe {
  std::string path;  // of the file, starts errors
  std::string base;  // [base]: the checkpoint to start from; "" for random weights
  LoraRecipe lora;   // only with a base
  Json model;        // config.json as far as the recipe has it, with defaults for what it leaves out
  double initializer_range = 0;
  TokenizerRecipe tokenizer;
  DataRecipe data;
  TrainRecipe train;
  OutputRecipe output;

  // The configuration, once the tokenizer is there: its size is the vocabulary's unless [model] gives one
  // that is not smaller. `end_tokens` become eos_token_id unless [model] gives one.
  Result<ModelConfig> model_config(int64_t tokenizer_size, const std::vector<int64_t>& end_tokens) const;
  // [model] and [train] with all defaults: what a resumed run must agree with (the data has a fingerprint).
  Json essence() const;
};

// Reads and checks a file. Paths in it are relative to its folder. An error names file, line, field and
// value: "tiny.toml:12: field train.lr: -1 is not between 0 and 1".
Result<Recipe> read_recipe(const std::string& path);

// The same for text that is already here.
Result<Recipe> parse_recipe(const std::string& text, const std::string& path);

// Whether a recipe may go on with what another one has done in `steps` steps: an error names the first field
// in which their essences differ, "field train.lr: 0.002, and 0.001 in WHERE". Those of the schedule may, as
// long as the learning rates of the steps that are done are the same.
Status same_essence(const Json& recipe, const Json& other, int64_t steps, const std::string& where);

}  // namespace qnext::train
