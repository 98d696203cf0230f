// Conversions of tensors in memory that stand for a file.
#pragma once

#include <cmath>
#include <vector>

#include "checkpoint/convert.h"
#include "checkpoint/memory_source.h"
#include "checkpoint/reading_support.h"
#include "checkpoint/row_reader.h"

namespace qnext::reading {

using test::MemorySource;

// All values of a tensor as float32, FP8 with its scales.
inline std::vector<float> values_of(const Checkpoint& checkpoint, const std::string& name) {
  RowReader reader = must(RowReader::open(*checkpoint.tensors, name, checkpoint.config));
  const Shape& shape = reader.tensor().shape;
  std::vector<float> values(static_cast<size_t>(shape.elements()));
  for (int64_t i = 0; i < shape.rows(); ++i) reader.read(i, shape.last(), values.data() + i * shape.last());
  return values;
}

// Rows [begin, begin + count) of a tensor.
inline std::vector<float> rows_of(const Checkpoint& checkpoint, const std::string& name, int64_t begin,
                                  int64_t count) {
  const std::vector<float> all = values_of(checkpoint, name);
  const int64_t cols = checkpoint.tensors->find(name)->shape.last();
  return {all.begin() + begin * cols, all.begin() + (begin + count) * cols};
}

inline std::string bytes_of_tensor(const Checkpoint& checkpoint, const std::string& name) {
  const Tensor t = must(checkpoint.tensors->load(name));
  return {reinterpret_cast<const char*>(t.data), static_cast<size_t>(t.bytes())};
}

// Both have the same tensors, bit for bit.
inline void expect_same_tensors(const Checkpoint& a, const Checkpoint& b) {
  ASSERT_EQ(a.tensors->entries().size(), b.tensors->entries().size());
  for (const TensorEntry& entry : a.tensors->entries()) {
    const TensorEntry* other = b.tensors->find(entry.name);
    ASSERT_NE(other, nullptr) << entry.name;
    EXPECT_EQ(entry.dtype, other->dtype) << entry.name;
    EXPECT_EQ(entry.shape, other->shape) << entry.name;
    EXPECT_TRUE(bytes_of_tensor(a, entry.name) == bytes_of_tensor(b, entry.name)) << entry.name;
  }
}

// A conversion into a folder of its own.
class Converted {
 public:
  Converted(const Checkpoint& from, GgufFileType type, ConvertOptions options = {}) {
    options.type = type;
    ThreadPool pool(2);
    const Status status = convert_to_gguf(from, path(), options, pool);
    EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().message());
    checkpoint_ = must(open_checkpoint(path()));
  }
  std::string path() const { return folder_ / "m.gguf"; }
  const Checkpoint& operator*() const { return checkpoint_; }
  const Checkpoint* operator->() const { return &checkpoint_; }
  DType type(const std::string& tensor) const { return checkpoint_.tensors->find(tensor)->dtype; }
  bool has(const std::string& tensor) const { return checkpoint_.tensors->find(tensor) != nullptr; }

 private:
  TempFolder folder_;
  Checkpoint checkpoint_;
};

}  // namespace qnext::reading
