// llama.cpp on the command line, for comparisons (README.md):
//   llama_peer FOLDER quantize IN.gguf OUT.gguf FILE_TYPE [pure]
//   llama_peer FOLDER logits MODEL.gguf TOKENS.json OUT.safetensors
//   llama_peer FOLDER generate MODEL.gguf TOKENS.json OUT.safetensors STEPS
// FOLDER holds llama.cpp's libraries; FILE_TYPE is the number of general.file_type; TOKENS.json holds an
// object of named lists of ids. OUT gets F32 tensors "NAME" [positions, vocab]; generate: [STEPS, vocab], the
// rows that the most probable tokens were taken from.
//   llama_peer FOLDER blocks
// Prints a JSON object: for each type and distribution of values the relative RMS error of either quantiser,
// and whether both decoders agree bit for bit on both results.
//   llama_peer - same A.gguf B.gguf
// Succeeds when both files have the same tensors, bit for bit.
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>

#include "base/json.h"
#include "checkpoint/gguf.h"
#include "checkpoint/safetensors_writer.h"
#include "peers/llama_library.h"
#include "tensor/block_formats.h"

namespace qnext {
namespace {

struct NamedSequences {
  std::vector<std::string> names;
  std::vector<std::vector<int32_t>> ids;
};

Result<NamedSequences> read_sequences(const std::string& path) {
  QN_TRY(const Json json, read_json_file(path));
  if (!json.is_object()) return Error(path + ": expected an object of lists of token ids");
  NamedSequences sequences;
  for (const auto& [name, list] : json.items()) {
    if (!list.is_array() || list.empty()) return Error(path + ": " + name + ": expected a list of token ids");
    sequences.names.push_back(name);
    auto& ids = sequences.ids.emplace_back();
    for (const Json& id : list) {
      if (!id.is_number_integer()) return Error(path + ": " + name + ": expected a list of token ids");
      ids.push_back(id.get<int32_t>());
    }
  }
  return sequences;
}

Status write_rows(const std::string& path, const NamedSequences& sequences,
                  const LlamaLibrary::Logits& logits) {
  std::vector<NamedTensor> tensors;
  for (size_t i = 0; i < sequences.names.size(); ++i) {
    std::byte* data = nullptr;
    const auto& rows = logits.rows_of[i];
    Tensor tensor = Tensor::allocate(DType::kF32,
                                     {static_cast<int64_t>(rows.size()) / logits.vocab, logits.vocab}, &data);
    std::memcpy(data, rows.data(), rows.size() * sizeof(float));
    tensors.push_back({sequences.names[i], std::move(tensor)});
  }
  return write_safetensors(path, tensors);
}

Status same_tensors(const std::string& path_a, const std::string& path_b) {
  QN_TRY(const GgufFile a, open_gguf(path_a));
  QN_TRY(const GgufFile b, open_gguf(path_b));
  if (a.tensors->entries().size() != b.tensors->entries().size())
    return Error(fmt::format("{} and {}: different numbers of tensors", path_a, path_b));
  for (const TensorEntry& entry : a.tensors->entries()) {
    QN_TRY(const Tensor x, a.tensors->load(entry.name));
    QN_TRY(const Tensor y, b.tensors->load(entry.name));
    if (x.dtype != y.dtype || x.shape != y.shape ||
        std::memcmp(x.data, y.data, static_cast<size_t>(x.bytes())) != 0)
      return Error(fmt::format("{} and {}: tensor {} differs", path_a, path_b, entry.name));
  }
  return {};
}

// Draws of one distribution, of the size that weights have.
std::vector<float> draw(const std::string& distribution, size_t count) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 0.02f);
  std::exponential_distribution<float> exponential(50);
  std::uniform_real_distribution<float> uniform(-0.04f, 0.04f);
  std::vector<float> values(count);
  for (float& v : values) {
    v = normal(random);
    if (distribution == "laplace") v = std::copysign(exponential(random), v);
    if (distribution == "uniform") v = uniform(random);
  }
  return values;
}

double relative_rms(const std::vector<float>& values, const std::vector<float>& back) {
  double off = 0, square = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    off += (values[i] - back[i]) * (values[i] - back[i]);
    square += values[i] * values[i];
  }
  return std::sqrt(off / square);
}

Status compare_blocks(const LlamaLibrary& llama) {
  constexpr int64_t kRows = 256, kCols = 2048, kCount = kRows * kCols;
  Json table = Json::object();
  for (const DType type : {DType::kQ8_0, DType::kQ4_0, DType::kQ4_1, DType::kQ5_0, DType::kQ5_1,
                           DType::kIQ4_NL, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K}) {
    for (const char* distribution : {"normal", "laplace", "uniform"}) {
      const std::vector<float> values = draw(distribution, kCount);
      std::vector<std::byte> ours(static_cast<size_t>(row_bytes(type, kCount))), theirs = ours;
      quantize_row(type, values.data(), ours.data(), kCount);
      llama.quantize(type, values.data(), theirs.data(), kRows, kCols);
      std::vector<float> back(kCount), by_llama(kCount);
      bool same = true;
      double error[2] = {};
      for (const auto* stored : {&ours, &theirs}) {
        dequantize_row(type, stored->data(), back.data(), kCount);
        if (!llama.dequantize(type, stored->data(), by_llama.data(), kCount))
          return Error(fmt::format("llama.cpp has no decoder of {}", name(type)));
        same = same && std::memcmp(back.data(), by_llama.data(), kCount * sizeof(float)) == 0;
        error[stored == &theirs] = relative_rms(values, back);
      }
      table[std::string(name(type))][distribution] = {
          {"qnext", error[0]}, {"llama", error[1]}, {"same", same}};
    }
  }
  fmt::print("{}\n", dump_json(table));
  return {};
}

Status run(int argc, char** argv) {
  const std::string command = argc > 2 ? argv[2] : "";
  if (command == "same" && argc == 5) return same_tensors(argv[3], argv[4]);
  const bool quantize = command == "quantize" && (argc == 6 || argc == 7),
             logits = command == "logits" && argc == 6, blocks = command == "blocks" && argc == 3,
             generate = command == "generate" && argc == 7;
  if (!quantize && !logits && !blocks && !generate)
    return Error(
        "usage: llama_peer FOLDER quantize IN OUT FILE_TYPE [pure] | logits MODEL TOKENS OUT | "
        "generate MODEL TOKENS OUT STEPS | blocks | same A B");
  QN_TRY(const auto llama, LlamaLibrary::open(argv[1]));
  if (blocks) return compare_blocks(*llama);
  if (quantize) return llama->quantize_file(argv[3], argv[4], std::atoi(argv[5]), argc == 7);
  QN_TRY(const NamedSequences sequences, read_sequences(argv[4]));
  if (logits) {
    QN_TRY(const auto rows, llama->logits(argv[3], sequences.ids));
    return write_rows(argv[5], sequences, rows);
  }
  QN_TRY(const auto continued, llama->generate(argv[3], sequences.ids, std::atoi(argv[6])));
  return write_rows(argv[5], sequences, continued.logits);
}

}  // namespace
}  // namespace qnext

int main(int argc, char** argv) {
  const qnext::Status status = qnext::run(argc, argv);
  if (status.ok()) return 0;
  fmt::print(stderr, "llama_peer: {}\n", status.error().message());
  return 1;
}
