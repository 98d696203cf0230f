// Templates of the Jinja language, as chat templates use it: docs/templates.md lists what is understood and
// where it differs from other implementations. The semantics are those of Jinja 3.1 in the environment that
// the transformers library sets up (trim_blocks, lstrip_blocks, a sandbox without mutation, and its own
// tojson).
#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "text/jinja/runtime.h"

namespace qnext::jinja {

struct Program;

struct RenderOptions {
  Limits limits;
  std::optional<std::time_t> now;  // for strftime_now(); the clock when absent
};

// A parsed template. It is immutable: several threads may render it at once.
class Template {
 public:
  // `label` starts every message: "LABEL line 12 column 3: filter 'foo' is not supported". Sources of more
  // than 4 MiB are refused.
  static Result<Template> parse(std::string_view source, std::string label = "chat template");

  // The text that the template makes of `context`, an object whose members are its variables. Errors: what
  // the template does wrong with this context, raise_exception(), and exceeded limits.
  Result<std::string> render(const Json& context, const RenderOptions& options = {}) const;

 private:
  struct Parts;
  explicit Template(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}
  std::shared_ptr<const Parts> parts_;
};

}  // namespace qnext::jinja
