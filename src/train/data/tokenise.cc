#include "train/data/tokenise.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/files.h"

namespace qnext::train {
namespace {

constexpr size_t kBlockBytes = size_t{8} << 20;  // text whose ids are held twice for a moment

}  // namespace

Result<std::vector<SourceFiles>> list_sources(std::span<const Source> sources, int64_t& bytes) {
  std::vector<SourceFiles> all;
  for (const Source& source : sources) {
    QN_TRY(auto paths, source_files(source));
    for (const std::string& path : paths) {
      std::error_code ignored;
      const auto size = std::filesystem::file_size(path, ignored);
      if (!ignored) bytes += static_cast<int64_t>(size);
    }
    all.push_back({source, std::move(paths)});
  }
  return all;
}

Status Tokeniser::add_source(const SourceFiles& files) {
  for (const std::string& path : files.paths) QN_RETURN_IF_ERROR(add_file(files.source, path));
  return {};
}

Status Tokeniser::add_file(const Source& source, const std::string& path) {
  QN_TRY(const auto file, MappedFile::open(path));
  const std::string_view contents(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
  const bool json = holds_json_lines(path);
  const auto records = json ? json_records(contents) : text_records(contents, source.separator);
  for (size_t begin = 0, end = 0; begin < records.size(); begin = end) {
    size_t bytes = 0;
    while (end < records.size() && bytes < kBlockBytes) bytes += records[end++].text.size();
    QN_RETURN_IF_ERROR(add_records(std::span(records).subspan(begin, end - begin), json, source.learn, path));
    if (progress_) progress_(done_ += static_cast<int64_t>(bytes), total_);
  }
  return {};
}

Status Tokeniser::add_records(std::span<const Record> records, bool json, Learn learn,
                              const std::string& path) {
  std::vector<std::optional<Result<Encoded>>> encoded(records.size());
  pool_.parallel_for(static_cast<int64_t>(records.size()), 16, [&](int64_t begin, int64_t end, int) {
    for (size_t i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      encoded[i] =
          json ? encode_json(records[i], format_, path, learn) : encode_text(records[i], format_, path);
    }
  });
  for (const auto& result : encoded) {
    if (!result->ok()) return result->error();
    store_.add(result->value());
  }
  return {};
}

}  // namespace qnext::train
