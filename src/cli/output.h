// Where things go: results to standard output, everything else to standard error.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace qnext {

// Writes to standard output at once. An error (a full disk, say) names standard output.
Status write_out(std::string_view text);
// One JSON object and a newline.
Status print_json(const Json& json);

// "qnext: error: MESSAGE" on one line of standard error.
void report_error(std::string_view message);
// The same, and the exit code of wrong usage.
int wrong_usage(std::string_view command, std::string_view message);
// "MESSAGE" on standard error.
void note(std::string_view message);

bool stdout_is_terminal();
bool stdin_is_terminal();

// Most memory that this process had resident so far.
int64_t peak_memory_bytes();
// "12.3 GB", "4.5 MB": powers of 1000.
std::string human_bytes(int64_t bytes);

}  // namespace qnext
