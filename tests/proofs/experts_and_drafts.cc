// How a trained model uses its experts, and how many of its drafts it accepts, over greedy answers.
// Usage: proof_experts_and_drafts MODEL PROMPTS [LONGEST]. PROMPTS is a JSON list of lists of ids. Prints a
// JSON object: for each layer with experts the shares of the least and the most used one as multiples of an
// even share and the entropy of the shares over its greatest value; for drafts of 1 to 3 tokens how many of
// the drafted tokens are those that the model goes on with, and tokens per step of a decoder that drafts so
// many.
#include <fmt/format.h>

#include <cstdlib>

#include "kernels/timed_ops.h"
#include "model/golden_support.h"

namespace qnext::test {
namespace {

constexpr int64_t kDrafts = 3;

// Counts what the routers choose, by the order of their calls in a step.
class CountingOps final : public TimedOps {
 public:
  using TimedOps::TimedOps;
  void moe_route(const float* logits, int64_t n, int64_t experts, int64_t top_k, bool normalise, int32_t* ids,
                 float* weights) override {
    TimedOps::moe_route(logits, n, experts, top_k, normalise, ids, weights);
    if (!counting) return;
    if (layer == counts.size()) counts.emplace_back(static_cast<size_t>(experts));
    for (int64_t i = 0; i < n * top_k; ++i) ++counts[layer][static_cast<size_t>(ids[i])];
    ++layer;
  }
  bool counting = false;
  size_t layer = 0;
  std::vector<std::vector<int64_t>> counts;
};

int32_t best(const std::vector<float>& logits, int64_t row, int64_t vocab) {
  const float* begin = logits.data() + row * vocab;
  return static_cast<int32_t>(std::max_element(begin, begin + vocab) - begin);
}

struct Acceptance {
  int64_t steps = 0;
  std::vector<int64_t> accepted = std::vector<int64_t>(kDrafts);  // of the first, the second, ... draft
};

class Measurement {
 public:
  Measurement(const std::string& path, int64_t longest)
      : checkpoint_(must(open_checkpoint(path))),
        pool_(2),
        ops_(make_cpu_ops(pool_, "")),
        model_(must(Model::load(checkpoint_, ops_, {.mtp = true}))),
        blocks_(model_->state_shape().block_bytes(), 1000),
        longest_(longest) {}

  void add(const std::vector<int32_t>& prompt) {
    std::vector<int32_t> ids = prompt;
    std::vector<float> hidden;  // of every position
    Sequence sequence(model_->state_shape(), blocks_);
    ops_.counting = true;
    const auto& ends = checkpoint_.config.eos_tokens;
    for (size_t from = 0; from < ids.size();) {
      ops_.layer = 0;
      const StepItem item{&sequence, std::span(ids).subspan(from), LogitsWanted::kLast};
      StepOutput out;
      must(model_->step({&item, 1}, out));
      hidden.insert(hidden.end(), out.hidden.begin(), out.hidden.end());
      from = ids.size();
      const int32_t next = best(out.logits, 0, model_->config().vocab_size);
      const bool ended =
          std::find(ends.begin(), ends.end(), ids.back()) != ends.end() && from > prompt.size();
      if (ended || ids.size() >= prompt.size() + static_cast<size_t>(longest_)) break;
      ids.push_back(next);
    }
    ops_.counting = false;
    drafts(sequence, ids, static_cast<int64_t>(prompt.size()), hidden);
  }

  void print() const {
    Json layers = Json::array();
    for (const auto& counts : ops_.counts) {
      double total = 0, entropy = 0;
      for (const int64_t c : counts) total += static_cast<double>(c);
      const auto size = static_cast<double>(counts.size());
      for (const int64_t c : counts) {
        const double p = static_cast<double>(c) / total;
        if (c > 0) entropy -= p * std::log(p);
      }
      const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
      layers.push_back({{"least", static_cast<double>(*least) / total * size},
                        {"most", static_cast<double>(*most) / total * size},
                        {"entropy", entropy / std::log(size)}});
    }
    Json drafts = Json::array();
    int64_t all = 0;
    for (int64_t k = 0; k < kDrafts; ++k) {
      all += accepted_.accepted[static_cast<size_t>(k)];
      const auto steps = static_cast<double>(accepted_.steps);
      drafts.push_back(
          {{"drafts", k + 1},
           {"accepted_of_drafted", static_cast<double>(all) / steps / static_cast<double>(k + 1)},
           {"tokens_per_step", 1 + static_cast<double>(all) / steps}});
    }
    fmt::print("{}\n", dump_json({{"positions", accepted_.steps}, {"experts", layers}, {"mtp", drafts}}, 1));
  }

 private:
  // From every position of the answer as many drafts as there are: each is accepted when all before it are
  // and it is the token that the answer goes on with.
  void drafts(Sequence& sequence, const std::vector<int32_t>& ids, int64_t prompt,
              const std::vector<float>& hidden) {
    const int64_t width = model_->config().hidden_size, vocab = model_->config().vocab_size;
    const auto n = static_cast<int64_t>(ids.size());
    for (int64_t t = 0; t + 2 < n; ++t) {
      std::vector<float> from(hidden.begin() + t * width, hidden.begin() + (t + 1) * width);
      int32_t next = ids[static_cast<size_t>(t + 1)];
      const bool answer = t + 2 >= prompt && t + 1 + kDrafts < n;
      accepted_.steps += answer;
      for (int64_t k = 0; k < kDrafts; ++k) {
        const DraftItem item{&sequence, t + k, {&next, 1}, from.data(), LogitsWanted::kLast};
        StepOutput out;
        must(model_->draft({&item, 1},
                           out));  // the first writes the block's cache of this position, for later ones
        if (!answer) break;
        const int32_t drafted = best(out.logits, 0, vocab);
        if (drafted != ids[static_cast<size_t>(t + 2 + k)]) break;
        ++accepted_.accepted[static_cast<size_t>(k)];
        next = drafted;
        from = out.hidden;
      }
    }
  }

  Checkpoint checkpoint_;
  ThreadPool pool_;
  CountingOps ops_;
  std::unique_ptr<Model> model_;
  BlockPool blocks_;
  const int64_t longest_;
  Acceptance accepted_;
};

}  // namespace
}  // namespace qnext::test

int main(int argc, char** argv) {
  using namespace qnext::test;
  if (argc < 3) return fmt::print(stderr, "usage: proof_experts_and_drafts MODEL PROMPTS [LONGEST]\n"), 2;
  Measurement measurement(argv[1], argc > 3 ? std::atoll(argv[3]) : 100);
  for (const auto& prompt : must(qnext::read_json_file(argv[2]))) measurement.add(prompt);
  measurement.print();
}
