// Used when there was no assets/embedded/model.gguf at build time.
#include "cli/embedded_model.h"

namespace qnext {

std::span<const std::byte> embedded_model() { return {}; }

}  // namespace qnext
