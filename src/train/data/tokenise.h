// Reading and tokenising sources; internal to the room.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "train/data/encode.h"
#include "train/data/records.h"
#include "train/data/token_store.h"

namespace qnext::train {

struct SourceFiles {
  Source source;
  std::vector<std::string> paths;
};

// Adds the documents of the sources to a store.
class Tokeniser {
 public:
  Tokeniser(const TextFormat& format, ThreadPool& pool, std::function<void(int64_t, int64_t)> progress,
            int64_t total_bytes, TokenStore& store)
      : format_(format), pool_(pool), progress_(std::move(progress)), total_(total_bytes), store_(store) {}

  Status add_source(const SourceFiles& files);

 private:
  Status add_file(const Source& source, const std::string& path);
  Status add_records(std::span<const Record> records, bool json, Learn learn, const std::string& path);

  const TextFormat& format_;
  ThreadPool& pool_;
  std::function<void(int64_t, int64_t)> progress_;
  int64_t total_, done_ = 0;
  TokenStore& store_;
};

// The files of all sources, and how many bytes they have.
Result<std::vector<SourceFiles>> list_sources(std::span<const Source> sources, int64_t& bytes);

}  // namespace qnext::train
