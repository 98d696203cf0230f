// ik_llama.cpp as one of the programs that compare.mjs compares:
//   ik_peer MODEL THREADS CONTEXT REPACK
// compare.mjs compiles this file against the headers and libraries of a build beside qnext. REPACK 1 lays the
// weights out anew at load (-rtr). Flash attention is on, the cache binary16; the rest is its standard.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "llama.h"
#include "peer_server.h"

namespace {

class IkPeer : public qnext::peers::Peer {
 public:
  IkPeer(llama_model* model, llama_context* context) : model_(model), context_(context) {}

  int64_t vocab() const override { return llama_n_vocab(model_); }
  std::string forget() override {
    llama_kv_cache_clear(context_);
    return "";
  }
  std::string process(std::span<const int32_t> tokens) override {
    std::vector<llama_token> copy(tokens.begin(), tokens.end());  // it wants them writable
    const auto batch = static_cast<int64_t>(llama_n_batch(context_)), n = static_cast<int64_t>(copy.size());
    for (int64_t at = 0; at < n; at += batch) {
      const auto count = static_cast<int32_t>(std::min(batch, n - at));
      const auto from = static_cast<llama_pos>(position() + at);
      if (llama_decode(context_, llama_batch_get_one(copy.data() + at, count, from, 0)) != 0) {
        return "ik_llama.cpp failed to evaluate";
      }
    }
    llama_synchronize(context_);
    return "";
  }

 private:
  llama_model* model_;
  llama_context* context_;
};

void drop(ggml_log_level, const char*, void*) {}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: ik_peer MODEL THREADS CONTEXT REPACK\n");
    return 1;
  }
  llama_log_set(drop, nullptr);
  llama_backend_init();
  llama_model_params how = llama_model_default_params();
  how.repack_tensors = std::atoi(argv[4]) != 0;
  how.use_mmap = !how.repack_tensors;
  llama_model* model = llama_model_load_from_file(argv[1], how);
  llama_context_params parameters = llama_context_default_params();
  parameters.n_ctx = static_cast<uint32_t>(std::atoi(argv[3]));
  parameters.n_threads = parameters.n_threads_batch = static_cast<uint32_t>(std::atoi(argv[2]));
  parameters.flash_attn = true;
  llama_context* context = model ? llama_init_from_model(model, parameters) : nullptr;
  if (!context) {
    std::fprintf(stderr, "ik_peer: %s: cannot load it\n", argv[1]);
    return 1;
  }
  IkPeer peer(model, context);
  qnext::peers::Server(peer).run();
  llama_free(context);
  llama_free_model(model);
  return 0;
}
