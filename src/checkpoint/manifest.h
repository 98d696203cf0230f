// Which tensors a published checkpoint of a configuration has, and their shapes.
#pragma once

#include <string>
#include <vector>

#include "checkpoint/model_config.h"
#include "tensor/tensor.h"

namespace qnext {

struct NamedShape {
  std::string name;
  Shape shape;
};

// The published names in layer order, experts one by one; `with_mtp` adds mtp.*. Biases do not exist.
std::vector<NamedShape> published_tensors(const ModelConfig& config, bool with_mtp);

}  // namespace qnext
