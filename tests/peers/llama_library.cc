#include "peers/llama_library.h"

#include <fmt/format.h>

#include <algorithm>

#include "peers/llama_functions.h"

namespace qnext {
namespace {

// Attention in float32 (half by default), the longest sequence in one step. One thread: llama.cpp's threads
// wait for each other in busy loops, which on a machine that has other work makes small models many times
// slower.
Result<std::unique_ptr<LlamaContext>> exact_context(const LlamaLibrary& library, const std::string& path,
                                                    size_t longest) {
  QN_TRY(const LlamaModel model, library.load(path));
  const auto n = static_cast<int64_t>(longest);
  return model.context({.tokens = n, .batch = n, .physical_batch = n});
}

}  // namespace

LlamaLibrary::LlamaLibrary(std::unique_ptr<llama::Functions> functions) : f_(std::move(functions)) {}
LlamaLibrary::~LlamaLibrary() = default;  // the libraries stay open: back ends do not unload cleanly

Result<std::unique_ptr<LlamaLibrary>> LlamaLibrary::open(const std::string& folder) {
  auto functions = std::make_unique<llama::Functions>();
  QN_RETURN_IF_ERROR(functions->open(folder));
  return std::unique_ptr<LlamaLibrary>(new LlamaLibrary(std::move(functions)));
}

void LlamaLibrary::quantize(DType dtype, const float* source, std::byte* out, int64_t rows,
                            int64_t cols) const {
  f_->quantize_chunk(info(dtype).ggml_type, source, out, 0, rows, cols, nullptr);
}

bool LlamaLibrary::dequantize(DType dtype, const std::byte* source, float* out, int64_t count) const {
  std::string symbol = fmt::format("dequantize_row_{}", name(dtype));
  if (symbol.ends_with("_k")) symbol.back() = 'K';
  auto function = reinterpret_cast<void (*)(const void*, float*, int64_t)>(f_->symbol(symbol.c_str()));
  if (!function) return false;
  function(source, out, count);
  return true;
}

Status LlamaLibrary::quantize_file(const std::string& input, const std::string& output, int file_type,
                                   bool pure) const {
  llama::Parameters parameters = f_->quantize_defaults();
  parameters.at<int32_t>(llama::kQuantizeThreads) = 1;
  parameters.at<int32_t>(llama::kQuantizeFileType) = file_type;
  parameters.at<uint8_t>(llama::kQuantizeAllow) = 1;
  parameters.at<uint8_t>(llama::kQuantizePure) = pure ? 1 : 0;
  if (f_->quantize_model(input.c_str(), output.c_str(), &parameters) != 0)
    return llama::failure(input, "quantise it");
  return {};
}

Result<LlamaModel> LlamaLibrary::load(const std::string& model) const { return LlamaModel::load(*f_, model); }

Result<LlamaLibrary::Logits> LlamaLibrary::logits(const std::string& model,
                                                  const std::vector<std::vector<int32_t>>& sequences) const {
  size_t longest = 1;
  for (const auto& s : sequences) longest = std::max(longest, s.size());
  QN_TRY(const auto context, exact_context(*this, model, longest));
  Logits result;
  result.vocab = context->vocab();
  for (const auto& sequence : sequences) {
    context->forget();
    if (!context->step(sequence, 0, LlamaContext::Rows::kAll, &result.rows_of.emplace_back()))
      return llama::failure(model, "evaluate it");
  }
  return result;
}

Result<LlamaLibrary::Continuations> LlamaLibrary::generate(const std::string& model,
                                                           const std::vector<std::vector<int32_t>>& prompts,
                                                           int steps) const {
  size_t longest = 1;
  for (const auto& p : prompts) longest = std::max(longest, p.size());
  QN_TRY(const auto context, exact_context(*this, model, longest + static_cast<size_t>(steps)));
  Continuations result;
  result.logits.vocab = context->vocab();
  for (const auto& prompt : prompts) {
    context->forget();
    auto& rows = result.logits.rows_of.emplace_back();
    auto& tokens = result.tokens_of.emplace_back();
    std::vector<int32_t> next = prompt;
    int64_t position = 0;
    for (int i = 0; i < steps; ++i) {
      if (!context->step(next, position, LlamaContext::Rows::kLast, &rows))
        return llama::failure(model, "evaluate it");
      const auto row = rows.end() - result.logits.vocab;
      tokens.push_back(static_cast<int32_t>(std::max_element(row, rows.end()) - row));
      position += static_cast<int64_t>(next.size());
      next = {tokens.back()};
    }
  }
  return result;
}

}  // namespace qnext
