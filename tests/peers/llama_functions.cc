#include "peers/llama_functions.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <initializer_list>

namespace qnext::llama {
namespace {

std::string newest(const std::string& folder, const std::string& prefix) {
  std::string found;
  std::error_code ignored;
  for (const auto& file : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = file.path().filename();
    if (name.starts_with(prefix) && name.find(".so") != name.npos)
      found = std::max(found, file.path().string());
  }
  return found;
}

// Keeps the first thing that llama.cpp says when it fails; the rest of its log is dropped.
std::string last_error;
void keep_errors(int level, const char* text, void*) {
  constexpr int kError = 4;
  if (level == kError && last_error.empty()) last_error = text;
}

bool as_expected(const Functions& f) {
  constexpr int kThreads = 3;
  Parameters quantize = f.quantize_defaults();
  Parameters context = f.context_defaults();
  Parameters pool = f.pool_defaults(kThreads);
  return quantize.at<int32_t>(kQuantizeFileType) == 7 && quantize.at<uint8_t>(kQuantizeOutputTensor) == 1 &&
         quantize.at<uint8_t>(kQuantizePure) == 0 && context.at<uint32_t>(kContextTokens) == 512 &&
         context.at<uint32_t>(kContextBatch) == 2048 && context.at<uint32_t>(kContextPhysicalBatch) == 512 &&
         context.at<int32_t>(kContextFlash) == kFlashAuto && context.at<int32_t>(kContextKeys) == kF16 &&
         context.at<int32_t>(kContextValues) == kF16 && pool.at<int32_t>(kPoolThreads) == kThreads &&
         pool.at<uint32_t>(kPoolPoll) == 50;
}

}  // namespace

Error failure(const std::string& path, const char* what) {
  while (!last_error.empty() && last_error.back() == '\n') last_error.pop_back();
  return Error(fmt::format("{}: llama.cpp failed to {} ({})", path, what, last_error));
}

void* Functions::symbol(const char* name) const {
  for (void* library : libraries) {
    if (void* found = ::dlsym(library, name)) return found;
  }
  return nullptr;
}

bool Functions::find_all() {
  return find(log_set, "llama_log_set") && find(load_backends, "ggml_backend_load_all_from_path") &&
         find(backend_init, "llama_backend_init") &&
         find(quantize_defaults, "llama_model_quantize_default_params") &&
         find(quantize_model, "llama_model_quantize") && find(quantize_chunk, "ggml_quantize_chunk") &&
         find(model_defaults, "llama_model_default_params") &&
         find(load_model, "llama_model_load_from_file") && find(free_model, "llama_model_free") &&
         find(context_defaults, "llama_context_default_params") &&
         find(new_context, "llama_init_from_model") && find(free_context, "llama_free") &&
         find(set_threads, "llama_set_n_threads") && find(vocabulary, "llama_model_get_vocab") &&
         find(vocabulary_size, "llama_vocab_n_tokens") && find(memory, "llama_get_memory") &&
         find(clear_memory, "llama_memory_clear") && find(new_batch, "llama_batch_init") &&
         find(free_batch, "llama_batch_free") && find(decode, "llama_decode") &&
         find(logits_of, "llama_get_logits_ith") && find(device_by_type, "ggml_backend_dev_by_type") &&
         find(device_registry, "ggml_backend_dev_backend_reg") &&
         find(address_in, "ggml_backend_reg_get_proc_address") &&
         find(pool_defaults, "ggml_threadpool_params_default") &&
         find(attach_pool, "llama_attach_threadpool");
}

Status Functions::open(const std::string& folder) {
  for (const char* prefix : {"libggml-base.", "libggml.", "libllama."}) {
    const std::string path = newest(folder, prefix);
    if (path.empty()) return Error(fmt::format("{}: no {}*so", folder, prefix));
    void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
    if (!library) return Error(fmt::format("{}: {}", path, ::dlerror()));
    libraries.push_back(library);
  }
  if (!find_all()) return Error("llama.cpp's library lacks a function that is expected");
  if (!as_expected(*this)) {
    return Error("llama.cpp's parameter structures are not laid out as expected");
  }
  log_set(keep_errors, nullptr);
  load_backends(folder.c_str());
  backend_init();
  return {};
}

}  // namespace qnext::llama
