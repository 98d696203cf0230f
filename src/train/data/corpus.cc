#include "train/data/corpus.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "train/data/tokenise.h"

namespace qnext::train {
namespace {

// Cuts documents [first, last) of the store. Stretches without anything to learn are left out.
std::vector<Stretch> cut(const TokenStore& store, size_t first, size_t last, int64_t sequence_length) {
  std::vector<Stretch> stretches;
  for (size_t d = first; d < last; ++d) {
    if (store.end(d) - store.begin(d) < 2) continue;
    const uint64_t end = store.end(d) - 1;  // the last token is a target only
    for (uint64_t begin = store.begin(d); begin < end; begin += static_cast<uint64_t>(sequence_length)) {
      const uint64_t length = std::min(static_cast<uint64_t>(sequence_length), end - begin);
      bool learnt = false;
      for (uint64_t i = begin; i < begin + length && !learnt; ++i) learnt = store.learnt(i + 1);
      if (learnt) stretches.push_back({begin, static_cast<uint32_t>(length)});
    }
  }
  return stretches;
}

void add_to(Fingerprint& fingerprint, const std::vector<Corpus::Part>& parts) {
  fingerprint.add(uint64_t{parts.size()});
  for (const Corpus::Part& part : parts) {
    fingerprint.add(std::string_view(part.name));
    fingerprint.add(std::bit_cast<uint64_t>(part.weight));
    fingerprint.add(uint64_t{part.stretches.size()});
    for (const Stretch& stretch : part.stretches) {
      fingerprint.add(stretch.begin);
      fingerprint.add(uint64_t{stretch.length});
    }
  }
}

}  // namespace

Result<Corpus> Corpus::build(const CorpusOptions& options, const TextFormat& format, ThreadPool& pool,
                             const std::function<void(int64_t, int64_t)>& progress) {
  QN_CHECK(options.sequence_length > 0 && options.sequence_length <= UINT32_MAX, "a sequence has tokens");
  QN_CHECK(!options.sources.empty(), "a corpus has sources");
  int64_t bytes = 0;
  QN_TRY(const auto sources, list_sources(options.sources, bytes));
  QN_TRY(const auto held_out, list_sources(options.held_out, bytes));
  Corpus corpus(format.tokenizer->vocab_size());
  Tokeniser tokeniser(format, pool, progress, bytes, corpus.store_);
  const auto add = [&](const std::vector<SourceFiles>& all, std::vector<Part>& parts) -> Status {
    for (const SourceFiles& files : all) {
      const size_t first = corpus.documents();
      QN_RETURN_IF_ERROR(tokeniser.add_source(files));
      Part part{files.source.name, files.source.weight, {}};
      part.stretches = cut(corpus.store_, first, corpus.documents(), options.sequence_length);
      if (part.stretches.empty()) return Error(files.source.path + ": no text to learn from");
      parts.push_back(std::move(part));
    }
    return {};
  };
  QN_RETURN_IF_ERROR(add(sources, corpus.parts_));
  QN_RETURN_IF_ERROR(add(held_out, corpus.held_out_));
  QN_RETURN_IF_ERROR(corpus.hold_out(options));
  for (Part& part : corpus.held_out_) part = corpus.limited(std::move(part), options.held_out_tokens);
  return corpus;
}

uint64_t Corpus::content_hash(const Stretch& stretch) const {
  Fingerprint fingerprint;
  for (uint64_t i = 0; i <= stretch.length; ++i) {
    fingerprint.add(static_cast<uint64_t>(store_.id(stretch.begin + i)));
  }
  return fingerprint.low();
}

// Of each source, the stretches with the smallest hashes: as many as its share, copies of the last one too.
Status Corpus::hold_out(const CorpusOptions& options) {
  if (options.held_out_share <= 0) return {};
  for (size_t p = 0; p < parts_.size(); ++p) {
    Part& part = parts_[p];
    std::vector<uint64_t> hashes;
    for (const Stretch& stretch : part.stretches) hashes.push_back(content_hash(stretch));
    std::vector<uint64_t> sorted = hashes;
    const double wanted = std::round(options.held_out_share * static_cast<double>(sorted.size()));
    const size_t count = std::clamp<size_t>(static_cast<size_t>(wanted), 1, sorted.size());
    std::sort(sorted.begin(), sorted.end());
    const uint64_t limit = sorted[count - 1];
    Part held{part.name, 1, {}}, learnt{part.name, part.weight, {}};
    for (size_t i = 0; i < hashes.size(); ++i) {
      (hashes[i] <= limit ? held : learnt).stretches.push_back(part.stretches[i]);
    }
    if (learnt.stretches.empty()) {
      return Error(fmt::format("{}: holding out a share of {:g} of {} sequences leaves nothing to learn from",
                               options.sources[p].path, options.held_out_share, part.stretches.size()));
    }
    part = std::move(learnt);
    held_out_.push_back(std::move(held));
  }
  return {};
}

// Stretches by hash, not from the start, so that the rest is of the same kind.
Corpus::Part Corpus::limited(Part part, int64_t tokens) const {
  if (tokens <= 0) return part;
  std::vector<std::pair<uint64_t, size_t>> order;
  for (size_t i = 0; i < part.stretches.size(); ++i) order.emplace_back(content_hash(part.stretches[i]), i);
  std::sort(order.begin(), order.end());
  std::vector<size_t> kept;
  int64_t total = 0;
  for (const auto& [hash, index] : order) {
    total += part.stretches[index].length;
    if (total > tokens && !kept.empty()) break;
    kept.push_back(index);
  }
  std::sort(kept.begin(), kept.end());
  std::vector<Stretch> stretches;
  for (const size_t index : kept) stretches.push_back(part.stretches[index]);
  part.stretches = std::move(stretches);
  return part;
}

int64_t Corpus::learnt_tokens() const {
  int64_t total = 0;
  for (const Part& part : parts_) {
    for (const Stretch& stretch : part.stretches) total += stretch.length;
  }
  return total;
}

void Corpus::append(const Stretch& stretch, Batch& batch) const {
  if (batch.starts.empty()) batch.starts.push_back(0);
  for (uint64_t i = stretch.begin; i < stretch.begin + stretch.length; ++i) {
    batch.ids.push_back(store_.id(i));
    batch.targets.push_back(store_.learnt(i + 1) ? store_.id(i + 1) : Batch::kNoTarget);
  }
  batch.starts.push_back(static_cast<int64_t>(batch.ids.size()));
}

std::vector<Batch> Corpus::held_out_batches(const Part& part, int64_t tokens) const {
  std::vector<Batch> batches;
  for (const Stretch& stretch : part.stretches) {
    const bool fits =
        !batches.empty() && static_cast<int64_t>(batches.back().tokens()) + stretch.length <= tokens;
    if (!fits) batches.emplace_back();
    append(stretch, batches.back());
  }
  return batches;
}

std::string Corpus::fingerprint() const {
  Fingerprint fingerprint;
  store_.add_to(fingerprint);
  add_to(fingerprint, parts_);
  add_to(fingerprint, held_out_);
  return fingerprint.hex();
}

}  // namespace qnext::train
