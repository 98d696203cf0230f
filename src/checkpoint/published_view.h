// A GGUF file seen under the published names: for adapters, which are made for those, and for training.
#pragma once

#include <memory>

#include "base/result.h"
#include "checkpoint/checkpoint.h"

namespace qnext {

// The tensors of a checkpoint with the published names, shapes and conventions; its own where it has them
// already. Those of a GGUF file are put together when they are loaded, experts one by one: F32 stays F32, and
// matrices of any other type become BF16, vectors F32. An error names a tensor that the file does not have.
Result<std::shared_ptr<const TensorSource>> published_view(const Checkpoint& checkpoint);

}  // namespace qnext
