// Which type each tensor of a GGUF file gets. The same choices as llama.cpp's quantiser, so that files of one
// kind have the same size and can be compared.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/model_config.h"
#include "checkpoint/tensor_source.h"
#include "tensor/dtype.h"

namespace qnext {

// A kind of file: the type of most matrices, and which of them get a finer one.
enum class GgufFileType {
  kF32,
  kF16,
  kBF16,
  kQ8_0,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kIQ4_NL,
  kQ4_K,    // llama.cpp's Q4_K_S
  kQ4_K_M,  // attention values and expert outputs of some layers in Q6_K
  kQ5_K,    // llama.cpp's Q5_K_S
  kQ5_K_M,
  kQ6_K,
};

struct GgufFileTypeInfo {
  GgufFileType type;
  std::string_view name;  // on the command line
  int number;             // general.file_type
  DType base;
};

const GgufFileTypeInfo& info(GgufFileType type);
std::optional<GgufFileType> gguf_file_type_from_name(std::string_view name);  // ignores case
std::string gguf_file_type_names();                                           // "f32, f16, ..."

// Whether a tensor is a matrix that may be stored in the file's type; norms, routers, convolutions and
// vectors keep the type they have.
bool may_quantise(const TensorEntry& tensor);

// The type of each tensor. entry.dtype is the type that a tensor which may not be quantised keeps.
std::vector<DType> plan_types(GgufFileType type, const ModelConfig& config,
                              std::span<const TensorEntry> tensors);

}  // namespace qnext
