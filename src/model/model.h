// The model: weights in kernel form, and one step of any number of sequences through all layers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "checkpoint/checkpoint.h"
#include "kernels/ops.h"
#include "model/rope.h"
#include "model/weights.h"
#include "state/sequence.h"

namespace qnext {

enum class LogitsWanted : uint8_t { kNone, kLast, kAll };

// The part of a step that belongs to one sequence: its next tokens.
struct StepItem {
  Sequence* sequence = nullptr;
  std::span<const int32_t> tokens;  // at least one, all in [0, vocab_size)
  LogitsWanted logits = LogitsWanted::kLast;
};

struct StepOutput {
  // One row of vocab_size per row asked for, items in order. [rows, vocab_size]
  std::vector<float> logits;
  // The hidden rows after the final norm, every token of every item: what the head and the
  // multi-token-prediction block read. [tokens, hidden_size]
  std::vector<float> hidden;
};

// One row of multi-token prediction: the hidden row at a position and the token that follows it.
struct DraftItem {
  Sequence* sequence = nullptr;
  int64_t position = 0;                  // of the first row
  std::span<const int32_t> next_tokens;  // token at position + i + 1
  const float* hidden = nullptr;  // [next_tokens.size(), hidden_size], post-final-norm (or the block's own)
  LogitsWanted logits = LogitsWanted::kLast;
};

struct ModelOptions {
  bool mtp = false;  // load the multi-token-prediction block; an error when the file has none
  DType kv_dtype = DType::kF32;
  DType state_dtype = DType::kF32;  // of the recurrent state: F32 or BF16
  GdnForm gdn_form = GdnForm::kAutomatic;
};

class Model {
 public:
  ~Model();
  // Loads or maps the weights; `ops` and the checkpoint's files outlive the model. `progress` (may be null)
  // is called with tensors done and in total. Errors name file and tensor.
  static Result<std::unique_ptr<Model>> load(const Checkpoint& checkpoint, Ops& ops,
                                             const ModelOptions& options,
                                             const std::function<void(int64_t, int64_t)>& progress = nullptr);

  // Matrices may wait for their use to be brought into the backend's layout. This does it now, for whoever
  // measures speed or has time.
  void finish_loading();

  const ModelConfig& config() const { return config_; }
  bool has_mtp() const { return weights_.mtp != nullptr; }
  StateShape state_shape() const { return state_shape_; }
  const ModelWeights& weights() const { return weights_; }
  int64_t weight_bytes() const { return weights_.bytes; }
  Ops& ops() const { return ops_; }

  // Processes the items' tokens and moves their sequences on. On an error (cache full) no sequence has moved.
  Status step(std::span<const StepItem> items, StepOutput& output);

  // Called with layer 0 .. num_layers and the residual stream at the last row of the step: the input of that
  // layer, or for num_layers the output after the final norm. For tests and the `logits` command. Null to
  // stop.
  void observe(std::function<void(int64_t layer, const float* last_row)> observer) {
    observer_ = std::move(observer);
  }

  // Runs the multi-token-prediction block; its keys and values go to the sequences' cache at the given
  // positions, which a step must have processed before. Output rows as in step(); hidden is the block's own
  // normed output, input for the next draft position.
  Status draft(std::span<const DraftItem> items, StepOutput& output);

 private:
  Model(ModelConfig config, ModelWeights weights, Ops& ops, const ModelOptions& options);

  // Rows [begin, begin + count) of the step are the next tokens of `sequence`, from `position` on.
  struct Segment {
    Sequence* sequence;
    int64_t begin, count, position;
    LogitsWanted logits;
  };
  struct Scratch;

  Status check(std::span<const StepItem> items) const;
  // h = x + mixer(norm(x)); x = h + feed_forward(norm(h)), in place on the step's rows.
  void layer(const LayerWeights& w, int64_t index_of_kind, std::span<const Segment> segments, int64_t n);
  void attention(const AttentionWeights& w, int64_t attention_layer, std::span<const Segment> segments,
                 int64_t n);
  void linear_attention(const LinearAttentionWeights& w, int64_t linear_layer,
                        std::span<const Segment> segments, int64_t n);
  void feed_forward(const FeedForwardWeights& w, int64_t n);
  void head(std::span<const Segment> segments, StepOutput& output);

  ModelConfig config_;
  ModelWeights weights_;
  Ops& ops_;
  ModelOptions options_;
  StateShape state_shape_;
  RopeTable rope_;
  std::function<void(int64_t, const float*)> observer_;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace qnext
