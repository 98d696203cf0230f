#include "checkpoint/published_view.h"

#include <fmt/format.h>

#include <cmath>
#include <unordered_map>

#include "checkpoint/gguf_layout.h"
#include "checkpoint/manifest.h"
#include "checkpoint/row_reader.h"
#include "tensor/block_formats.h"

namespace qnext {
namespace {

// Rows of a published tensor that lie together in one of the file's.
struct Piece {
  std::string stored;
  int64_t stored_row = 0, row = 0, count = 0;
  ValueChange change = ValueChange::kNone;
};

void undo(ValueChange change, float* values, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    if (change == ValueChange::kAddOne) values[i] -= 1;
    if (change == ValueChange::kNegExp) values[i] = std::log(-values[i]);
  }
}

class PublishedView final : public TensorSource {
 public:
  explicit PublishedView(const Checkpoint& checkpoint)
      : stored_(checkpoint.tensors), config_(checkpoint.config), label_(stored_->label()) {}

  Status fill(bool with_mtp) {
    for (const GgufRecipe& recipe : gguf_recipes(config_, with_mtp)) {
      if (!stored_->find(recipe.name)) {
        return Error(fmt::format("{}: tensor {} is missing", label_, recipe.name));
      }
      int64_t at = 0;
      for (const RowRange& range : recipe.rows) {
        pieces_[range.source].push_back({recipe.name, at, range.begin, range.count, recipe.change});
        at += range.count;
      }
    }
    for (NamedShape& tensor : published_tensors(config_, with_mtp)) {
      entries_.push_back({std::move(tensor.name), DType::kF32, std::move(tensor.shape)});
      TensorEntry& entry = entries_.back();
      QN_RETURN_IF_ERROR(check(entry));
      const bool matrix = entry.shape.rank() == 2;
      const DType stored = stored_->find(pieces_.at(entry.name).front().stored)->dtype;
      if (matrix && stored != DType::kF32) entry.dtype = DType::kBF16;
    }
    for (size_t i = 0; i < entries_.size(); ++i) index_.emplace(entries_[i].name, i);
    return {};
  }

  Naming naming() const override { return Naming::kPublished; }
  const std::string& label() const override { return label_; }
  const std::vector<TensorEntry>& entries() const override { return entries_; }
  const TensorEntry* find(std::string_view name) const override {
    const auto it = index_.find(name);
    return it == index_.end() ? nullptr : &entries_[it->second];
  }

  Result<Tensor> load(std::string_view name) const override {
    const TensorEntry* entry = find(name);
    if (!entry) return Error(fmt::format("{}: tensor {} is missing", label_, name));
    std::byte* out = nullptr;
    Tensor tensor = Tensor::allocate(entry->dtype, entry->shape, &out);
    const int64_t cols = entry->shape.last();
    std::vector<float> row(static_cast<size_t>(cols));
    for (const Piece& piece : pieces_.at(entry->name)) {
      QN_TRY(const RowReader reader, RowReader::open(*stored_, piece.stored, config_));
      for (int64_t r = 0; r < piece.count; ++r) {
        reader.read(piece.stored_row + r, cols, row.data());
        undo(piece.change, row.data(), cols);
        quantize_row(entry->dtype, row.data(), out + (piece.row + r) * row_bytes(entry->dtype, cols), cols);
      }
    }
    return tensor;
  }

 private:
  // That the file's tensors have rows as wide as the published one, and as many as are read.
  Status check(const TensorEntry& entry) const {
    for (const Piece& piece : pieces_.at(entry.name)) {
      const TensorEntry& stored = *stored_->find(piece.stored);
      if (stored.shape.last() != entry.shape.last() || stored.shape.rows() < piece.stored_row + piece.count) {
        return Error(fmt::format("{}: tensor {} has shape {}, which does not fit {} {}", label_, stored.name,
                                 stored.shape.text(), entry.name, entry.shape.text()));
      }
    }
    return {};
  }

  const std::shared_ptr<const TensorSource> stored_;
  const ModelConfig config_;
  const std::string label_;
  std::unordered_map<std::string, std::vector<Piece>> pieces_;
  std::vector<TensorEntry> entries_;  // not changed after fill(): index_ points into its names
  std::unordered_map<std::string_view, size_t> index_;
};

}  // namespace

Result<std::shared_ptr<const TensorSource>> published_view(const Checkpoint& checkpoint) {
  if (checkpoint.tensors->naming() == Naming::kPublished) return checkpoint.tensors;
  auto view = std::make_shared<PublishedView>(checkpoint);
  QN_RETURN_IF_ERROR(view->fill(checkpoint.has_mtp()));
  return std::shared_ptr<const TensorSource>(std::move(view));
}

}  // namespace qnext
