// Errors as values. Everything that can fail because of what a user gave us (a file, a request, a template)
// returns Result<T>; its message names the file, the field and the value. Bugs are caught by check.h instead.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "base/check.h"

namespace qnext {

// What went wrong, in one line, without a trailing newline: "model.gguf: tensor blk.0.attn_q.weight: ...".
// Control characters, which names and values from a file may have, become spaces; a message that has grown
// beyond all use is cut.
class [[nodiscard]] Error {
 public:
  explicit Error(std::string message);
  const std::string& message() const { return message_; }
  // The same error seen from further out: "context: message".
  Error in(const std::string& context) const { return Error(context + ": " + message_); }

 private:
  std::string message_;
};

// Either a T or an Error. Reading the wrong one is a bug and stops the program.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : held_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit on purpose
  Result(Error error) : held_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool ok() const { return held_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    QN_CHECK(ok(), "value() of a failed Result: " + error_text());
    return std::get<0>(held_);
  }
  const T& value() const& {
    QN_CHECK(ok(), "value() of a failed Result: " + error_text());
    return std::get<0>(held_);
  }
  T&& value() && {
    QN_CHECK(ok(), "value() of a failed Result: " + error_text());
    return std::get<0>(std::move(held_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const {
    QN_CHECK(!ok(), "error() of a Result that holds a value");
    return std::get<1>(held_);
  }

 private:
  std::string error_text() const { return ok() ? std::string() : std::get<1>(held_).message(); }
  std::variant<T, Error> held_;
};

// Done, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : failed_(true), error_(std::move(error)) {}  // NOLINT
  bool ok() const { return !failed_; }
  explicit operator bool() const { return ok(); }
  const Error& error() const {
    QN_CHECK(failed_, "error() of a Result that holds a value");
    return error_;
  }

 private:
  bool failed_ = false;
  Error error_{std::string()};
};

using Status = Result<void>;

}  // namespace qnext

#define QN_CONCAT_(a, b) a##b
#define QN_CONCAT(a, b) QN_CONCAT_(a, b)

// QN_TRY(auto x, f());  gives x the value of f(), or returns f()'s error from this function.
#define QN_TRY(declaration, expression) QN_TRY_(declaration, expression, QN_CONCAT(qn_result_, __LINE__))
#define QN_TRY_(declaration, expression, name) \
  auto name = (expression);                    \
  if (!name.ok()) return name.error();         \
  declaration = std::move(name).value()

// QN_RETURN_IF_ERROR(f());  returns f()'s error from this function, if it has one.
#define QN_RETURN_IF_ERROR(expression)                                            \
  do {                                                                            \
    if (auto qn_status = (expression); !qn_status.ok()) return qn_status.error(); \
  } while (false)
