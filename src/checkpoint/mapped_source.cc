#include "checkpoint/mapped_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <tuple>
#include <unordered_map>

namespace qnext {
namespace {

class MappedSource final : public TensorSource {
 public:
  MappedSource(std::string label, Naming naming) : label_(std::move(label)), naming_(naming) {}

  Status fill(std::vector<StoredTensor> tensors) {
    entries_.reserve(tensors.size());
    places_.reserve(tensors.size());
    for (StoredTensor& tensor : tensors) {
      entries_.push_back(std::move(tensor.entry));
      places_.push_back({tensor.data, std::move(tensor.owner)});
    }
    index_.reserve(entries_.size());
    extents_.reserve(entries_.size());
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (!index_.emplace(entries_[i].name, i).second) {
        return Error(fmt::format("{}: tensor {} occurs twice", label_, entries_[i].name));
      }
      const TensorView view{entries_[i].dtype, entries_[i].shape, places_[i].data};
      extents_.push_back({view.data, view.data + view.bytes(), tensors[i].file});
    }
    std::sort(extents_.begin(), extents_.end(), [](const Extent& a, const Extent& b) {
      return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
    });
    return {};
  }

  bool maps(const std::byte* data, int64_t bytes) const override { return file_of(data, bytes) != nullptr; }
  const std::byte* read_once(const std::byte* data, int64_t bytes, std::byte* buffer) const override {
    const MappedFile* file = file_of(data, bytes);
    return file && file->copy(data, static_cast<size_t>(bytes), buffer) ? buffer : data;
  }

  Naming naming() const override { return naming_; }
  const std::string& label() const override { return label_; }
  const std::vector<TensorEntry>& entries() const override { return entries_; }

  const TensorEntry* find(std::string_view name) const override {
    auto it = index_.find(name);
    return it == index_.end() ? nullptr : &entries_[it->second];
  }

  Result<Tensor> load(std::string_view name) const override {
    auto it = index_.find(name);
    if (it == index_.end()) return Error(fmt::format("{}: tensor {} is missing", label_, name));
    const TensorEntry& entry = entries_[it->second];
    const Place& place = places_[it->second];
    Tensor tensor;
    tensor.dtype = entry.dtype;
    tensor.shape = entry.shape;
    tensor.panels = entry.panels;
    tensor.data = place.data;
    tensor.owner = place.owner;
    const auto element = is_quantised(entry.dtype) ? 1 : static_cast<uintptr_t>(info(entry.dtype).bytes);
    if (reinterpret_cast<uintptr_t>(place.data) % element != 0) {
      std::byte* copy = nullptr;
      Tensor aligned = Tensor::allocate(entry.dtype, entry.shape, &copy);
      aligned.panels = entry.panels;
      std::memcpy(copy, place.data, static_cast<size_t>(tensor.bytes()));
      return aligned;
    }
    return tensor;
  }

 private:
  struct Place {
    const std::byte* data;
    std::shared_ptr<const void> owner;
  };
  struct Extent {
    const std::byte *begin, *end;
    const MappedFile* file;
  };
  // Null for bytes that are no part of a mapping, but of a copy that load() or its caller made.
  const MappedFile* file_of(const std::byte* data, int64_t bytes) const {
    const auto after = std::upper_bound(extents_.begin(), extents_.end(), data,
                                        [](const std::byte* p, const Extent& e) { return p < e.begin; });
    if (after == extents_.begin()) return nullptr;
    const Extent& extent = *std::prev(after);
    return data + bytes <= extent.end ? extent.file : nullptr;
  }

  std::string label_;
  Naming naming_;
  std::vector<TensorEntry> entries_;  // not changed after fill(): index_ points into its names
  std::vector<Place> places_;
  std::vector<Extent> extents_;  // by address
  std::unordered_map<std::string_view, size_t> index_;
};

}  // namespace

Status check_name(std::string_view kind, std::string_view name, const std::string& label) {
  constexpr size_t kLongest = 1000;
  const bool control = std::any_of(name.begin(), name.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
  if (!name.empty() && name.size() <= kLongest && !control) return {};
  return Error(fmt::format("{}: the name of a {} is {}", label, kind,
                           name.empty() ? "empty"
                           : control    ? "not printable"
                                        : fmt::format("{} bytes long", name.size())));
}

Result<int64_t> checked_bytes(DType dtype, const Shape& shape, const std::string& what) {
  const DTypeInfo& type = info(dtype);
  // An extent of 0 counts as 1 here, so that it cannot hide an overflow from readers that multiply in another
  // order.
  int64_t largest = 1;
  bool overflow = false;
  for (int64_t extent : shape.dims()) {
    if (extent < 0) return Error(fmt::format("{}: shape {} has a negative extent", what, shape.text()));
    overflow = __builtin_mul_overflow(largest, std::max<int64_t>(extent, 1), &largest) || overflow;
  }
  int64_t bytes = 0;
  overflow = __builtin_mul_overflow(largest, int64_t{type.bytes}, &bytes) || overflow;
  if (overflow) return Error(fmt::format("{}: shape {} is too large", what, shape.text()));
  if (shape.last() % type.block != 0) {
    return Error(fmt::format("{}: rows of {} elements, not a multiple of {}'s blocks of {}", what,
                             shape.last(), type.name, type.block));
  }
  return shape.elements() / type.block * type.bytes;
}

Status check_no_overlap(std::span<const StoredTensor> tensors, const std::byte* data,
                        const std::string& label) {
  struct Extent {
    int64_t begin, end;
    const TensorEntry* entry;
  };
  std::vector<Extent> extents;
  extents.reserve(tensors.size());
  for (const StoredTensor& tensor : tensors) {
    const TensorEntry& entry = tensor.entry;
    const int64_t bytes = entry.shape.rows() * row_bytes(entry.dtype, entry.shape.last());
    if (bytes == 0) continue;
    const int64_t begin = tensor.data - data;
    extents.push_back({begin, begin + bytes, &entry});
  }
  auto by_begin = [](const Extent& a, const Extent& b) { return a.begin < b.begin; };
  if (!std::is_sorted(extents.begin(), extents.end(), by_begin)) {
    std::sort(extents.begin(), extents.end(), by_begin);
  }
  for (size_t i = 1; i < extents.size(); ++i) {
    const Extent &before = extents[i - 1], &after = extents[i];
    if (after.begin < before.end) {
      return Error(fmt::format("{}: tensor {}: its bytes [{}, {}] overlap those of {} [{}, {}]", label,
                               after.entry->name, after.begin, after.end, before.entry->name, before.begin,
                               before.end));
    }
  }
  return {};
}

Result<std::shared_ptr<const TensorSource>> make_mapped_source(std::string label, Naming naming,
                                                               std::vector<StoredTensor> tensors) {
  auto source = std::make_shared<MappedSource>(std::move(label), naming);
  QN_RETURN_IF_ERROR(source->fill(std::move(tensors)));
  return std::shared_ptr<const TensorSource>(std::move(source));
}

}  // namespace qnext
