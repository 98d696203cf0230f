// GGUF: the whole input is a file. It is opened as a model, summed up, planned for conversion and loaded.
#include "checkpoint/gguf.h"

#include "base/thread_pool.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf_layout.h"
#include "checkpoint/summary.h"
#include "fuzz.h"
#include "kernels/ops.h"
#include "model/model.h"

using namespace qnext;

namespace {

void read_all(const TensorSource& source) {
  for (const TensorEntry& entry : source.entries()) {
    const auto tensor = source.load(entry.name);
    QN_CHECK(tensor.ok(), "a tensor that was checked cannot be loaded");
    touch(tensor->data, tensor->bytes());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static ThreadPool pool(1);
  static const std::unique_ptr<Ops> ops = make_ref_ops(pool);
  const Image image(data, size);
  const auto file = parse_gguf(image.bytes(), nullptr, "file");
  check_error(file, "file: ");
  if (!file.ok()) return 0;
  read_all(*file->tensors);

  const auto checkpoint = open_gguf_image(image.bytes(), nullptr, "file");
  check_error(checkpoint, "file: ");
  if (!checkpoint.ok()) return 0;
  const Summary summary = summarize(*checkpoint);
  QN_CHECK(!to_text(summary).empty() && to_json(summary).is_object(), "a summary says something");
  check_error(gguf_recipes(*checkpoint, checkpoint->has_mtp()), "file: ");
  check_error(Model::load(*checkpoint, *ops, {.mtp = checkpoint->has_mtp()}), "file: ");
  return 0;
}
