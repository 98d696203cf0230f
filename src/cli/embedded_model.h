// The model that is part of the program: a GGUF image, assets/embedded/model.gguf at build time.
#pragma once

#include <cstddef>
#include <span>

namespace qnext {

// Empty when the program was built without one.
std::span<const std::byte> embedded_model();

}  // namespace qnext
