#include "checkpoint/gguf_part.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <unordered_set>

#include "tensor/panels.h"

namespace qnext {
namespace {

constexpr uint64_t kMaxKeys = 1 << 16;        // real files have about fifty
constexpr uint64_t kMaxListLength = 1 << 24;  // real lists have one item per token
constexpr uint32_t kMaxRank = 4;
// The least that a key-value pair and a tensor's description take: bounds on their counts.
constexpr uint64_t kMinKeyBytes = 8 + 4 + 1;
constexpr uint64_t kMinTensorBytes = 8 + 4 + 4 + 8;  // a scalar has no extents

// Reads little-endian values one after the other and never beyond the end.
class Reader {
 public:
  Reader(std::span<const std::byte> image, const std::string& label) : image_(image), label_(label) {}

  size_t position() const { return position_; }
  uint64_t left() const { return image_.size() - position_; }
  Error cut_short() const {
    return Error(
        fmt::format("{}: cut short: the header goes on beyond the file's {} bytes", label_, image_.size()));
  }

  template <class T>
  Result<T> number() {
    static_assert(std::endian::native == std::endian::little);
    if (left() < sizeof(T)) return cut_short();
    T value;
    std::memcpy(&value, image_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return value;
  }

  Result<std::string> string() {
    QN_TRY(const uint64_t length, number<uint64_t>());
    if (left() < length) return cut_short();
    const char* begin = reinterpret_cast<const char*>(image_.data()) + position_;
    position_ += static_cast<size_t>(length);
    return std::string(begin, static_cast<size_t>(length));
  }

 private:
  std::span<const std::byte> image_;
  const std::string& label_;
  size_t position_ = 0;
};

class Parser {
 public:
  Parser(std::span<const std::byte> image, std::shared_ptr<const void> owner, const std::string& label)
      : image_(image), owner_(std::move(owner)), label_(label), in_(image, label) {}

  Result<GgufPart> parse() {
    QN_TRY(const uint64_t tensor_count, read_start());
    QN_RETURN_IF_ERROR(read_metadata());
    QN_TRY(const int64_t alignment, read_alignment());
    for (uint64_t i = 0; i < tensor_count; ++i) QN_RETURN_IF_ERROR(read_tensor(alignment));
    QN_RETURN_IF_ERROR(place_tensors(alignment));
    return GgufPart{std::move(metadata_), std::move(tensors_)};
  }

 private:
  Error bad(const std::string& what) const { return Error(label_ + ": " + what); }

  Result<uint64_t> read_start() {
    constexpr std::string_view kMagic = "GGUF";
    if (image_.size() < kMagic.size() || std::memcmp(image_.data(), kMagic.data(), kMagic.size()) != 0) {
      return bad("not a GGUF file");
    }
    QN_RETURN_IF_ERROR(in_.number<uint32_t>());
    QN_TRY(const uint32_t version, in_.number<uint32_t>());
    if (version != 2 && version != 3) {
      const bool big_endian = version >= 1 << 24;
      return bad(big_endian ? "GGUF in big-endian byte order is not supported"
                            : fmt::format("GGUF version {} is not supported, only 2 and 3 are", version));
    }
    QN_TRY(const uint64_t tensor_count, in_.number<uint64_t>());
    QN_TRY(key_count_, in_.number<uint64_t>());
    if (tensor_count > in_.left() / kMinTensorBytes) {
      return bad(fmt::format("{} tensors do not fit into a file of {} bytes", tensor_count, image_.size()));
    }
    if (key_count_ > in_.left() / kMinKeyBytes || key_count_ > kMaxKeys) {
      return bad(
          fmt::format("{} metadata keys are too many for a file of {} bytes", key_count_, image_.size()));
    }
    return tensor_count;
  }

  Status read_metadata() {
    metadata_ = std::make_shared<GgufMetadata>(label_);
    std::unordered_set<std::string> seen;
    for (uint64_t i = 0; i < key_count_; ++i) {
      QN_TRY(std::string key, in_.string());
      QN_RETURN_IF_ERROR(check_name("key", key, label_));
      if (!seen.insert(key).second) return metadata_->wrong(key, "occurs twice");
      QN_TRY(const uint32_t type, in_.number<uint32_t>());
      QN_TRY(GgufValue value, read_value(key, type));
      metadata_->add({std::move(key), type, std::move(value)});
    }
    return {};
  }

  template <class T>
  Result<GgufValue> read_number() {
    QN_TRY(const T value, in_.number<T>());
    if constexpr (std::is_floating_point_v<T>)
      return GgufValue(static_cast<double>(value));
    else if constexpr (std::is_signed_v<T>)
      return GgufValue(static_cast<int64_t>(value));
    else
      return GgufValue(static_cast<uint64_t>(value));
  }

  Result<GgufValue> read_value(const std::string& key, uint32_t type) {
    switch (static_cast<GgufType>(type)) {
      case GgufType::kU8:
        return read_number<uint8_t>();
      case GgufType::kI8:
        return read_number<int8_t>();
      case GgufType::kU16:
        return read_number<uint16_t>();
      case GgufType::kI16:
        return read_number<int16_t>();
      case GgufType::kU32:
        return read_number<uint32_t>();
      case GgufType::kI32:
        return read_number<int32_t>();
      case GgufType::kU64:
        return read_number<uint64_t>();
      case GgufType::kI64:
        return read_number<int64_t>();
      case GgufType::kF32:
        return read_number<float>();
      case GgufType::kF64:
        return read_number<double>();
      case GgufType::kBool: {
        QN_TRY(const uint8_t value, in_.number<uint8_t>());
        if (value > 1) return metadata_->wrong(key, fmt::format("{} is not a boolean", value));
        return GgufValue(value == 1);
      }
      case GgufType::kString: {
        QN_TRY(std::string value, in_.string());
        return GgufValue(std::move(value));
      }
      case GgufType::kArray:
        return read_array(key);
    }
    return metadata_->wrong(key, fmt::format("value type {} is not known", type));
  }

  template <class T, class Out>
  Status read_numbers(uint64_t count, std::vector<Out>& out) {
    if (in_.left() / sizeof(T) < count) return in_.cut_short();
    out.reserve(static_cast<size_t>(count));
    for (uint64_t i = 0; i < count; ++i) {
      QN_TRY(const T value, in_.number<T>());
      out.push_back(static_cast<Out>(value));
    }
    return {};
  }

  Status read_strings(uint64_t count, std::vector<std::string>& out) {
    if (in_.left() / sizeof(uint64_t) < count) return in_.cut_short();
    out.reserve(static_cast<size_t>(count));
    for (uint64_t i = 0; i < count; ++i) {
      QN_TRY(std::string value, in_.string());
      out.push_back(std::move(value));
    }
    return {};
  }

  Result<GgufValue> read_array(const std::string& key) {
    auto array = std::make_shared<GgufArray>();
    QN_TRY(array->element_type, in_.number<uint32_t>());
    QN_TRY(const uint64_t count, in_.number<uint64_t>());
    if (count > kMaxListLength)
      return metadata_->wrong(key, fmt::format("a list of {} items is too long", count));
    QN_RETURN_IF_ERROR(read_items(key, count, *array));
    return GgufValue(std::shared_ptr<const GgufArray>(std::move(array)));
  }

  Status read_items(const std::string& key, uint64_t count, GgufArray& array) {
    switch (static_cast<GgufType>(array.element_type)) {
      case GgufType::kU8:
        return read_numbers<uint8_t>(count, array.integers);
      case GgufType::kI8:
        return read_numbers<int8_t>(count, array.integers);
      case GgufType::kU16:
        return read_numbers<uint16_t>(count, array.integers);
      case GgufType::kI16:
        return read_numbers<int16_t>(count, array.integers);
      case GgufType::kU32:
        return read_numbers<uint32_t>(count, array.integers);
      case GgufType::kI32:
        return read_numbers<int32_t>(count, array.integers);
      case GgufType::kU64:
        return read_numbers<uint64_t>(count, array.integers);
      case GgufType::kI64:
        return read_numbers<int64_t>(count, array.integers);
      case GgufType::kF32:
        return read_numbers<float>(count, array.floats);
      case GgufType::kF64:
        return read_numbers<double>(count, array.floats);
      case GgufType::kString:
        return read_strings(count, array.strings);
      case GgufType::kBool:
        QN_RETURN_IF_ERROR(read_numbers<uint8_t>(count, array.integers));
        for (int64_t value : array.integers) {
          if (value > 1) return metadata_->wrong(key, fmt::format("{} is not a boolean", value));
        }
        return {};
      case GgufType::kArray:
        return metadata_->wrong(key, "a list of lists is not supported");
    }
    return metadata_->wrong(key, fmt::format("value type {} is not known", array.element_type));
  }

  Result<int64_t> read_alignment() const {
    const char* key = "general.alignment";
    QN_TRY(const int64_t alignment, metadata_->integer_or(key, 32));
    if (alignment < 1 || alignment > 1 << 30 || !std::has_single_bit(static_cast<uint64_t>(alignment))) {
      return metadata_->wrong(key, fmt::format("{} is not a power of two up to 2^30", alignment));
    }
    return alignment;
  }

  // Name, rank, extents (fastest first), type, offset.
  Status read_tensor(int64_t alignment) {
    QN_TRY(std::string name, in_.string());
    QN_RETURN_IF_ERROR(check_name("tensor", name, label_));
    const std::string what = fmt::format("{}: tensor {}", label_, name);
    QN_TRY(const uint32_t rank, in_.number<uint32_t>());
    if (rank > kMaxRank) return Error(fmt::format("{}: {} dimensions, more than {}", what, rank, kMaxRank));
    std::vector<int64_t> dims(rank);
    for (uint32_t i = rank; i-- > 0;) {
      QN_TRY(dims[i], in_.number<int64_t>());
    }
    QN_TRY(const uint32_t type, in_.number<uint32_t>());
    const bool panels = type >= kPanelTypes;
    const std::optional<DType> dtype = dtype_from_ggml(panels ? type - kPanelTypes : type);
    if (!dtype) return Error(fmt::format("{}: ggml type {} is not known", what, type));
    if (panels && (rank < 2 || !fits_panels(*dtype, dims.back()))) {
      return Error(fmt::format("{}: type {} is {} in panels, which shape {} does not fit", what, type,
                               qnext::name(*dtype), Shape(dims).text()));
    }
    QN_TRY(const uint64_t offset, in_.number<uint64_t>());
    if (offset % static_cast<uint64_t>(alignment) != 0) {
      return Error(
          fmt::format("{}: offset {} is not a multiple of the alignment {}", what, offset, alignment));
    }
    tensors_.push_back({{std::move(name), *dtype, Shape(std::move(dims)), panels}, nullptr, owner_});
    offsets_.push_back(offset);
    return {};
  }

  // The data begins at the first aligned byte after the descriptions, which is known only now.
  Status place_tensors(int64_t alignment) {
    const auto step = static_cast<uint64_t>(alignment);
    const uint64_t start = (in_.position() + step - 1) / step * step;
    const uint64_t size = image_.size() > start ? image_.size() - start : 0;
    const std::byte* data = size > 0 ? image_.data() + start : image_.data();
    for (size_t i = 0; i < tensors_.size(); ++i) {
      const TensorEntry& entry = tensors_[i].entry;
      const std::string what = fmt::format("{}: tensor {}", label_, entry.name);
      QN_TRY(const int64_t bytes, checked_bytes(entry.dtype, entry.shape, what));
      if (offsets_[i] > size || static_cast<uint64_t>(bytes) > size - offsets_[i]) {
        return Error(fmt::format("{}: {} bytes at offset {} reach beyond the file ({} bytes)", what, bytes,
                                 offsets_[i], image_.size()));
      }
      tensors_[i].data = data + offsets_[i];
    }
    return check_no_overlap(tensors_, data, label_);
  }

  std::span<const std::byte> image_;
  std::shared_ptr<const void> owner_;
  const std::string& label_;
  Reader in_;
  uint64_t key_count_ = 0;
  std::shared_ptr<GgufMetadata> metadata_;
  std::vector<StoredTensor> tensors_;
  std::vector<uint64_t> offsets_;  // [tensors_.size()]
};

}  // namespace

Result<GgufPart> parse_gguf_part(std::span<const std::byte> image, std::shared_ptr<const void> owner,
                                 const std::string& label) {
  return Parser(image, std::move(owner), label).parse();
}

}  // namespace qnext
