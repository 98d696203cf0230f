// How the interpreter stops: a Failure is thrown from wherever the template cannot go on and becomes an Error
// in template.cc. It never leaves this folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace qnext::jinja {

struct Failure {
  std::string message;             // without the place: "filter 'foo' is not supported"
  std::optional<uint32_t> offset;  // byte of the template source; the innermost expression fills it in
};

[[noreturn]] inline void fail(std::string message) { throw Failure{std::move(message), std::nullopt}; }
[[noreturn]] inline void fail_at(uint32_t offset, std::string message) {
  throw Failure{std::move(message), offset};
}

}  // namespace qnext::jinja
