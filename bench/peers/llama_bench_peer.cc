// llama.cpp as one of the programs that compare.mjs compares:
//   llama_bench_peer FOLDER MODEL THREADS CONTEXT
// FOLDER holds llama.cpp's libraries (tests/peers/README.md). Beyond peer_server.h it knows
//   flash on|off     goes to the context with, or without, flash attention; "ok"
// Both contexts share the weights, and each remembers its own tokens. The cache is binary16.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "peer_server.h"
#include "peers/llama_library.h"

namespace qnext {
namespace {

class LlamaPeer : public peers::Peer {
 public:
  LlamaPeer(const LlamaModel& model, int threads, int64_t tokens)
      : model_(model), threads_(threads), tokens_(tokens) {}

  Status choose(bool flash) {
    auto& context = contexts_[flash];
    if (!context) {
      QN_TRY(
          context,
          model_.context(
              {.tokens = tokens_, .batch = kBatch, .flash = flash, .half_cache = true, .threads = threads_}));
    }
    context_ = context.get();
    flash_ = flash;
    return {};
  }
  int64_t vocab() const override { return context_->vocab(); }
  int64_t& position() override { return positions_[flash_]; }
  std::string forget() override {
    context_->forget();
    return "";
  }
  std::string process(std::span<const int32_t> tokens) override {
    int64_t at = position();
    while (!tokens.empty()) {
      const auto part = tokens.first(std::min<size_t>(kBatch, tokens.size()));
      tokens = tokens.subspan(part.size());
      const auto wanted = tokens.empty() ? LlamaContext::Rows::kLast : LlamaContext::Rows::kNone;
      if (!context_->step(part, at, wanted, nullptr)) return "llama.cpp failed to evaluate";
      at += static_cast<int64_t>(part.size());
    }
    return "";
  }
  std::string other(const std::string& line) override {
    if (line != "flash on" && line != "flash off") return Peer::other(line);
    const Status status = choose(line == "flash on");
    return status.ok() ? "ok" : "error " + status.error().message();
  }

 private:
  static constexpr int64_t kBatch = 2048;  // its standard
  const LlamaModel& model_;
  int threads_;
  int64_t tokens_;
  std::unique_ptr<LlamaContext> contexts_[2];  // without, with flash attention
  int64_t positions_[2] = {};
  LlamaContext* context_ = nullptr;
  bool flash_ = false;
};

Status run(int argc, char** argv) {
  if (argc != 5) return Error("usage: llama_bench_peer FOLDER MODEL THREADS CONTEXT");
  QN_TRY(const auto llama, LlamaLibrary::open(argv[1]));
  QN_TRY(const LlamaModel model, llama->load(argv[2]));
  LlamaPeer peer(model, std::atoi(argv[3]), std::atoll(argv[4]));
  QN_RETURN_IF_ERROR(peer.choose(true));
  peers::Server(peer).run();
  return {};
}

}  // namespace
}  // namespace qnext

int main(int argc, char** argv) {
  const qnext::Status status = qnext::run(argc, argv);
  if (status.ok()) return 0;
  fmt::print(stderr, "llama_bench_peer: {}\n", status.error().message());
  return 1;
}
