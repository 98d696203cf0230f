// One GGUF file by itself. Internal to the room: gguf.h joins the parts of split files.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/gguf.h"
#include "checkpoint/mapped_source.h"

namespace qnext {

struct GgufPart {
  std::shared_ptr<const GgufMetadata> metadata;
  std::vector<StoredTensor> tensors;  // in file order, each inside the image; names may still repeat
};

Result<GgufPart> parse_gguf_part(std::span<const std::byte> image, std::shared_ptr<const void> owner,
                                 const std::string& label);

}  // namespace qnext
