// One rendering of a template: it owns the objects that the template makes and holds it to the limits. The
// limits are counted in steps: evaluating an expression or a statement, copying an element and making 128
// bytes of text are one each, so that they bound both time and memory.
#pragma once

#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "text/jinja/failure.h"
#include "text/jinja/value.h"

namespace qnext::jinja {

struct Limits {
  int64_t steps = 10'000'000;
  size_t text = size_t{64} << 20;  // bytes of the output, and of any one text
  int64_t range = 100'000;         // elements of range(), as in Jinja's sandbox
};

class Runtime {
 public:
  Runtime(const Limits& limits, std::time_t now) : limits_(limits), now_(now) {}

  const Limits& limits() const { return limits_; }
  std::time_t now() const { return now_; }

  void spend(int64_t steps = 1) {
    steps_ += steps;
    if (steps_ > limits_.steps) out_of_steps();
  }
  // To be called before a text of this size is made or searched.
  void reserve_text(size_t bytes) {
    if (bytes > limits_.text) text_too_long();
    spend(1 + static_cast<int64_t>(bytes / 128));
  }

  Value text(std::string text) {
    reserve_text(text.size());
    return Value::text(std::move(text));
  }
  // One of possibly many parts of a text, which take far more memory than their bytes.
  Value part(std::string_view text) {
    spend(4 + static_cast<int64_t>(text.size() / 128));
    return Value::text(std::string(text));
  }
  Value list(std::vector<Value> items, List::Form form = List::Form::list) {
    spend(1 + static_cast<int64_t>(items.size()));
    return Value::object(make<List>(std::move(items), form));
  }
  // A new object that lives as long as this Runtime.
  template <class T, class... Arguments>
  T* make(Arguments&&... arguments) {
    auto owned = std::make_unique<T>(std::forward<Arguments>(arguments)...);
    T* object = owned.get();
    objects_.push_back(std::move(owned));
    return object;
  }

  // JSON as values. Integers beyond 64 bits arrive as doubles and stay integers in print: see
  // docs/templates.md.
  Value from_json(const Json& json);

 private:
  friend class Nesting;
  [[noreturn]] void out_of_steps() const;
  [[noreturn]] void text_too_long() const;

  Limits limits_;
  std::time_t now_;
  int64_t steps_ = 0;
  int depth_ = 0;
  std::vector<std::unique_ptr<Object>> objects_;
};

// One level of recursion, for as long as it lives; fails when there are too many.
class Nesting {
 public:
  explicit Nesting(Runtime& runtime) : runtime_(runtime) {
    if (++runtime_.depth_ > kDeepest) {
      --runtime_.depth_;
      fail("nested too deeply");
    }
  }
  ~Nesting() { --runtime_.depth_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

  static constexpr int kDeepest = 1200;

 private:
  Runtime& runtime_;
};

}  // namespace qnext::jinja
