#include "checkpoint/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "checkpoint/gguf_part.h"

namespace qnext {
namespace {

constexpr const char* kSplitNumber = "split.no";
constexpr const char* kSplitCount = "split.count";
constexpr const char* kSplitTensors = "split.tensors.count";
constexpr int64_t kMaxParts = 99999;  // five digits in the name

// "-00001-of-00003.gguf"
std::string split_suffix(int64_t number, int64_t count) {
  return fmt::format("-{:05}-of-{:05}.gguf", number, count);
}

// The path before the suffix of the first part.
Result<std::string> split_stem(const std::string& path, const GgufMetadata& metadata, int64_t count) {
  if (count > kMaxParts) return metadata.wrong(kSplitCount, fmt::format("{} parts are too many", count));
  QN_TRY(const int64_t number, metadata.integer(kSplitNumber));
  if (number != 0) {
    return metadata.wrong(kSplitNumber,
                          fmt::format("this is part {} of {}: give the first part", number + 1, count));
  }
  const std::string suffix = split_suffix(1, count);
  if (!path.ends_with(suffix)) {
    return metadata.wrong(
        kSplitCount, fmt::format("the first of {} parts must have a name that ends in {}", count, suffix));
  }
  return path.substr(0, path.size() - suffix.size());
}

Result<GgufPart> map_part(const std::string& path) {
  QN_TRY(const std::shared_ptr<const MappedFile> file, MappedFile::open(path));
  QN_TRY(GgufPart part, parse_gguf_part(file->bytes(), file, path));
  for (StoredTensor& tensor : part.tensors) tensor.file = file.get();
  return part;
}

Status add_other_parts(const std::string& stem, int64_t count, std::vector<StoredTensor>& tensors) {
  for (int64_t i = 1; i < count; ++i) {
    const std::string path = stem + split_suffix(i + 1, count);
    QN_TRY(GgufPart part, map_part(path));
    QN_TRY(const int64_t its_number, part.metadata->integer(kSplitNumber));
    QN_TRY(const int64_t its_count, part.metadata->integer(kSplitCount));
    if (its_number != i)
      return part.metadata->wrong(kSplitNumber, fmt::format("{} where {} is due", its_number, i));
    if (its_count != count) {
      return part.metadata->wrong(kSplitCount,
                                  fmt::format("{}, but the first part says {}", its_count, count));
    }
    std::move(part.tensors.begin(), part.tensors.end(), std::back_inserter(tensors));
  }
  return {};
}

}  // namespace

Result<GgufFile> open_gguf(const std::string& path) {
  QN_TRY(GgufPart first, map_part(path));
  const GgufMetadata& metadata = *first.metadata;
  QN_TRY(const int64_t count, metadata.integer_or(kSplitCount, 1));
  if (count > 1) {
    QN_TRY(const std::string stem, split_stem(path, metadata, count));
    QN_RETURN_IF_ERROR(add_other_parts(stem, count, first.tensors));
    const auto found = static_cast<int64_t>(first.tensors.size());
    QN_TRY(const int64_t total, metadata.integer_or(kSplitTensors, found));
    if (total != found) {
      return metadata.wrong(kSplitTensors, fmt::format("{}, but the parts hold {}", total, found));
    }
  }
  QN_TRY(auto tensors, make_mapped_source(path, Naming::kGguf, std::move(first.tensors)));
  return GgufFile{first.metadata, std::move(tensors)};
}

Result<GgufFile> parse_gguf(std::span<const std::byte> image, std::shared_ptr<const void> owner,
                            const std::string& label) {
  QN_TRY(GgufPart part, parse_gguf_part(image, std::move(owner), label));
  QN_TRY(const int64_t count, part.metadata->integer_or(kSplitCount, 1));
  if (count > 1) return part.metadata->wrong(kSplitCount, "a part of a split file cannot be read by itself");
  QN_TRY(auto tensors, make_mapped_source(label, Naming::kGguf, std::move(part.tensors)));
  return GgufFile{part.metadata, std::move(tensors)};
}

}  // namespace qnext
