// JSON as untrusted input: parsing with a depth limit, and typed field access whose errors name file and
// field. The representation is nlohmann::ordered_json, because templates print objects in the order they were
// written.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace qnext {

using Json = nlohmann::ordered_json;

inline constexpr int kJsonMaxDepth = 200;

// Parses one JSON document. `label` (usually a path) starts every error message. Rejects deeper nesting than
// kJsonMaxDepth, trailing text, and duplicate-free validity is not checked (the last duplicate wins).
Result<Json> parse_json(std::string_view text, const std::string& label);

// Sees every key and value as it is parsed, `depth` objects and lists deep; what it answers false to is left
// out of the document. For documents with a member of a hundred thousand entries, which the visitor keeps in
// a form of its own.
using JsonVisitor = std::function<bool(int depth, nlohmann::detail::parse_event_t event, Json& value)>;
Result<Json> parse_json(std::string_view text, const std::string& label, const JsonVisitor& visitor);

// Reads and parses a file of at most `max_bytes`.
Result<Json> read_json_file(const std::string& path, int64_t max_bytes = int64_t{1} << 30);

// Prints with ensure_ascii off; invalid UTF-8 becomes U+FFFD instead of throwing.
std::string dump_json(const Json& json, int indent = -1);

// Typed access to the members of an object. A missing member with no fallback, or one of another type, is an
// error "LABEL: field NAME: expected an integer, got \"x\"".
class JsonFields {
 public:
  JsonFields(const Json& object, std::string label) : object_(object), label_(std::move(label)) {}
  bool has(const std::string& name) const;  // present and not null
  Result<int64_t> integer(const std::string& name) const;
  Result<int64_t> integer_or(const std::string& name, int64_t fallback) const;
  Result<double> number(const std::string& name) const;
  Result<double> number_or(const std::string& name, double fallback) const;
  Result<bool> boolean_or(const std::string& name, bool fallback) const;
  Result<std::string> string(const std::string& name) const;
  Result<std::string> string_or(const std::string& name, const std::string& fallback) const;
  Result<std::vector<int64_t>> integers_or(const std::string& name, std::vector<int64_t> fallback) const;
  Error wrong(const std::string& name, const std::string& expected) const;
  const Json& json() const { return object_; }
  const std::string& label() const { return label_; }

 private:
  const Json* find(const std::string& name) const;
  const Json& object_;
  std::string label_;
};

}  // namespace qnext
