// llama.cpp on the command line, for comparisons (tests/peers/README.md):
//   llama_peer FOLDER quantize IN.gguf OUT.gguf FILE_TYPE [pure]
//   llama_peer FOLDER logits MODEL.gguf TOKENS.json OUT.safetensors
// FOLDER holds llama.cpp's libraries; FILE_TYPE is the number of general.file_type; TOKENS.json holds a list
// of ids or an object of named lists, and OUT gets F32 "logits" or "NAME.logits" [positions, vocab].
//   llama_peer - compare REFERENCE.safetensors OTHER.safetensors
// prints the relative L2 difference and the KL divergence of OTHER's rows, over all tensors that both have.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/json.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/safetensors_writer.h"
#include "peers/llama_library.h"

namespace qnext {
namespace {

Result<std::vector<int32_t>> ids_of(const Json& list, const std::string& label) {
  std::vector<int32_t> ids;
  if (!list.is_array()) return Error(label + ": expected a list of token ids");
  for (const Json& id : list) {
    if (!id.is_number_integer()) return Error(label + ": expected a list of token ids");
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

Status dump_logits(const LlamaLibrary& llama, const std::string& model, const std::string& tokens,
                   const std::string& out) {
  QN_TRY(const Json json, read_json_file(tokens));
  std::vector<std::string> names;
  std::vector<std::vector<int32_t>> sequences;
  if (json.is_array()) {
    QN_TRY(auto ids, ids_of(json, tokens));
    names.push_back("logits");
    sequences.push_back(std::move(ids));
  } else {
    for (const auto& [name, list] : json.items()) {
      QN_TRY(auto ids, ids_of(list, tokens));
      names.push_back(name + ".logits");
      sequences.push_back(std::move(ids));
    }
  }
  QN_TRY(const auto logits, llama.logits(model, sequences, 2));
  std::vector<NamedTensor> tensors;
  for (size_t i = 0; i < names.size(); ++i) {
    std::byte* data = nullptr;
    const auto& rows = logits.rows_of[i];
    Tensor tensor =
        Tensor::allocate(DType::kF32, {static_cast<int64_t>(sequences[i].size()), logits.vocab}, &data);
    std::memcpy(data, rows.data(), rows.size() * sizeof(float));
    tensors.push_back({names[i], std::move(tensor)});
  }
  return write_safetensors(out, tensors);
}

double log_sum(const float* row, int64_t n) {
  const double peak = *std::max_element(row, row + n);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += std::exp(row[i] - peak);
  return peak + std::log(sum);
}

struct RowDifference {
  double relative = 0, kl = 0;
};

RowDifference compare_rows(const float* a, const float* b, int64_t n) {
  const double log_a = log_sum(a, n), log_b = log_sum(b, n);
  double square = 0, off = 0;
  RowDifference d;
  for (int64_t i = 0; i < n; ++i) {
    const double difference = static_cast<double>(a[i]) - b[i];
    square += static_cast<double>(a[i]) * a[i];
    off += difference * difference;
    d.kl += std::exp(a[i] - log_a) * ((a[i] - log_a) - (b[i] - log_b));
  }
  d.relative = std::sqrt(off / square);
  return d;
}

Status compare(const std::string& reference, const std::string& other) {
  QN_TRY(const auto a, open_safetensors(reference));
  QN_TRY(const auto b, open_safetensors(other));
  std::vector<double> kl, relative;
  for (const TensorEntry& entry : b->entries()) {
    const TensorEntry* same = a->find(entry.name);
    if (!entry.name.ends_with("logits") || entry.name.ends_with("mtp_logits") || !same) continue;
    if (same->shape != entry.shape) return Error(entry.name + ": the shapes differ");
    QN_TRY(const Tensor x, a->load(entry.name));
    QN_TRY(const Tensor y, b->load(entry.name));
    for (int64_t i = 0; i < x.shape.rows(); ++i) {
      const RowDifference d = compare_rows(reinterpret_cast<const float*>(x.row(i)),
                                           reinterpret_cast<const float*>(y.row(i)), x.shape.last());
      kl.push_back(d.kl);
      relative.push_back(d.relative);
    }
  }
  if (kl.empty()) return Error(other + ": no tensor of logits in common");
  double sum = 0, square = 0;
  for (double v : kl) sum += v;
  const double n = static_cast<double>(kl.size()), mean = sum / n;
  for (double v : kl) square += (v - mean) * (v - mean);
  std::sort(kl.begin(), kl.end());
  fmt::print("rows {} relative max {:.3e} KL mean {:.6e} standard error {:.1e} median {:.3e} max {:.3e}\n",
             kl.size(), *std::max_element(relative.begin(), relative.end()), mean, std::sqrt(square) / n,
             kl[kl.size() / 2], kl.back());
  return {};
}

Status run(int argc, char** argv) {
  const std::string command = argc > 2 ? argv[2] : "";
  if (command == "compare" && argc == 5) return compare(argv[3], argv[4]);
  if (!(command == "quantize" && argc >= 6) && !(command == "logits" && argc == 6))
    return Error(
        "usage: llama_peer FOLDER quantize IN OUT FILE_TYPE [pure] | logits MODEL TOKENS OUT | compare REF "
        "OTHER");
  QN_TRY(const auto llama, LlamaLibrary::open(argv[1]));
  if (command == "logits") return dump_logits(*llama, argv[3], argv[4], argv[5]);
  return llama->quantize_file(argv[3], argv[4], std::atoi(argv[5]), argc > 6);
}

}  // namespace
}  // namespace qnext

int main(int argc, char** argv) {
  const qnext::Status status = qnext::run(argc, argv);
  if (status.ok()) return 0;
  fmt::print(stderr, "llama_peer: {}\n", status.error().message());
  return 1;
}
