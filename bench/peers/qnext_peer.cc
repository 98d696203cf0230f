// qnext as one of the programs that compare.mjs compares:
//   qnext_peer MODEL [NAME=VALUE]...
// with the names threads, context, piece (most tokens of a step), kv-type, activations and isa. Beyond
// peer_server.h it knows
//   bandwidth        "value GB": what all threads together read from memory now, GB/s
//   load             brings every weight where it belongs, which otherwise happens as they are used; "ok"
//   bytes N D        "value BYTES": what a token of N in one step moves at least, after D tokens
#include <fmt/format.h>

#include <cstdlib>
#include <memory>
#include <optional>

#include "base/thread_pool.h"
#include "checkpoint/checkpoint.h"
#include "engine/traffic.h"
#include "kernels/memory_speed.h"
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
    if (command == "load") {
      model_.finish_loading();
      return "ok";
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

struct Options {
  int threads = 0;
  int64_t context = 4096, piece = 1024;
  DType kv_type = DType::kBF16;
  Rounding rounding = Rounding::kInt8;
  std::string isa;

  Status set(const std::string& name, const std::string& value);
};

Status Options::set(const std::string& name, const std::string& value) {
  const Error bad(fmt::format("{}={}: no such option or value", name, value));
  if (name == "threads") {
    threads = std::atoi(value.c_str());
  } else if (name == "context") {
    context = std::atoll(value.c_str());
  } else if (name == "piece") {
    piece = std::atoll(value.c_str());
    if (piece <= 0) return bad;
  } else if (name == "kv-type") {
    const auto type = dtype_from_name(value);
    if (!type) return bad;
    kv_type = *type;
  } else if (name == "activations") {
    if (value != "f32" && value != "int8" && value != "native") return bad;
    rounding = value == "f32" ? Rounding::kNone : value == "int8" ? Rounding::kInt8 : Rounding::kNative;
  } else if (name == "isa") {
    isa = value;
  } else {
    return bad;
  }
  return {};
}

Status run(int argc, char** argv) {
  if (argc < 2) return Error("usage: qnext_peer MODEL [NAME=VALUE]...");
  Options options;
  for (int i = 2; i < argc; ++i) {
    const std::string argument = argv[i];
    const size_t equals = std::min(argument.find('='), argument.size() - 1);
    QN_RETURN_IF_ERROR(options.set(argument.substr(0, equals), argument.substr(equals + 1)));
  }
  QN_TRY(const Checkpoint checkpoint, open_checkpoint(argv[1]));
  ThreadPool threads(options.threads);
  const std::unique_ptr<Ops> ops = make_cpu_ops(threads, options.isa, options.rounding);
  if (!ops) return Error(fmt::format("{}: not an instruction set of this machine", options.isa));
  QN_TRY(const auto model, Model::load(checkpoint, *ops, {.kv_dtype = options.kv_type}));
  QnextPeer peer(*model, threads, options.context, options.piece);
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
