// The functions of llama.cpp's shared libraries, found at run time. For the files beside this one only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace qnext::llama {

// Larger than any parameter structure: as the last argument passed by value, what follows is not looked at.
struct alignas(16) Parameters {
  std::byte bytes[2048];
  template <class T>
  T& at(size_t offset) {
    return *reinterpret_cast<T*>(bytes + offset);
  }
};

// Offsets of the members that are touched.
inline constexpr size_t kQuantizeThreads = 0, kQuantizeFileType = 4, kQuantizeOutputTensor = 17,
                        kQuantizePure = 19, kQuantizeAllow = 16;
inline constexpr size_t kContextTokens = 0, kContextBatch = 4, kContextPhysicalBatch = 8, kContextFlash = 52,
                        kContextKeys = 104, kContextValues = 108;
inline constexpr size_t kPoolThreads = 512, kPoolPoll = 520;
inline constexpr int32_t kF32 = 0, kF16 = 1, kFlashAuto = -1, kFlashOff = 0, kFlashOn = 1;

struct Batch {  // llama_batch
  int32_t n_tokens;
  int32_t* token;
  float* embd;
  int32_t* pos;
  int32_t* n_seq_id;
  int32_t** seq_id;
  int8_t* logits;
};

struct Functions {
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
  void* (*device_by_type)(int) = nullptr;
  void* (*device_registry)(void*) = nullptr;
  void* (*address_in)(void* registry, const char* name) = nullptr;
  Parameters (*pool_defaults)(int) = nullptr;
  void (*attach_pool)(void* context, void* pool, void* pool_for_prompts) = nullptr;

  // Opens the libraries of a folder and finds every function. Errors also when a structure is not laid out as
  // the offsets above say.
  Status open(const std::string& folder);
  void* symbol(const char* name) const;
  // A function that only the chosen back end has. Null when it has none of that name.
  template <class Function>
  Function of_back_end(const char* name) const {
    constexpr int kCpu = 0;
    void* device = device_by_type(kCpu);
    return device ? reinterpret_cast<Function>(address_in(device_registry(device), name)) : nullptr;
  }

 private:
  template <class Function>
  bool find(Function& function, const char* name) {
    function = reinterpret_cast<Function>(symbol(name));
    return function != nullptr;
  }
  bool find_all();
};

// "PATH: llama.cpp failed to WHAT (the first thing that it said)".
Error failure(const std::string& path, const char* what);

}  // namespace qnext::llama
