#include "peers/llama_model.h"

#include "peers/llama_functions.h"

namespace qnext {

using llama::Parameters;

Result<LlamaModel> LlamaModel::load(const llama::Functions& f, const std::string& path) {
  void* model = f.load_model(path.c_str(), f.model_defaults());
  if (!model) return llama::failure(path, "load it");
  return LlamaModel(f, path, std::shared_ptr<void>(model, f.free_model));
}

Result<std::unique_ptr<LlamaContext>> LlamaModel::context(const LlamaContextOptions& options) const {
  auto context = std::unique_ptr<LlamaContext>(new LlamaContext(*f_));
  context->model_ = model_;
  Parameters parameters = f_->context_defaults();
  parameters.at<uint32_t>(llama::kContextTokens) = static_cast<uint32_t>(options.tokens);
  parameters.at<uint32_t>(llama::kContextBatch) = static_cast<uint32_t>(options.batch);
  parameters.at<uint32_t>(llama::kContextPhysicalBatch) = static_cast<uint32_t>(options.physical_batch);
  parameters.at<int32_t>(llama::kContextFlash) = options.flash ? llama::kFlashOn : llama::kFlashOff;
  parameters.at<int32_t>(llama::kContextKeys) = parameters.at<int32_t>(llama::kContextValues) =
      options.half_cache ? llama::kF16 : llama::kF32;
  context->context_ = f_->new_context(model_.get(), parameters);
  if (!context->context_) return llama::failure(path_, "make a context");
  f_->set_threads(context->context_, options.threads, options.threads);
  if (options.threads > 1) QN_RETURN_IF_ERROR(context->make_threads(options.threads));
  return context;
}

LlamaContext::~LlamaContext() {
  if (context_) f_.free_context(context_);
}

// Without this, llama.cpp starts and ends its threads in every step.
Status LlamaContext::make_threads(int count) {
  const auto make = f_.of_back_end<void* (*)(Parameters*)>("ggml_threadpool_new");
  const auto destroy = f_.of_back_end<void (*)(void*)>("ggml_threadpool_free");
  if (!make || !destroy) return Error("llama.cpp's back end has no thread pools");
  Parameters parameters = f_.pool_defaults(count);
  void* threads = make(&parameters);
  if (!threads) return Error("llama.cpp failed to make threads");
  threads_ = std::shared_ptr<void>(threads, destroy);
  f_.attach_pool(context_, threads, threads);
  return {};
}

int64_t LlamaContext::vocab() const { return f_.vocabulary_size(f_.vocabulary(model_.get())); }
void LlamaContext::forget() { f_.clear_memory(f_.memory(context_), true); }

bool LlamaContext::step(std::span<const int32_t> tokens, int64_t position, Rows wanted,
                        std::vector<float>* rows) {
  const auto n = static_cast<int32_t>(tokens.size());
  llama::Batch batch = f_.new_batch(n, 0, 1);
  batch.n_tokens = n;
  for (int32_t i = 0; i < n; ++i) {
    batch.token[i] = tokens[static_cast<size_t>(i)];
    batch.pos[i] = static_cast<int32_t>(position) + i;
    batch.n_seq_id[i] = 1;
    batch.seq_id[i][0] = 0;
    batch.logits[i] = wanted == Rows::kAll || (wanted == Rows::kLast && i + 1 == n);
  }
  const bool ok = f_.decode(context_, batch) == 0;
  const int32_t first = wanted == Rows::kAll ? 0 : n - 1;
  for (int32_t i = first; ok && wanted != Rows::kNone && i < n; ++i) {
    const float* row = f_.logits_of(context_, i);
    if (rows) rows->insert(rows->end(), row, row + vocab());
  }
  f_.free_batch(batch);
  return ok;
}

}  // namespace qnext
