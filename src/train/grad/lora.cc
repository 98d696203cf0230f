#include "train/grad/lora.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/random.h"
#include "checkpoint/lora.h"

namespace qnext::train {
namespace {

std::vector<const ParameterEntry*> adapted(const ParameterLayout& model, const LoraOptions& options) {
  std::vector<const ParameterEntry*> entries;
  for (const ParameterEntry& entry : model.entries()) {
    const bool wanted =
        std::any_of(options.target_modules.begin(), options.target_modules.end(),
                    [&](const std::string& module) { return lora_targets(module, entry.name); });
    if (wanted && entry.shape.rank() == 2) entries.push_back(&entry);
  }
  return entries;
}

}  // namespace

ParameterLayout adapter_layout(const ParameterLayout& model, const LoraOptions& options) {
  std::vector<NamedShape> factors;
  for (const ParameterEntry* entry : adapted(model, options)) {
    factors.push_back({lora_a_name(entry->name), {options.rank, entry->shape[1]}});
    factors.push_back({lora_b_name(entry->name), {entry->shape[0], options.rank}});
  }
  return ParameterLayout(std::move(factors));
}

Lora::Lora(const ParameterLayout& model, const LoraOptions& options)
    : rank_(options.rank),
      scale_(static_cast<float>(options.alpha / static_cast<double>(options.rank))),
      layout_(adapter_layout(model, options)) {
  int64_t frozen = 0;
  for (const ParameterEntry* entry : adapted(model, options)) {
    targets_.push_back({entry->shape[0], entry->shape[1], entry->offset, frozen,
                        layout_.offset(lora_a_name(entry->name)), layout_.offset(lora_b_name(entry->name))});
    frozen += entry->elements();
  }
  values_.zeros(layout_.size());
  gradients_.zeros(layout_.size());
  frozen_.room(frozen);
}

bool Lora::adapts(const std::string& tensor) const { return layout_.find(lora_a_name(tensor)) != nullptr; }

void Lora::start(const float* model, uint64_t seed) {
  uint64_t stream = 0;
  for (const Target& t : targets_) {
    std::copy_n(model + t.at, t.rows * t.cols, frozen_.data() + t.frozen);
    const double limit = 1 / std::sqrt(static_cast<double>(t.cols));
    float* a = values_.data() + t.a;
    for (int64_t i = 0; i < rank_ * t.cols; ++i) {
      a[i] = static_cast<float>(limit * (2 * random_unit(seed, stream, static_cast<uint64_t>(i)) - 1));
    }
    std::fill_n(values_.data() + t.b, t.rows * rank_, 0.0f);
    ++stream;
  }
}

void Lora::apply(ThreadPool& pool, float* model) {
  pack_.resize(static_cast<size_t>(pool.size()));
  pool.parallel_for(static_cast<int64_t>(targets_.size()), 1, [&](int64_t begin, int64_t end, int worker) {
    std::vector<float> b;
    for (int64_t i = begin; i < end; ++i) {
      const Target& t = targets_[static_cast<size_t>(i)];
      b.assign(values_.data() + t.b, values_.data() + t.b + t.rows * rank_);
      for (float& x : b) x *= scale_;
      std::copy_n(frozen_.data() + t.frozen, t.rows * t.cols, model + t.at);
      multiply(Product<float>{t.rows,
                              t.cols,
                              rank_,
                              {b.data(), rank_, 1},
                              {values_.data() + t.a, t.cols, 1},
                              model + t.at,
                              t.cols,
                              true},
               pack_[static_cast<size_t>(worker)]);
    }
  });
}

void Lora::take_gradients(ThreadPool& pool, const float* model_gradients) {
  pack_.resize(static_cast<size_t>(pool.size()));
  pool.parallel_for(static_cast<int64_t>(targets_.size()), 1, [&](int64_t begin, int64_t end, int worker) {
    PackSpace<float>& space = pack_[static_cast<size_t>(worker)];
    for (int64_t i = begin; i < end; ++i) {
      const Target& t = targets_[static_cast<size_t>(i)];
      const float *g = model_gradients + t.at, *a = values_.data() + t.a, *b = values_.data() + t.b;
      float *da = gradients_.data() + t.a, *db = gradients_.data() + t.b;
      multiply(Product<float>{t.rows, rank_, t.cols, {g, t.cols, 1}, {a, 1, t.cols}, db, rank_, false},
               space);
      multiply(Product<float>{rank_, t.cols, t.rows, {b, 1, rank_}, {g, t.cols, 1}, da, t.cols, false},
               space);
      for (int64_t j = 0; j < t.rows * rank_; ++j) db[j] *= scale_;
      for (int64_t j = 0; j < rank_ * t.cols; ++j) da[j] *= scale_;
    }
  });
}

}  // namespace qnext::train
