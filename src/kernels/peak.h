// The machine's ceilings of arithmetic: what a measured speed is held against.
#pragma once

#include <string_view>

namespace qnext {

class ThreadPool;

// The most that all threads of the pool together do with one instruction on operands in registers.
struct Peak {
  std::string_view instruction;  // "" when the machine has none for this arithmetic
  double gflops = 0;             // 10^9 additions and multiplications a second
};

struct Peaks {
  Peak f32;   // fused multiply-add
  Peak bf16;  // products of BF16, sums in float32
  Peak int8;  // products of bytes, sums in 32 bits
};

// Of the instructions that kernels of `isa` may use, one of cpu_isas(), or "" for the best. Takes about 0.2
// s. Implemented by the cpu backend.
Peaks measure_peaks(ThreadPool& pool, std::string_view isa = {});

}  // namespace qnext
