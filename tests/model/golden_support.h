// Running fixtures through a backend, and comparing with what the reference implementation gave.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/thread_pool.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors.h"
#include "kernels/ops.h"
#include "model/model.h"

namespace qnext::test {

inline std::string data(const std::string& path) { return std::string(QNEXT_TEST_DATA) + "/" + path; }

// Unwraps a result; a failed one fails the test with its message.
template <class T>
T must(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().message());
  return std::move(result).value();
}
inline void must(const Status& status) {
  if (!status.ok()) throw std::runtime_error(status.error().message());
}

struct Rows {
  int64_t width = 0;
  std::vector<float> values;
  int64_t count() const { return width == 0 ? 0 : static_cast<int64_t>(values.size()) / width; }
  const float* row(int64_t i) const { return values.data() + i * width; }
};

// ||a - b|| / ||b||
inline double relative_error(const float* a, const float* b, int64_t n) {
  double difference = 0, norm = 0;
  for (int64_t i = 0; i < n; ++i) {
    difference += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
    norm += static_cast<double>(b[i]) * b[i];
  }
  if (std::isnan(difference)) return INFINITY;
  return std::sqrt(difference / std::max(norm, 1e-30));
}

inline double worst_row(const Rows& got, const Rows& expected) {
  if (got.width != expected.width || got.values.size() != expected.values.size()) return INFINITY;
  double worst = 0;
  for (int64_t i = 0; i < expected.count(); ++i) {
    worst = std::max(worst, relative_error(got.row(i), expected.row(i), expected.width));
  }
  return worst;
}

// golden.json and golden.safetensors of a fixture.
class Golden {
 public:
  explicit Golden(const std::string& folder)
      : json_(must(read_json_file(folder + "/golden.json"))),
        tensors_(must(open_safetensors(folder + "/golden.safetensors"))) {}
  std::vector<std::string> prompts() const {
    std::vector<std::string> names;
    for (const auto& [name, ids] : json_.at("prompts").items()) names.push_back(name);
    return names;
  }
  std::vector<int32_t> prompt(const std::string& name) const { return json_.at("prompts").at(name); }
  std::vector<int32_t> greedy(const std::string& name) const {
    return json_.at("greedy").at(name).at("tokens");
  }
  std::vector<double> margins(const std::string& name) const {
    return json_.at("greedy").at(name).at("top1_minus_top2");
  }
  bool has(const std::string& tensor) const { return tensors_->find(tensor) != nullptr; }
  Rows rows(const std::string& tensor) const {
    const Tensor t = must(tensors_->load(tensor));
    Rows rows{t.shape.last(), {}};
    const auto* values = reinterpret_cast<const float*>(t.data);
    rows.values.assign(values, values + t.shape.elements());
    return rows;
  }

 private:
  Json json_;
  std::shared_ptr<const TensorSource> tensors_;
};

inline std::unique_ptr<Ops> make_ops(const std::string& backend, ThreadPool& pool) {
  if (backend == "ref") return make_ref_ops(pool);
  const std::string isa = backend.starts_with("cpu:") ? backend.substr(4) : "";
  return make_cpu_ops(pool, isa);
}

// A model with the machinery to run prompts through it.
class Runner {
 public:
  Runner(const std::string& model, const std::string& backend, ModelOptions options = {}, int threads = 2)
      : Runner(must(open_checkpoint(model)), backend, options, threads) {}
  Runner(Checkpoint checkpoint, const std::string& backend, ModelOptions options = {}, int threads = 2)
      : pool_(threads), ops_(make_ops(backend, pool_)), checkpoint_(std::move(checkpoint)) {
    if (!ops_) throw std::runtime_error("no backend " + backend);
    model_ = must(Model::load(checkpoint_, *ops_, options));
    blocks_ = std::make_unique<BlockPool>(model_->state_shape().block_bytes(), 1000);
  }
  Model& model() { return *model_; }
  std::unique_ptr<Sequence> sequence() { return std::make_unique<Sequence>(model_->state_shape(), *blocks_); }

  struct Output {
    Rows logits, hidden_last, mtp_logits;
  };
  // The whole prompt in pieces of `piece` tokens (0: in one), with logits of every position.
  Output prompt(const std::vector<int32_t>& ids, int64_t piece, bool mtp) {
    const auto n = static_cast<int64_t>(ids.size());
    const int64_t hidden = model_->config().hidden_size;
    if (piece == 0) piece = n;
    Output out{{model_->config().vocab_size, {}}, {hidden, {}}, {model_->config().vocab_size, {}}};
    model_->observe([&](int64_t layer, const float* row) {
      if (layer == 0) out.hidden_last.values.clear();
      out.hidden_last.values.insert(out.hidden_last.values.end(), row, row + hidden);
    });
    auto seq = sequence();
    for (int64_t begin = 0; begin < n; begin += piece) {
      const int64_t count = std::min(piece, n - begin);
      StepItem item{seq.get(), std::span(ids).subspan(begin, count), LogitsWanted::kAll};
      StepOutput step;
      must(model_->step({&item, 1}, step));
      out.logits.values.insert(out.logits.values.end(), step.logits.begin(), step.logits.end());
      const int64_t next = std::min(count, n - begin - 1);  // rows whose next token is known
      if (!mtp || next == 0) continue;
      DraftItem draft{seq.get(), begin, std::span(ids).subspan(begin + 1, next), step.hidden.data(),
                      LogitsWanted::kAll};
      StepOutput drafted;
      must(model_->draft({&draft, 1}, drafted));
      out.mtp_logits.values.insert(out.mtp_logits.values.end(), drafted.logits.begin(), drafted.logits.end());
    }
    model_->observe(nullptr);
    return out;
  }

  // Greedy continuation of a prompt, token by token.
  std::vector<int32_t> greedy(std::vector<int32_t> next, int64_t count) {
    auto seq = sequence();
    std::vector<int32_t> out;
    while (static_cast<int64_t>(out.size()) < count) {
      StepItem item{seq.get(), next, LogitsWanted::kLast};
      StepOutput step;
      must(model_->step({&item, 1}, step));
      out.push_back(static_cast<int32_t>(std::max_element(step.logits.begin(), step.logits.end()) -
                                         step.logits.begin()));
      next = {out.back()};
    }
    return out;
  }

 private:
  ThreadPool pool_;
  std::unique_ptr<Ops> ops_;
  Checkpoint checkpoint_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<BlockPool> blocks_;
};

}  // namespace qnext::test
