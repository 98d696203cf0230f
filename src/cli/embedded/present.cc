// Used when assets/embedded/model.gguf was there at build time.
#include "cli/embedded_model.h"

extern "C" const std::byte qnext_embedded_model_begin[];
extern "C" const std::byte qnext_embedded_model_end[];

namespace qnext {

std::span<const std::byte> embedded_model() { return {qnext_embedded_model_begin, qnext_embedded_model_end}; }

}  // namespace qnext
