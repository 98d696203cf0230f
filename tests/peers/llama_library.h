// llama.cpp's shared libraries, as the npm package @node-llama-cpp/linux-x64 ships them, opened at run time:
// an independent reader, quantiser and evaluator of GGUF files for tests. Nothing of it is linked or copied.
//
// Parameter structures are passed by value and grow from release to release. Only their leading members,
// which have been stable for years, are touched; open() checks that the defaults are where we expect them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "peers/llama_model.h"
#include "tensor/dtype.h"

namespace qnext {

class LlamaLibrary {
 public:
  // `folder` holds libllama*.so, libggml*.so and the libggml-cpu-*.so back ends, of which the best for this
  // machine is loaded.
  static Result<std::unique_ptr<LlamaLibrary>> open(const std::string& folder);
  ~LlamaLibrary();

  // `rows` rows of `cols` floats in the type's blocks, without an importance matrix.
  void quantize(DType dtype, const float* source, std::byte* out, int64_t rows, int64_t cols) const;
  // The decoder of a type, for `count` elements. False when the library has none.
  bool dequantize(DType dtype, const std::byte* source, float* out, int64_t count) const;

  // Writes `output`, a file of the kind general.file_type = `file_type`. `pure`: all matrices in its type.
  Status quantize_file(const std::string& input, const std::string& output, int file_type, bool pure) const;

  // Ready to evaluate. The library outlives the model.
  Result<LlamaModel> load(const std::string& model) const;

  // Logits [tokens, vocab] of each sequence, from one call of decode for each, states cleared between them.
  struct Logits {
    int64_t vocab = 0;
    std::vector<std::vector<float>> rows_of;  // by sequence
  };
  Result<Logits> logits(const std::string& model, const std::vector<std::vector<int32_t>>& sequences) const;

  // The most probable token, `steps` times for each prompt, each fed back alone; also after an end token.
  struct Continuations {
    std::vector<std::vector<int32_t>> tokens_of;  // by prompt
    Logits logits;                                // the rows that they were chosen from
  };
  Result<Continuations> generate(const std::string& model, const std::vector<std::vector<int32_t>>& prompts,
                                 int steps) const;

 private:
  explicit LlamaLibrary(std::unique_ptr<llama::Functions> functions);
  std::unique_ptr<llama::Functions> f_;
};

}  // namespace qnext
