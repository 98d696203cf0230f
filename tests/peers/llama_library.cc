#include "peers/llama_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <initializer_list>

namespace qnext {
namespace {

// Larger than any parameter structure: as the last argument passed by value, what follows is not looked at.
struct alignas(16) Parameters {
  std::byte bytes[2048];
  template <class T>
  T& at(size_t offset) {
    return *reinterpret_cast<T*>(bytes + offset);
  }
};

// Offsets of the members that are touched.
constexpr size_t kQuantizeThreads = 0, kQuantizeFileType = 4, kQuantizeOutputTensor = 17, kQuantizePure = 19,
                 kQuantizeAllow = 16;
constexpr size_t kContextTokens = 0, kContextBatch = 4, kContextPhysicalBatch = 8, kContextFlash = 52,
                 kContextKeys = 104, kContextValues = 108;
constexpr int32_t kF32 = 0, kF16 = 1, kFlashAuto = -1, kFlashOff = 0;

struct Batch {  // llama_batch
  int32_t n_tokens;
  int32_t* token;
  float* embd;
  int32_t* pos;
  int32_t* n_seq_id;
  int32_t** seq_id;
  int8_t* logits;
};

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

Error failure(const std::string& path, const char* what) {
  while (!last_error.empty() && last_error.back() == '\n') last_error.pop_back();
  return Error(fmt::format("{}: llama.cpp failed to {} ({})", path, what, last_error));
}

}  // namespace

struct LlamaLibrary::Functions {
  std::vector<void*> libraries;
  void (*log_set)(void (*)(int, const char*, void*), void*) = nullptr;
  void (*load_backends)(const char*) = nullptr;
  void (*backend_init)() = nullptr;
  Parameters (*quantize_defaults)() = nullptr;
  uint32_t (*quantize_model)(const char*, const char*, const Parameters*) = nullptr;
  size_t (*quantize_chunk)(int, const float*, void*, int64_t, int64_t, int64_t, const float*) = nullptr;
  Parameters (*model_defaults)() = nullptr;
  void* (*load_model)(const char*, Parameters) = nullptr;
  void (*free_model)(void*) = nullptr;
  Parameters (*context_defaults)() = nullptr;
  void* (*new_context)(void*, Parameters) = nullptr;
  void (*free_context)(void*) = nullptr;
  void (*set_threads)(void*, int32_t, int32_t) = nullptr;
  const void* (*vocabulary)(const void*) = nullptr;
  int32_t (*vocabulary_size)(const void*) = nullptr;
  void* (*memory)(void*) = nullptr;
  void (*clear_memory)(void*, bool) = nullptr;
  Batch (*new_batch)(int32_t, int32_t, int32_t) = nullptr;
  void (*free_batch)(Batch) = nullptr;
  int32_t (*decode)(void*, Batch) = nullptr;
  float* (*logits_of)(void*, int32_t) = nullptr;

  void* symbol(const char* name) const {
    for (void* library : libraries) {
      if (void* found = ::dlsym(library, name)) return found;
    }
    return nullptr;
  }
  template <class Function>
  bool find(Function& function, const char* name) {
    function = reinterpret_cast<Function>(symbol(name));
    return function != nullptr;
  }
  Status find_all();
};

Status LlamaLibrary::Functions::find_all() {
  const bool all =
      find(log_set, "llama_log_set") && find(load_backends, "ggml_backend_load_all_from_path") &&
      find(backend_init, "llama_backend_init") &&
      find(quantize_defaults, "llama_model_quantize_default_params") &&
      find(quantize_model, "llama_model_quantize") && find(quantize_chunk, "ggml_quantize_chunk") &&
      find(model_defaults, "llama_model_default_params") && find(load_model, "llama_model_load_from_file") &&
      find(free_model, "llama_model_free") && find(context_defaults, "llama_context_default_params") &&
      find(new_context, "llama_init_from_model") && find(free_context, "llama_free") &&
      find(set_threads, "llama_set_n_threads") && find(vocabulary, "llama_model_get_vocab") &&
      find(vocabulary_size, "llama_vocab_n_tokens") && find(memory, "llama_get_memory") &&
      find(clear_memory, "llama_memory_clear") && find(new_batch, "llama_batch_init") &&
      find(free_batch, "llama_batch_free") && find(decode, "llama_decode") &&
      find(logits_of, "llama_get_logits_ith");
  if (!all) return Error("llama.cpp's library lacks a function that is expected");
  Parameters quantize = quantize_defaults();
  Parameters context = context_defaults();
  if (quantize.at<int32_t>(kQuantizeFileType) != 7 || quantize.at<uint8_t>(kQuantizeOutputTensor) != 1 ||
      quantize.at<uint8_t>(kQuantizePure) != 0 || context.at<uint32_t>(kContextTokens) != 512 ||
      context.at<uint32_t>(kContextBatch) != 2048 || context.at<uint32_t>(kContextPhysicalBatch) != 512 ||
      context.at<int32_t>(kContextFlash) != kFlashAuto || context.at<int32_t>(kContextKeys) != kF16 ||
      context.at<int32_t>(kContextValues) != kF16) {
    return Error("llama.cpp's parameter structures are not laid out as expected");
  }
  return {};
}

LlamaLibrary::LlamaLibrary(std::unique_ptr<Functions> functions) : f_(std::move(functions)) {}
LlamaLibrary::~LlamaLibrary() = default;  // the libraries stay open: back ends do not unload cleanly

Result<std::unique_ptr<LlamaLibrary>> LlamaLibrary::open(const std::string& folder) {
  auto functions = std::make_unique<Functions>();
  for (const char* prefix : {"libggml-base.", "libggml.", "libllama."}) {
    const std::string path = newest(folder, prefix);
    if (path.empty()) return Error(fmt::format("{}: no {}*so", folder, prefix));
    void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
    if (!library) return Error(fmt::format("{}: {}", path, ::dlerror()));
    functions->libraries.push_back(library);
  }
  QN_RETURN_IF_ERROR(functions->find_all());
  functions->log_set(keep_errors, nullptr);
  functions->load_backends(folder.c_str());
  functions->backend_init();
  return std::unique_ptr<LlamaLibrary>(new LlamaLibrary(std::move(functions)));
}

void LlamaLibrary::quantize(DType dtype, const float* source, std::byte* out, int64_t rows,
                            int64_t cols) const {
  f_->quantize_chunk(info(dtype).ggml_type, source, out, 0, rows, cols, nullptr);
}

bool LlamaLibrary::dequantize(DType dtype, const std::byte* source, float* out, int64_t count) const {
  std::string symbol = fmt::format("dequantize_row_{}", name(dtype));
  if (symbol.ends_with("_k")) symbol.back() = 'K';
  auto function = reinterpret_cast<void (*)(const void*, float*, int64_t)>(f_->symbol(symbol.c_str()));
  if (!function) return false;
  function(source, out, count);
  return true;
}

Status LlamaLibrary::quantize_file(const std::string& input, const std::string& output, int file_type,
                                   bool pure) const {
  Parameters parameters = f_->quantize_defaults();
  parameters.at<int32_t>(kQuantizeThreads) = 1;
  parameters.at<int32_t>(kQuantizeFileType) = file_type;
  parameters.at<uint8_t>(kQuantizeAllow) = 1;
  parameters.at<uint8_t>(kQuantizePure) = pure ? 1 : 0;
  if (f_->quantize_model(input.c_str(), output.c_str(), &parameters) != 0)
    return failure(input, "quantise it");
  return {};
}

// A model in a context of its own, with attention in float32 (half by default). One thread: llama.cpp's
// threads wait for each other in busy loops, which on a machine that has other work makes small models many
// times slower.
class LlamaLibrary::Loaded {
 public:
  static Result<std::unique_ptr<Loaded>> open(const Functions& f, const std::string& path, size_t longest) {
    auto loaded = std::unique_ptr<Loaded>(new Loaded(f));
    loaded->model_ = f.load_model(path.c_str(), f.model_defaults());
    if (!loaded->model_) return failure(path, "load it");
    Parameters parameters = f.context_defaults();
    for (size_t member : {kContextTokens, kContextBatch, kContextPhysicalBatch})
      parameters.at<uint32_t>(member) = static_cast<uint32_t>(longest);
    parameters.at<int32_t>(kContextFlash) = kFlashOff;
    parameters.at<int32_t>(kContextKeys) = parameters.at<int32_t>(kContextValues) = kF32;
    loaded->context_ = f.new_context(loaded->model_, parameters);
    if (!loaded->context_) return failure(path, "make a context");
    f.set_threads(loaded->context_, 1, 1);
    return loaded;
  }
  ~Loaded() {
    if (context_) f_.free_context(context_);
    if (model_) f_.free_model(model_);
  }
  Loaded(const Loaded&) = delete;
  Loaded& operator=(const Loaded&) = delete;

  int64_t vocab() const { return f_.vocabulary_size(f_.vocabulary(model_)); }
  void forget() { f_.clear_memory(f_.memory(context_), true); }

  // Appends the logits of the tokens, which stand at `position` and after; of the last one only, or of all.
  bool step(const std::vector<int32_t>& tokens, size_t position, bool all, std::vector<float>& rows) {
    const auto n = static_cast<int32_t>(tokens.size());
    Batch batch = f_.new_batch(n, 0, 1);
    batch.n_tokens = n;
    for (int32_t i = 0; i < n; ++i) {
      batch.token[i] = tokens[static_cast<size_t>(i)];
      batch.pos[i] = static_cast<int32_t>(position) + i;
      batch.n_seq_id[i] = 1;
      batch.seq_id[i][0] = 0;
      batch.logits[i] = all || i + 1 == n;
    }
    const bool ok = f_.decode(context_, batch) == 0;
    for (int32_t i = all ? 0 : n - 1; ok && i < n; ++i) {
      const float* row = f_.logits_of(context_, i);
      rows.insert(rows.end(), row, row + vocab());
    }
    f_.free_batch(batch);
    return ok;
  }

 private:
  explicit Loaded(const Functions& f) : f_(f) {}
  const Functions& f_;
  void* model_ = nullptr;
  void* context_ = nullptr;
};

Result<LlamaLibrary::Logits> LlamaLibrary::logits(const std::string& model,
                                                  const std::vector<std::vector<int32_t>>& sequences) const {
  size_t longest = 1;
  for (const auto& s : sequences) longest = std::max(longest, s.size());
  QN_TRY(const auto loaded, Loaded::open(*f_, model, longest));
  Logits result;
  result.vocab = loaded->vocab();
  for (const auto& sequence : sequences) {
    loaded->forget();
    if (!loaded->step(sequence, 0, true, result.rows_of.emplace_back())) return failure(model, "evaluate it");
  }
  return result;
}

Result<LlamaLibrary::Continuations> LlamaLibrary::generate(const std::string& model,
                                                           const std::vector<std::vector<int32_t>>& prompts,
                                                           int steps) const {
  size_t longest = 1;
  for (const auto& p : prompts) longest = std::max(longest, p.size());
  QN_TRY(const auto loaded, Loaded::open(*f_, model, longest + static_cast<size_t>(steps)));
  Continuations result;
  result.logits.vocab = loaded->vocab();
  for (const auto& prompt : prompts) {
    loaded->forget();
    auto& rows = result.logits.rows_of.emplace_back();
    auto& tokens = result.tokens_of.emplace_back();
    std::vector<int32_t> next = prompt;
    size_t position = 0;
    for (int i = 0; i < steps; ++i) {
      if (!loaded->step(next, position, false, rows)) return failure(model, "evaluate it");
      const auto row = rows.end() - result.logits.vocab;
      tokens.push_back(static_cast<int32_t>(std::max_element(row, rows.end()) - row));
      position += next.size();
      next = {tokens.back()};
    }
  }
  return result;
}

}  // namespace qnext
