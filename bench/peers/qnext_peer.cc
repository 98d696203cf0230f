// qnext as one of the programs that compare.mjs compares:
//   qnext_peer MODEL THREADS CONTEXT PIECE [KV_TYPE [ISA]]
// PIECE is the most tokens of a step. Beyond peer_server.h it knows
//   bandwidth        "value GB": what all threads together read from memory now, GB/s
//   bytes N D        "value BYTES": what a token of N in one step moves at least, after D tokens
#include <fmt/format.h>

#include <cstdlib>
#include <memory>
#include <optional>

#include "base/thread_pool.h"
#include "checkpoint/checkpoint.h"
#include "engine/memory_speed.h"
#include "engine/traffic.h"
#include "model/model.h"
#include "peer_server.h"

namespace qnext {
namespace {

class QnextPeer : public peers::Peer {
 public:
  QnextPeer(Model& model, ThreadPool& threads, int64_t context, int64_t piece)
      : model_(model),
        threads_(threads),
        blocks_(model.state_shape().block_bytes(), context / model.state_shape().block_tokens + 1),
        sequence_(model.state_shape(), blocks_),
        piece_(static_cast<size_t>(piece)) {}

  int64_t vocab() const override { return model_.config().vocab_size; }
  std::string forget() override {
    sequence_.restore(nullptr);
    return "";
  }
  std::string mark() override {
    mark_ = sequence_.snapshot();
    return "";
  }
  std::string rewind() override {
    sequence_.restore(mark_.get());
    return "";
  }
  std::string process(std::span<const int32_t> tokens) override {
    while (!tokens.empty()) {
      const auto piece = tokens.first(std::min(piece_, tokens.size()));
      tokens = tokens.subspan(piece.size());
      const LogitsWanted wanted = tokens.empty() ? LogitsWanted::kLast : LogitsWanted::kNone;
      const StepItem items[] = {{&sequence_, piece, wanted}};
      if (const Status status = model_.step(items, output_); !status.ok()) return status.error().message();
    }
    return "";
  }
  std::string other(const std::string& line) override {
    std::istringstream words(line);
    std::string command;
    int64_t count = 0, depth = 0;
    words >> command >> count >> depth;
    if (command == "bandwidth") {
      if (!speed_) speed_.emplace(threads_);
      return fmt::format("value {}", speed_->read_gb_per_s());
    }
    if (command == "bytes") return fmt::format("value {}", bytes_per_token(count, depth));
    return Peer::other(line);
  }

 private:
  double bytes_per_token(int64_t count, int64_t depth) const {
    double bytes = 0;
    const auto piece = static_cast<int64_t>(piece_);
    for (int64_t at = 0; at < count; at += piece) {
      const int64_t rows = std::min(piece, count - at);
      bytes += bytes_of_step(
          model_, {.rows = rows, .position = depth + at + rows, .logit_rows = at + rows == count ? 1 : 0});
    }
    return bytes / static_cast<double>(count);
  }

  Model& model_;
  ThreadPool& threads_;
  BlockPool blocks_;
  Sequence sequence_;
  std::shared_ptr<const Snapshot> mark_;
  size_t piece_;
  StepOutput output_;
  std::optional<MemorySpeed> speed_;
};

Status run(int argc, char** argv) {
  if (argc < 5 || argc > 7) return Error("usage: qnext_peer MODEL THREADS CONTEXT PIECE [KV_TYPE [ISA]]");
  const auto kv_type = dtype_from_name(argc > 5 ? argv[5] : "bf16");
  if (!kv_type) return Error(fmt::format("{}: not a type", argv[5]));
  QN_TRY(const Checkpoint checkpoint, open_checkpoint(argv[1]));
  ThreadPool threads(std::atoi(argv[2]));
  const std::unique_ptr<Ops> ops = make_cpu_ops(threads, argc > 6 ? argv[6] : "");
  if (!ops) return Error(fmt::format("{}: not an instruction set of this machine", argv[6]));
  QN_TRY(const auto model, Model::load(checkpoint, *ops, {.kv_dtype = *kv_type}));
  QnextPeer peer(*model, threads, std::atoll(argv[3]), std::atoll(argv[4]));
  peers::Server(peer).run();
  return {};
}

}  // namespace
}  // namespace qnext

int main(int argc, char** argv) {
  const qnext::Status status = qnext::run(argc, argv);
  if (status.ok()) return 0;
  fmt::print(stderr, "qnext_peer: {}\n", status.error().message());
  return 1;
}
