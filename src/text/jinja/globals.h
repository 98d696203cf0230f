// The functions that every chat template can call.
#pragma once

#include <span>
#include <string_view>

#include "text/jinja/call.h"

namespace qnext::jinja {

struct NamedGlobal {
  std::string_view name;
  GlobalFunction function;
};

std::span<const NamedGlobal> globals();

}  // namespace qnext::jinja
