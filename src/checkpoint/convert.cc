#include "checkpoint/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <optional>

#include "base/check.h"
#include "checkpoint/gguf_layout.h"
#include "checkpoint/row_reader.h"
#include "tensor/block_formats.h"
#include "tensor/panels.h"

namespace qnext {
namespace {

constexpr int64_t kChunkBytes = int64_t{8} << 20;  // of output made before it is written

void change_values(ValueChange change, float* values, int64_t count) {
  if (change == ValueChange::kAddOne) {
    for (int64_t i = 0; i < count; ++i) values[i] += 1.0f;
  } else if (change == ValueChange::kNegExp) {
    for (int64_t i = 0; i < count; ++i) values[i] = -std::exp(values[i]);
  }
}

bool all_finite(const float* values, int64_t count) {
  constexpr uint32_t kExponent = 0x7f800000;  // all ones for NaN and infinities
  uint32_t odd = 0;
  for (int64_t i = 0; i < count; ++i) {
    odd |= static_cast<uint32_t>((std::bit_cast<uint32_t>(values[i]) & kExponent) == kExponent);
  }
  return odd == 0;
}

// Passes rows on as they come, or matrix by matrix in panels.
class PanelSink {
 public:
  PanelSink(const TensorEntry& entry, TensorSink& sink)
      : dtype_(entry.dtype),
        panels_(entry.panels),
        rows_(entry.shape.rank() < 2 ? 1 : entry.shape.dims().end()[-2]),
        cols_(entry.shape.last()),
        sink_(sink) {}

  Status write(std::span<const std::byte> rows) {
    if (!panels_) return sink_.write(rows);
    const auto matrix = static_cast<size_t>(rows_ * row_bytes(dtype_, cols_));
    while (!rows.empty()) {
      const size_t taken = std::min(rows.size(), matrix - held_.size());
      held_.insert(held_.end(), rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(taken));
      rows = rows.subspan(taken);
      if (held_.size() < matrix) continue;
      packed_.resize(matrix);
      pack_rows(dtype_, rows_, cols_, held_.data(), 0, rows_ / kPanelRows, packed_.data());
      QN_RETURN_IF_ERROR(sink_.write(packed_));
      held_.clear();
    }
    return {};
  }
  Status finish() const {
    QN_CHECK(held_.empty(), "a tensor that ends within a matrix");
    return {};
  }

 private:
  const DType dtype_;
  const bool panels_;
  const int64_t rows_, cols_;  // of a matrix
  TensorSink& sink_;
  std::vector<std::byte> held_, packed_;
};

// Makes the data of one output tensor after the other.
class TensorMaker {
 public:
  TensorMaker(const Checkpoint& checkpoint, ThreadPool& pool, const ConvertOptions& options, int64_t total)
      : checkpoint_(checkpoint), pool_(pool), options_(options), total_(total) {}

  Status make(const GgufRecipe& recipe, const TensorEntry& entry, TensorSink& sink) {
    PanelSink panels(entry, sink);
    for (const RowRange& range : recipe.rows) {
      if (range.source != open_name_) {
        QN_TRY(auto reader, RowReader::open(*checkpoint_.tensors, range.source, checkpoint_.config));
        open_ = std::move(reader);
        open_name_ = range.source;
      }
      QN_RETURN_IF_ERROR(copy_range(recipe, range, entry.dtype, panels));
    }
    return panels.finish();
  }

 private:
  Status copy_range(const GgufRecipe& recipe, const RowRange& range, DType type, PanelSink& sink) {
    const int64_t cols = recipe.shape.last(), bytes = row_bytes(type, cols);
    const Tensor& source = open_->tensor();
    const bool as_is = type == source.dtype && is_quantised(type) && recipe.change == ValueChange::kNone;
    const int64_t rows_at_once = std::max<int64_t>(1, kChunkBytes / std::max<int64_t>(1, bytes));
    for (int64_t done = 0; done < range.count; done += rows_at_once) {
      const int64_t begin = range.begin + done, count = std::min(rows_at_once, range.count - done);
      if (as_is && source.panels) {
        buffer_.resize(static_cast<size_t>(count * bytes));
        for (int64_t i = 0; i < count; ++i) open_->copy(begin + i, cols, buffer_.data() + i * bytes);
        QN_RETURN_IF_ERROR(sink.write({buffer_.data(), static_cast<size_t>(count * bytes)}));
      } else if (as_is) {
        QN_RETURN_IF_ERROR(sink.write({source.data + begin * bytes, static_cast<size_t>(count * bytes)}));
      } else {
        QN_RETURN_IF_ERROR(quantise(recipe, range, begin, count, type));
        QN_RETURN_IF_ERROR(sink.write({buffer_.data(), static_cast<size_t>(count * bytes)}));
      }
      done_ += count * cols;
      if (options_.progress) options_.progress(done_, total_);
    }
    return {};
  }

  // Rows [begin, begin + count) of the open source into buffer_.
  Status quantise(const GgufRecipe& recipe, const RowRange& range, int64_t begin, int64_t count, DType type) {
    const int64_t cols = recipe.shape.last(), bytes = row_bytes(type, cols);
    buffer_.resize(static_cast<size_t>(count * bytes));
    scratch_.resize(static_cast<size_t>(pool_.size() * cols));
    std::atomic<bool> finite{true};
    const int64_t grain = std::max<int64_t>(1, 16384 / std::max<int64_t>(1, cols));
    pool_.parallel_for(count, grain, [&](int64_t first, int64_t last, int worker) {
      float* values = scratch_.data() + worker * cols;
      for (int64_t i = first; i < last; ++i) {
        open_->read(begin + i, cols, values);
        change_values(recipe.change, values, cols);
        if (!all_finite(values, cols)) finite = false;
        if (!finite) break;  // there is no telling what a block format makes of them
        quantize_row(type, values, buffer_.data() + i * bytes, cols);
      }
    });
    if (finite) return {};
    return Error(fmt::format("{}: tensor {} has a value that is not finite (for {} of the output)",
                             checkpoint_.tensors->label(), range.source, recipe.name));
  }

  const Checkpoint& checkpoint_;
  ThreadPool& pool_;
  const ConvertOptions& options_;
  const int64_t total_;
  int64_t done_ = 0;
  std::string open_name_;
  std::optional<RowReader> open_;
  std::vector<std::byte> buffer_;
  std::vector<float> scratch_;
};

// The file's tensors. Published ones that may not be quantised become F32; those of a GGUF keep their type.
std::vector<TensorEntry> plan_tensors(const Checkpoint& checkpoint, const std::vector<GgufRecipe>& recipes,
                                      GgufFileType type) {
  std::vector<TensorEntry> entries;
  const bool gguf = checkpoint.tensors->naming() == Naming::kGguf;
  for (const GgufRecipe& recipe : recipes) {
    const DType kept = gguf ? checkpoint.tensors->find(recipe.name)->dtype : DType::kF32;
    entries.push_back({recipe.name, kept, recipe.shape});
  }
  const std::vector<DType> types = plan_types(type, checkpoint.config, entries);
  for (size_t i = 0; i < entries.size(); ++i) entries[i].dtype = types[i];
  return entries;
}

// Matrices that a step reads whole. An embedding is read by rows, unless it is the head too.
void choose_panels(std::vector<TensorEntry>& entries) {
  const bool head = std::any_of(entries.begin(), entries.end(),
                                [](const TensorEntry& e) { return e.name == "output.weight"; });
  for (TensorEntry& e : entries) {
    e.panels = e.shape.rank() >= 2 && e.shape.dims().end()[-2] >= kPanelRows &&
               fits_panels(e.dtype, e.shape.last()) && !(head && e.name == "token_embd.weight");
  }
}

GgufMetadataBuilder make_metadata(const Checkpoint& checkpoint, bool with_mtp,
                                  const ConvertOptions& options) {
  if (checkpoint.tensors->naming() != Naming::kGguf)
    return gguf_model_metadata(checkpoint, with_mtp, options.name, options.tokenizer);
  GgufMetadataBuilder metadata(checkpoint.metadata->items());
  for (const char* key : {"split.no", "split.count", "split.tensors.count"}) metadata.remove(key);
  if (checkpoint.has_mtp() && !with_mtp) {
    metadata.u32("qwen3next.block_count", checkpoint.config.num_layers);
    metadata.remove("qwen3next.nextn_predict_layers");
  }
  return metadata;
}

}  // namespace

Status convert_to_gguf(const Checkpoint& checkpoint, const std::string& path, const ConvertOptions& options,
                       ThreadPool& pool) {
  const bool with_mtp = checkpoint.has_mtp() && !options.drop_mtp;
  QN_TRY(const auto recipes, gguf_recipes(checkpoint, with_mtp));
  std::vector<TensorEntry> entries = plan_tensors(checkpoint, recipes, options.type);
  if (options.panels) choose_panels(entries);
  GgufMetadataBuilder metadata = make_metadata(checkpoint, with_mtp, options);
  set_file_type(metadata, options.type);
  int64_t total = 0;
  for (const TensorEntry& entry : entries) total += entry.shape.elements();
  TensorMaker maker(checkpoint, pool, options, total);
  return write_gguf(path, metadata.items(), entries, [&](size_t index, TensorSink& sink) {
    return maker.make(recipes[index], entries[index], sink);
  });
}

}  // namespace qnext
