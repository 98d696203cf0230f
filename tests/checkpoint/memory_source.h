// Tensors in memory under any names: copies of another source, changed at will.
#pragma once

#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "checkpoint/tensor_source.h"

namespace qnext::test {

class MemorySource final : public TensorSource {
 public:
  MemorySource() = default;
  explicit MemorySource(const TensorSource& other) : naming_(other.naming()) {
    for (const TensorEntry& entry : other.entries()) put(entry.name, other.load(entry.name).value());
  }
  void put(const std::string& name, const Tensor& tensor) {
    tensors_[name] = tensor;
    index();
  }
  void remove(const std::string& name) {
    tensors_.erase(name);
    index();
  }
  const Tensor& at(const std::string& name) const { return tensors_.at(name); }

  Naming naming() const override { return naming_; }
  const std::string& label() const override { return label_; }
  const std::vector<TensorEntry>& entries() const override { return entries_; }
  const TensorEntry* find(std::string_view name) const override {
    for (const TensorEntry& entry : entries_) {
      if (entry.name == name) return &entry;
    }
    return nullptr;
  }
  Result<Tensor> load(std::string_view name) const override { return tensors_.at(std::string(name)); }

 private:
  void index() {
    entries_.clear();
    for (const auto& [name, tensor] : tensors_) entries_.push_back({name, tensor.dtype, tensor.shape});
  }
  Naming naming_ = Naming::kPublished;
  std::string label_ = "memory";
  std::map<std::string, Tensor> tensors_;
  std::vector<TensorEntry> entries_;
};

// A tensor of `parts` one after the other, under a new shape.
inline Tensor joined(const std::vector<Tensor>& parts, Shape shape) {
  std::byte* out = nullptr;
  Tensor tensor = Tensor::allocate(parts.at(0).dtype, std::move(shape), &out);
  for (const Tensor& part : parts) {
    std::memcpy(out, part.data, static_cast<size_t>(part.bytes()));
    out += part.bytes();
  }
  if (out != tensor.data + tensor.bytes()) throw std::runtime_error("joined parts do not fill the shape");
  return tensor;
}

inline Tensor floats(const std::vector<float>& values, Shape shape) {
  std::byte* out = nullptr;
  Tensor tensor = Tensor::allocate(DType::kF32, std::move(shape), &out);
  std::memcpy(out, values.data(), values.size() * sizeof(float));
  return tensor;
}

}  // namespace qnext::test
