#pragma once

namespace qnext {
inline constexpr const char* kVersion = QNEXT_VERSION;  // from CMake's project()
}  // namespace qnext
