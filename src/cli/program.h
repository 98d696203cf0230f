#pragma once

namespace qnext {

// The whole program. Returns its exit code: 0 done, 1 input or environment at fault, 2 wrong usage, 130
// interrupted.
int run_program(int argc, const char* const* argv);

}  // namespace qnext
