// Where weights come from. One interface over safetensors folders, GGUF files and synthetic weights.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tensor/tensor.h"

namespace qnext {

// How the names and the stored values relate to the model, see docs/formats.md.
enum class Naming {
  kPublished,  // Hugging Face names, zero-centred norms, A_log, interleaved in_proj_qkvz
  kGguf,       // llama.cpp names, norms with 1 added, ssm_a = -exp(A_log), q|k|v and z split
};

struct TensorEntry {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;          // slowest extent first, also for GGUF (whose files write it the other way round)
  bool panels = false;  // its matrices lie in panels (tensor/panels.h); in files that qnext wrote
};

// Named tensors. Sources check at opening that every tensor lies inside its file, so that load() of a present
// name only fails for I/O reasons. Thread-safe after construction.
class TensorSource {
 public:
  virtual ~TensorSource() = default;
  virtual Naming naming() const = 0;
  virtual const std::string& label() const = 0;                 // path or "synth:...", starts error messages
  virtual const std::vector<TensorEntry>& entries() const = 0;  // in file order
  virtual const TensorEntry* find(std::string_view name) const = 0;  // null when absent
  // Mapped sources return a view into the mapping; synthetic ones make the values.
  virtual Result<Tensor> load(std::string_view name) const = 0;
  // Whether bytes of a loaded tensor are in a mapping of the file, not in memory of their own.
  virtual bool maps(const std::byte* data, int64_t bytes) const { return false; }
  // Bytes of a loaded tensor, to be read once: where they are, or in `buffer`, which has room for them. A
  // mapped source copies them from the file, which costs less than mapping their pages and keeps none.
  virtual const std::byte* read_once(const std::byte* data, int64_t bytes, std::byte* buffer) const {
    return data;
  }
};

}  // namespace qnext
