// The safetensors container: the whole input is a file.
#include "checkpoint/safetensors.h"

#include "fuzz.h"

using namespace qnext;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Image image(data, size);
  auto tensors = parse_safetensors(image.bytes(), nullptr, "file");
  check_error(tensors, "file: ");
  if (!tensors.ok()) return 0;
  auto source = make_mapped_source("file", Naming::kPublished, std::move(*tensors));
  check_error(source, "file: ");
  if (!source.ok()) return 0;
  for (const TensorEntry& entry : (*source)->entries()) {
    const auto tensor = (*source)->load(entry.name);
    QN_CHECK(tensor.ok(), "a tensor that was checked cannot be loaded");
    touch(tensor->data, tensor->bytes());
  }
  return 0;
}
