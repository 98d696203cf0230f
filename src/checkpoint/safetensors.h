// The safetensors container: a u64 header length (little-endian), a JSON header {name: {dtype, shape,
// data_offsets: [begin, end]}, "__metadata__"?: {...}}, then the data. Reading; safetensors_writer.h writes.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "checkpoint/mapped_source.h"

namespace qnext {

inline constexpr int64_t kSafetensorsMaxHeader = 100 * 1000 * 1000;

// The tensors of a file's image, in header order. Checked: the header's length and JSON, every type, that
// shape, offsets and file agree, that no name occurs twice and that no two tensors share bytes. Zero-size
// tensors and gaps between tensors are allowed. Errors: "LABEL: tensor NAME: ...".
Result<std::vector<StoredTensor>> parse_safetensors(std::span<const std::byte> image,
                                                    std::shared_ptr<const void> owner,
                                                    const std::string& label);

// Maps a file and parses it.
Result<std::vector<StoredTensor>> map_safetensors(const std::string& path);

// One file as a source with published names.
Result<std::shared_ptr<const TensorSource>> open_safetensors(const std::string& path);

}  // namespace qnext
