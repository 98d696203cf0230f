#include "checkpoint/safetensors.h"

#include <fmt/format.h>

#include <cstring>
#include <optional>
#include <unordered_set>

#include "base/files.h"
#include "checkpoint/json_reader.h"

namespace qnext {
namespace {

constexpr size_t kMaxList = 8;

// What the header says of one tensor, before it is compared with the file.
struct HeaderItem {
  std::string name;
  std::optional<DType> dtype;
  std::optional<std::vector<int64_t>> shape;
  std::optional<std::vector<int64_t>> offsets;
};

// Takes the header's JSON as it is read. Names may number tens of thousands, so no document is built.
class HeaderReader final : public JsonReader {
 public:
  explicit HeaderReader(const std::string& label) : JsonReader(label) {}
  std::vector<HeaderItem>& items() { return items_; }

 private:
  bool in_metadata() const { return depth() >= 1 && path(0) == "__metadata__"; }
  std::string what() const { return fmt::format("{}: tensor {}", label(), path(0)); }

  Status on_begin(bool array) override {
    if (depth() == 0) return array ? Error(label() + ": the header is not a JSON object") : Status{};
    if (in_metadata()) return {};
    if (depth() == 1) {
      if (array) return Error(what() + ": an object is expected");
      QN_RETURN_IF_ERROR(check_name("tensor", path(0), label()));
      items_.push_back({std::string(path(0)), {}, {}, {}});
      return {};
    }
    HeaderItem& item = items_.back();
    auto* list = path(1) == "shape" ? &item.shape : path(1) == "data_offsets" ? &item.offsets : nullptr;
    if (depth() > 2 || !array || !list) return unexpected("a list or object");
    if (*list) return unexpected("a second value");
    list->emplace();
    return {};
  }

  Status on_integer(uint64_t value) override {
    if (in_metadata()) return {};
    if (depth() != 3 || value > static_cast<uint64_t>(INT64_MAX)) return unexpected(std::to_string(value));
    HeaderItem& item = items_.back();
    auto& list = path(1) == "shape" ? *item.shape : *item.offsets;
    if (list.size() >= kMaxList) return unexpected("a list of more than 8 numbers");
    list.push_back(static_cast<int64_t>(value));
    return {};
  }

  Status on_string(const std::string& value) override {
    if (in_metadata()) return {};
    if (depth() != 2 || path(1) != "dtype") return unexpected(quoted(value));
    HeaderItem& item = items_.back();
    if (item.dtype) return unexpected("a second value");
    item.dtype = dtype_from_safetensors(value);
    if (!item.dtype) return Error(fmt::format("{}: dtype {} is not known", what(), quoted(value)));
    return {};
  }

  Status on_other(const char* kind) override { return in_metadata() ? Status{} : unexpected(kind); }

  Error unexpected(const std::string& value) const {
    if (depth() == 0) return Error(label() + ": the header is not a JSON object");
    if (depth() == 1) return Error(fmt::format("{}: {} where an object is expected", what(), value));
    return Error(fmt::format("{}: field {}: unexpected {}", what(), path(1), value));
  }

  std::vector<HeaderItem> items_;
};

Result<StoredTensor> place(HeaderItem item, std::span<const std::byte> data,
                           const std::shared_ptr<const void>& owner, size_t file_size,
                           const std::string& label) {
  const std::string what = fmt::format("{}: tensor {}", label, item.name);
  if (!item.dtype) return Error(what + ": field dtype is missing");
  if (!item.shape) return Error(what + ": field shape is missing");
  if (!item.offsets || item.offsets->size() != 2) {
    return Error(what + ": field data_offsets: two offsets are expected");
  }
  const int64_t begin = (*item.offsets)[0], end = (*item.offsets)[1];
  if (begin > end) return Error(fmt::format("{}: data_offsets [{}, {}] are out of order", what, begin, end));
  if (static_cast<uint64_t>(end) > data.size()) {
    return Error(fmt::format("{}: data_offsets [{}, {}] reach beyond the file ({} bytes)", what, begin, end,
                             file_size));
  }
  Shape shape(std::move(*item.shape));
  QN_TRY(const int64_t bytes, checked_bytes(*item.dtype, shape, what));
  if (bytes != end - begin) {
    return Error(fmt::format("{}: {} of shape {} takes {} bytes, but data_offsets [{}, {}] span {}", what,
                             name(*item.dtype), shape.text(), bytes, begin, end, end - begin));
  }
  return StoredTensor{{std::move(item.name), *item.dtype, std::move(shape)}, data.data() + begin, owner};
}

}  // namespace

Result<std::vector<StoredTensor>> parse_safetensors(std::span<const std::byte> image,
                                                    std::shared_ptr<const void> owner,
                                                    const std::string& label) {
  uint64_t length = 0;
  if (image.size() < sizeof length) {
    return Error(fmt::format("{}: {} bytes are too few for a safetensors file", label, image.size()));
  }
  std::memcpy(&length, image.data(), sizeof length);
  const auto body = image.subspan(sizeof length);
  if (length > body.size() || length > static_cast<uint64_t>(kSafetensorsMaxHeader)) {
    return Error(fmt::format("{}: not a safetensors file, or cut short: a header of {} bytes in a file of {}",
                             label, length, image.size()));
  }
  HeaderReader header(label);
  QN_RETURN_IF_ERROR(header.read({reinterpret_cast<const char*>(body.data()), static_cast<size_t>(length)}));

  const auto data = body.subspan(static_cast<size_t>(length));
  std::vector<StoredTensor> tensors;
  std::unordered_set<std::string_view> names;
  tensors.reserve(header.items().size());  // names point into it
  for (HeaderItem& item : header.items()) {
    QN_TRY(StoredTensor tensor, place(std::move(item), data, owner, image.size(), label));
    tensors.push_back(std::move(tensor));
    if (!names.insert(tensors.back().entry.name).second) {
      return Error(fmt::format("{}: tensor {} occurs twice", label, tensors.back().entry.name));
    }
  }
  QN_RETURN_IF_ERROR(check_no_overlap(tensors, data.data(), label));
  return tensors;
}

Result<std::vector<StoredTensor>> map_safetensors(const std::string& path) {
  QN_TRY(const std::shared_ptr<const MappedFile> file, MappedFile::open(path));
  QN_TRY(std::vector<StoredTensor> tensors, parse_safetensors(file->bytes(), file, path));
  for (StoredTensor& tensor : tensors) tensor.file = file.get();
  return tensors;
}

Result<std::shared_ptr<const TensorSource>> open_safetensors(const std::string& path) {
  QN_TRY(std::vector<StoredTensor> tensors, map_safetensors(path));
  return make_mapped_source(path, Naming::kPublished, std::move(tensors));
}

}  // namespace qnext
