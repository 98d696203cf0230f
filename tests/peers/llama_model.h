// A model in llama.cpp, and contexts that evaluate it. Made by LlamaLibrary::load.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace qnext {
namespace llama {
struct Functions;
}

struct LlamaContextOptions {
  int64_t tokens = 0;            // most tokens of its sequence
  int64_t batch = 2048;          // most tokens of a step
  int64_t physical_batch = 512;  // that it computes together
  bool flash = false;            // flash attention
  bool half_cache = false;       // keys and values in binary16, which is its standard; float32 otherwise
  // More than one also makes threads that live as long as the context. They poll for about 0.1 s after a
  // step.
  int threads = 1;
};

// One sequence.
class LlamaContext {
 public:
  enum class Rows { kNone, kLast, kAll };

  ~LlamaContext();
  LlamaContext(const LlamaContext&) = delete;
  LlamaContext& operator=(const LlamaContext&) = delete;

  int64_t vocab() const;
  void forget();
  // Evaluates the tokens, which stand at `position` and after, and appends the logits that are wanted to
  // `rows` (may be null). False when llama.cpp fails.
  bool step(std::span<const int32_t> tokens, int64_t position, Rows wanted, std::vector<float>* rows);

 private:
  friend class LlamaModel;
  explicit LlamaContext(const llama::Functions& f) : f_(f) {}
  Status make_threads(int count);
  const llama::Functions& f_;
  std::shared_ptr<void> model_;
  void* context_ = nullptr;
  std::shared_ptr<void> threads_;
};

class LlamaModel {
 public:
  static Result<LlamaModel> load(const llama::Functions& f, const std::string& path);
  Result<std::unique_ptr<LlamaContext>> context(const LlamaContextOptions& options) const;

 private:
  LlamaModel(const llama::Functions& f, std::string path, std::shared_ptr<void> model)
      : f_(&f), path_(std::move(path)), model_(std::move(model)) {}
  const llama::Functions* f_;
  std::string path_;
  std::shared_ptr<void> model_;
};

}  // namespace qnext
