// How the tensors of a GGUF file of architecture qwen3next are made from a published checkpoint: names,
// shapes, which rows go where, and what happens to the values. The same as llama.cpp's converter;
// docs/formats.md has the table.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "tensor/tensor.h"

namespace qnext {

enum class ValueChange {
  kNone,
  kAddOne,  // zero-centred norms become plain multipliers
  kNegExp,  // A_log becomes the decay rate -exp(A_log)
};

// Rows [begin, begin + count) of a source tensor, all extents but the last taken together.
struct RowRange {
  std::string source;
  int64_t begin = 0;
  int64_t count = 0;
};

struct GgufRecipe {
  std::string name;
  Shape shape;
  Shape source_shape;          // of every source in `rows`; extents of 1 may be missing or added
  std::vector<RowRange> rows;  // one after the other
  ValueChange change = ValueChange::kNone;
};

// The recipes in the order of the file. Each source tensor is checked to be there with the right shape;
// errors name file and tensor. A source that is GGUF already is taken over as it is.
Result<std::vector<GgufRecipe>> gguf_recipes(const Checkpoint& checkpoint, bool with_mtp);
// The same of a configuration whose experts are published one by one.
std::vector<GgufRecipe> gguf_recipes(const ModelConfig& config, bool with_mtp);

}  // namespace qnext
