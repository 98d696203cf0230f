// Tensors whose bytes lie in file mappings or other memory: what the readers of every file format produce.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "checkpoint/tensor_source.h"

namespace qnext {

// A tensor and where its bytes are. The reader has checked that all of them lie inside the file.
struct StoredTensor {
  TensorEntry entry;
  const std::byte* data = nullptr;
  std::shared_ptr<const void> owner;  // keeps `data` alive; may be null for static data
  const MappedFile* file = nullptr;   // that `data` is in the mapping of, kept alive by `owner` as well
};

// Names end up in messages and file listings: not empty, at most 1000 bytes, no control characters.
// `kind` is what has the name, for the message.
Status check_name(std::string_view kind, std::string_view name, const std::string& label);

// Bytes of a tensor, or an error that starts with `what`: when an extent is negative, the product overflows,
// or the last extent is not a multiple of the type's block.
Result<int64_t> checked_bytes(DType dtype, const Shape& shape, const std::string& what);

// `what` followed by the problem when two tensors of one file share bytes. `data` is the start of the file's
// data, used to print offsets.
Status check_no_overlap(std::span<const StoredTensor> tensors, const std::byte* data,
                        const std::string& label);

// Makes a source of tensors from one or several files. An error when a name occurs twice.
//
// load() returns views into the given memory. Only a plain tensor whose address is not a multiple of its
// element size (a file written without padding) is copied, so that readers may use the elements as they are.
Result<std::shared_ptr<const TensorSource>> make_mapped_source(std::string label, Naming naming,
                                                               std::vector<StoredTensor> tensors);

}  // namespace qnext
