#include "cli/open_model.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <numeric>

#include "base/files.h"
#include "checkpoint/lora.h"
#include "checkpoint/published_view.h"
#include "cli/embedded_model.h"
#include "cli/model_text.h"

namespace qnext {
namespace {

constexpr const char* kEmbeddedLabel = "embedded model";

Result<Checkpoint> open_embedded() {
  const auto image = embedded_model();
  if (image.empty()) {
    return Error("this program was built without an embedded model: give MODEL, a folder or a GGUF file");
  }
  return open_gguf_image(image, nullptr, kEmbeddedLabel);
}

// What llama.cpp's converter keeps of a generation configuration.
Result<GenerationDefaults> read_gguf_sampling(const GgufMetadata& metadata) {
  GenerationDefaults defaults;
  const std::string prefix = "general.sampling.";
  for (const GgufMetadata::Item& item : metadata.items()) {
    defaults.stated = defaults.stated || item.key.starts_with(prefix);
  }
  SamplingParams& s = defaults.sampling;
  QN_TRY(s.temperature, metadata.number_or(prefix + "temp", 1));
  QN_TRY(s.top_k, metadata.integer_or(prefix + "top_k", 0));
  QN_TRY(s.top_p, metadata.number_or(prefix + "top_p", 1));
  QN_TRY(s.min_p, metadata.number_or(prefix + "min_p", 0));
  QN_TRY(s.repeat_penalty, metadata.number_or(prefix + "penalty_repeat", 1));
  if (auto valid = s.validate(0); !valid.ok())
    return valid.error().in(metadata.label() + ": " + prefix + "*");
  return defaults;
}

Result<std::string> read_standard_input() {
  std::string text;
  char buffer[1 << 16];
  for (;;) {
    const ssize_t got = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (got == 0) return text;
    if (got > 0) {
      text.append(buffer, static_cast<size_t>(got));
    } else if (errno != EINTR) {
      return system_error("standard input", "read", errno);
    }
  }
}

}  // namespace

Result<OpenedModel> open_model(const std::string& model, const std::string& lora) {
  OpenedModel opened;
  opened.label = model.empty() ? kEmbeddedLabel : model;
  QN_TRY(opened.checkpoint, model.empty() ? open_embedded() : open_checkpoint(model));
  if (!lora.empty()) {
    Checkpoint& c = opened.checkpoint;
    QN_TRY(const auto published, published_view(c));
    QN_TRY(c.tensors, apply_lora(published, c.config, lora));
  }
  QN_RETURN_IF_ERROR(opened.read_defaults());
  return opened;
}

Result<OpenedModel> open_model_text(const std::string& model) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(model, ignored)) return open_model(model);
  OpenedModel opened;
  opened.label = model;
  opened.checkpoint.folder = model;
  return opened;
}

Status OpenedModel::read_defaults() {
  GenerationDefaults defaults;
  const Checkpoint& c = checkpoint;
  if (c.generation_config) {
    const std::string where = c.folder.empty() ? label : c.folder + "/generation_config.json";
    QN_TRY(defaults, read_generation_config(*c.generation_config, where));
  } else if (c.metadata) {
    QN_TRY(defaults, read_gguf_sampling(*c.metadata));
  }
  sampling_ = defaults.sampling;
  sampling_stated_ = defaults.stated;
  stop_tokens_ = defaults.stop_tokens;
  stop_tokens_.insert(stop_tokens_.end(), c.config.eos_tokens.begin(), c.config.eos_tokens.end());
  return {};
}

SamplingParams OpenedModel::defaults(Purpose purpose) const {
  if (sampling_stated_) return sampling_;
  SamplingParams params = sampling_;  // may have a repetition penalty
  params.temperature = 0;
  if (purpose == Purpose::kText) {
    params.temperature = 0.7;
    params.top_p = 0.8;
    params.top_k = 20;
  }
  return params;
}

Result<std::shared_ptr<const Tokenizer>> OpenedModel::tokenizer() const {
  if (!tokenizer_) {
    QN_TRY(tokenizer_, load_tokenizer(checkpoint, label));
  }
  if (!tokenizer_) return Error(label + ": the model has no tokenizer");
  return tokenizer_;
}

Result<std::shared_ptr<const ChatTemplate>> OpenedModel::chat_template() const {
  return load_chat_template(checkpoint, label);
}

Result<std::vector<int32_t>> OpenedModel::tokens_without_text() const {
  if (!tokenizer_) {
    QN_TRY(tokenizer_, load_tokenizer(checkpoint, label));
  }
  std::vector<int32_t> ids;
  if (!tokenizer_) return ids;
  for (int32_t id = 0; id < checkpoint.config.vocab_size; ++id) {
    if (id >= tokenizer_->vocab_size() || tokenizer_->is_padding(id)) ids.push_back(id);
  }
  return ids;
}

Result<std::string> read_text_input(const std::string& path) {
  return path == "-" ? read_standard_input() : read_file(path);
}

}  // namespace qnext
