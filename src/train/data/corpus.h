// Everything that a run learns from and is measured on, as ids in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "train/data/batch.h"
#include "train/data/encode.h"
#include "train/data/records.h"
#include "train/data/token_store.h"

namespace qnext::train {

struct CorpusOptions {
  std::vector<Source> sources;
  // What is measured on and not learnt: sources of their own, or a share of the sequences of each source.
  // Which ones depends on what is in them alone, so that copies of one sequence are on the same side.
  std::vector<Source> held_out;
  double held_out_share = 0;
  int64_t held_out_tokens = 0;  // most of one source that are measured; 0 for all
  int64_t sequence_length = 0;  // most tokens of a sequence, above 0
};

// A stretch of a document: `length` inputs from `begin` on, each with the token after it as its target.
// A document of more tokens is cut into several; every learnt token but the first one of the document is the
// target of exactly one.
struct Stretch {
  uint64_t begin = 0;
  uint32_t length = 0;
};

class Corpus {
 public:
  struct Part {
    std::string name;
    double weight = 1;
    std::vector<Stretch> stretches;
  };

  // Reads and tokenises everything on all threads of the pool. `progress` may be null; it is told of the
  // bytes of text that are done and of all. Errors name file and line; a source with nothing to learn is one.
  static Result<Corpus> build(const CorpusOptions& options, const TextFormat& format, ThreadPool& pool,
                              const std::function<void(int64_t done, int64_t of)>& progress = nullptr);

  const std::vector<Part>& parts() const { return parts_; }        // by source
  const std::vector<Part>& held_out() const { return held_out_; }  // by source, those with nothing left out
  size_t documents() const { return store_.documents(); }
  size_t tokens() const { return store_.tokens(); }
  int64_t learnt_tokens() const;  // inputs of all stretches that are learnt from, one epoch of weight 1

  void append(const Stretch& stretch, Batch& batch) const;

  // All held-out stretches of a part in batches of at most `tokens` (one stretch at least), always the same.
  std::vector<Batch> held_out_batches(const Part& part, int64_t tokens) const;

  // Of the ids and of how they are cut and weighted: what a step sees is a function of this, the seed and the
  // tokens of a batch.
  std::string fingerprint() const;

 private:
  explicit Corpus(int32_t vocab_size) : store_(vocab_size) {}
  Status hold_out(const CorpusOptions& options);
  Part limited(Part part, int64_t tokens) const;
  uint64_t content_hash(const Stretch& stretch) const;

  TokenStore store_;
  std::vector<Part> parts_, held_out_;
};

}  // namespace qnext::train
