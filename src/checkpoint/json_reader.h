// Reads JSON as a stream of events, for documents with a hundred thousand members of which no tree should be
// built.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace qnext {

// Derive from it and override the handlers. Each handler is told of one value and sees where it is: depth()
// is the number of objects and lists around the value, path(i) the name under which it lies in the i-th of
// them from outside ("" in a list). The first error that a handler returns ends the reading.
class JsonReader {
 public:
  explicit JsonReader(std::string label) : label_(std::move(label)) {}
  virtual ~JsonReader() = default;

  // Reads one document. Errors start with the label; nesting beyond kJsonMaxDepth is one.
  Status read(std::string_view text);

 protected:
  const std::string& label() const { return label_; }
  size_t depth() const { return depth_; }
  std::string_view path(size_t i) const { return names_[i]; }

  // Text from the document for a message: in quotes, on one line, cut after 60 characters.
  static std::string quoted(std::string_view text);

  virtual Status on_begin(bool array) = 0;  // of an object or list; depth() does not count it yet
  virtual Status on_integer(uint64_t value) = 0;
  virtual Status on_string(const std::string& value) = 0;
  virtual Status on_other(const char* kind) = 0;  // null, a boolean, a negative or fractional number

 private:
  class Events;
  std::string label_;
  size_t depth_ = 0;
  std::vector<std::string> names_;  // [>= depth_]
};

}  // namespace qnext
