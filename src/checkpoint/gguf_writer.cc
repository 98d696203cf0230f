#include "checkpoint/gguf_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>

namespace qnext {
namespace {

constexpr int64_t kStandardAlignment = 32, kPanelAlignment = 64;
constexpr const char* kAlignmentKey = "general.alignment";
constexpr uint32_t kVersion = 3;
constexpr int kMaxDims = 4;  // what readers of the format accept

int64_t aligned(int64_t offset, int64_t alignment) {
  return (offset + alignment - 1) / alignment * alignment;
}

// Panels are read by vectors of 64 bytes.
int64_t alignment_of(const std::vector<TensorEntry>& tensors) {
  const bool panels =
      std::any_of(tensors.begin(), tensors.end(), [](const TensorEntry& t) { return t.panels; });
  return panels ? kPanelAlignment : kStandardAlignment;
}

// Appends little-endian numbers and length-prefixed strings.
class HeaderBytes {
 public:
  void number(uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) text_.push_back(static_cast<char>(value >> (8 * i)));
  }
  void u32(uint32_t value) { number(value, 4); }
  void u64(uint64_t value) { number(value, 8); }
  void string(const std::string& value) {
    u64(value.size());
    text_ += value;
  }
  void raw(std::string_view value) { text_ += value; }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

int integer_bytes(GgufType type) {
  switch (type) {
    case GgufType::kU8:
    case GgufType::kI8:
    case GgufType::kBool:
      return 1;
    case GgufType::kU16:
    case GgufType::kI16:
      return 2;
    case GgufType::kU32:
    case GgufType::kI32:
      return 4;
    case GgufType::kU64:
    case GgufType::kI64:
      return 8;
    default:
      return 0;
  }
}

uint64_t integer_of(const GgufValue& value) {
  if (const auto* v = std::get_if<uint64_t>(&value)) return *v;
  if (const auto* v = std::get_if<int64_t>(&value)) return static_cast<uint64_t>(*v);
  if (const auto* v = std::get_if<bool>(&value)) return *v ? 1 : 0;
  return 0;
}

void put_float(HeaderBytes& out, GgufType type, double value) {
  if (type == GgufType::kF32) {
    out.u32(std::bit_cast<uint32_t>(static_cast<float>(value)));
  } else {
    out.u64(std::bit_cast<uint64_t>(value));
  }
}

Status put_array(HeaderBytes& out, const GgufArray& array) {
  const auto type = static_cast<GgufType>(array.element_type);
  out.u32(array.element_type);
  if (type == GgufType::kString) {
    out.u64(array.strings.size());
    for (const std::string& s : array.strings) out.string(s);
  } else if (type == GgufType::kF32 || type == GgufType::kF64) {
    out.u64(array.floats.size());
    for (double v : array.floats) put_float(out, type, v);
  } else if (const int bytes = integer_bytes(type); bytes > 0) {
    out.u64(array.integers.size());
    for (int64_t v : array.integers) out.number(static_cast<uint64_t>(v), bytes);
  } else {
    return Error(fmt::format("cannot write a list of type {}", array.element_type));
  }
  return {};
}

Status put_value(HeaderBytes& out, GgufType type, const GgufValue& value) {
  if (type == GgufType::kString) {
    if (!std::holds_alternative<std::string>(value)) return Error("expected a string");
    out.string(std::get<std::string>(value));
  } else if (type == GgufType::kArray) {
    if (!std::holds_alternative<std::shared_ptr<const GgufArray>>(value)) return Error("expected an array");
    return put_array(out, *std::get<std::shared_ptr<const GgufArray>>(value));
  } else if (type == GgufType::kF32 || type == GgufType::kF64) {
    if (!std::holds_alternative<double>(value)) return Error("expected a number");
    put_float(out, type, std::get<double>(value));
  } else if (const int bytes = integer_bytes(type); bytes > 0) {
    out.number(integer_of(value), bytes);
  } else {
    return Error(fmt::format("unknown value type {}", static_cast<uint32_t>(type)));
  }
  return {};
}

Status put_tensor_info(HeaderBytes& out, const TensorEntry& entry, int64_t offset) {
  const DTypeInfo& type = info(entry.dtype);
  if (type.ggml_type < 0) return Error(fmt::format("type {} cannot be stored in GGUF", type.name));
  if (entry.shape.rank() < 1 || entry.shape.rank() > kMaxDims || entry.shape.last() % type.block != 0)
    return Error(fmt::format("shape {} does not fit type {}", entry.shape.text(), type.name));
  out.string(entry.name);
  out.u32(static_cast<uint32_t>(entry.shape.rank()));
  for (int i = entry.shape.rank() - 1; i >= 0; --i) out.u64(static_cast<uint64_t>(entry.shape[i]));
  out.u32(static_cast<uint32_t>(type.ggml_type) + (entry.panels ? kPanelTypes : 0));
  out.u64(static_cast<uint64_t>(offset));
  return {};
}

int64_t data_bytes(const TensorEntry& entry) {
  return entry.shape.rows() * row_bytes(entry.dtype, entry.shape.last());
}

Result<std::string> make_header(const std::string& path, const std::vector<GgufMetadata::Item>& metadata,
                                const std::vector<TensorEntry>& tensors, int64_t alignment) {
  HeaderBytes out;
  out.raw("GGUF");
  out.u32(kVersion);
  out.u64(tensors.size());
  out.u64(metadata.size());
  for (const GgufMetadata::Item& item : metadata) {
    out.string(item.key);
    out.u32(item.type);
    if (auto put = put_value(out, static_cast<GgufType>(item.type), item.value); !put.ok())
      return put.error().in(fmt::format("{}: key {}", path, item.key));
  }
  std::set<std::string_view> seen;
  int64_t offset = 0;
  for (const TensorEntry& entry : tensors) {
    if (!seen.insert(entry.name).second)
      return Error(fmt::format("{}: tensor {}: the name occurs twice", path, entry.name));
    if (auto put = put_tensor_info(out, entry, offset); !put.ok())
      return put.error().in(fmt::format("{}: tensor {}", path, entry.name));
    offset = aligned(offset + data_bytes(entry), alignment);
  }
  return out.text();
}

void pad(AtomicFile& file, int64_t alignment) {
  static constexpr char kZeros[kPanelAlignment] = {};
  file.write(kZeros, static_cast<size_t>(aligned(file.size(), alignment) - file.size()));
}

// What an earlier file said of its alignment does not hold for this one.
std::vector<GgufMetadata::Item> with_alignment(const std::vector<GgufMetadata::Item>& items,
                                               int64_t alignment) {
  GgufMetadataBuilder metadata(items);
  metadata.remove(kAlignmentKey);
  if (alignment != kStandardAlignment) metadata.u32(kAlignmentKey, alignment);
  return metadata.items();
}

}  // namespace

void GgufMetadataBuilder::set(const std::string& key, GgufType type, GgufValue value) {
  GgufMetadata::Item item{key, static_cast<uint32_t>(type), std::move(value)};
  for (GgufMetadata::Item& old : items_) {
    if (old.key != key) continue;
    old = std::move(item);
    return;
  }
  items_.push_back(std::move(item));
}

void GgufMetadataBuilder::u32(const std::string& key, int64_t value) {
  set(key, GgufType::kU32, static_cast<uint64_t>(value));
}
void GgufMetadataBuilder::f32(const std::string& key, double value) { set(key, GgufType::kF32, value); }
void GgufMetadataBuilder::boolean(const std::string& key, bool value) { set(key, GgufType::kBool, value); }
void GgufMetadataBuilder::string(const std::string& key, std::string value) {
  set(key, GgufType::kString, std::move(value));
}

void GgufMetadataBuilder::strings(const std::string& key, std::vector<std::string> values) {
  auto array = std::make_shared<GgufArray>();
  array->element_type = static_cast<uint32_t>(GgufType::kString);
  array->strings = std::move(values);
  set(key, GgufType::kArray, std::shared_ptr<const GgufArray>(std::move(array)));
}

void GgufMetadataBuilder::integers(const std::string& key, GgufType element, std::vector<int64_t> values) {
  auto array = std::make_shared<GgufArray>();
  array->element_type = static_cast<uint32_t>(element);
  array->integers = std::move(values);
  set(key, GgufType::kArray, std::shared_ptr<const GgufArray>(std::move(array)));
}

void GgufMetadataBuilder::remove(const std::string& key) {
  std::erase_if(items_, [&](const GgufMetadata::Item& item) { return item.key == key; });
}

Status write_gguf(const std::string& path, const std::vector<GgufMetadata::Item>& metadata,
                  const std::vector<TensorEntry>& tensors, const TensorProducer& produce) {
  const int64_t alignment = alignment_of(tensors);
  QN_TRY(const std::string header,
         make_header(path, with_alignment(metadata, alignment), tensors, alignment));
  QN_TRY(auto file, AtomicFile::create(path));
  file->write(header);
  pad(*file, alignment);
  TensorSink sink(*file);
  for (size_t i = 0; i < tensors.size(); ++i) {
    const int64_t start = file->size();
    QN_RETURN_IF_ERROR(produce(i, sink));
    QN_CHECK(file->size() - start == data_bytes(tensors[i]), "wrong amount of data for " + tensors[i].name);
    pad(*file, alignment);
  }
  return file->commit();
}

}  // namespace qnext
